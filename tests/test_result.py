"""result.npz holds what CONTRACT says, is read back bit for bit, and damage of any kind is one sentence."""

import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from fitter.errors import HandfitError, InputError
from fitter.export import archive
from fitter.export.result import FitResult, find_problem, save_result

VERTICES, FACES = 12, 5


def make_result(hands: int = 2, frames: int = 4) -> FitResult:
    """Random numbers of the right shapes; the last frame's hand is not present."""
    rng = np.random.default_rng(3)
    present = np.ones((hands, frames), bool)
    present[:, -1] = False

    def rows(*shape: int) -> np.ndarray:
        array = rng.normal(size=(hands, frames, *shape)).astype(np.float32)
        array[~present] = np.nan
        return array

    return FitResult(
        side=("left", "right")[:hands],
        present=present,
        observed=present & (rng.random((hands, frames)) > 0.5),
        joints_m=rows(21, 3),
        joints_sigma_mm=rows(21),
        quality=np.where(present, 0.75, np.nan).astype(np.float32),
        keypoints_px=rows(21, 2),
        vertices_m=rows(VERTICES, 3),
        faces=rng.integers(0, VERTICES, (FACES, 3)).astype(np.int32),
        uv=rng.random((VERTICES + 2, 2), dtype=np.float32),
        uv_faces=rng.integers(0, VERTICES + 2, (FACES, 3)).astype(np.int32),
        pose=rows(48),
        betas=rng.normal(size=(hands, 10)).astype(np.float32),
        translation_m=rows(3),
        lighting=np.full((hands, 1, 9, 3), np.nan, np.float32),
        K=np.array([[900.0, 0, 640], [0, 900, 360], [0, 0, 1]]),
        K_known=False,
        K_frames=np.zeros((0, 3, 3)),
        camera_from_world=np.zeros((0, 4, 4)),
        focal_source="assumed",
        focal_sigma=0.2,
        distortion=np.array([0.1, -0.02, 0.001, 0.0]),
        hand_model="anny",
        image_size=(1280, 720),
        fps=29.97,
        status="converged",
    )


def assert_same(first: FitResult, second: FitResult) -> None:
    for field in fields(FitResult):
        one, other = getattr(first, field.name), getattr(second, field.name)
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other, strict=True)
        else:
            assert one == other and type(one) is type(other)


@pytest.mark.parametrize(("hands", "frames"), [(0, 3), (1, 1), (2, 4)])
def test_what_is_saved_is_loaded(tmp_path: Path, hands: int, frames: int) -> None:
    result = make_result(hands, frames)
    file = save_result(result, tmp_path)
    assert file == tmp_path / "result.npz" and [path.name for path in tmp_path.iterdir()] == ["result.npz"]
    assert_same(FitResult.load(tmp_path), result)
    assert_same(FitResult.load(file), result)


def test_the_file_has_the_contracts_names_types_and_shapes(tmp_path: Path) -> None:
    save_result(make_result(hands=1, frames=4), tmp_path)
    with np.load(tmp_path / "result.npz", allow_pickle=False) as arrays:
        seen = {
            name: (arrays[name].dtype.kind + str(arrays[name].dtype.itemsize), arrays[name].shape) for name in arrays
        }
        assert arrays["side"].tolist() == ["left"] and str(arrays["status"]) == "converged"
    assert seen == {
        "format_version": ("i8", ()),
        "side": ("U20", (1,)),
        "present": ("b1", (1, 4)),
        "observed": ("b1", (1, 4)),
        "joints_m": ("f4", (1, 4, 21, 3)),
        "joints_sigma_mm": ("f4", (1, 4, 21)),
        "quality": ("f4", (1, 4)),
        "keypoints_px": ("f4", (1, 4, 21, 2)),
        "vertices_m": ("f4", (1, 4, VERTICES, 3)),
        "faces": ("i4", (FACES, 3)),
        "uv": ("f4", (VERTICES + 2, 2)),
        "uv_faces": ("i4", (FACES, 3)),
        "pose": ("f4", (1, 4, 48)),
        "betas": ("f4", (1, 10)),
        "translation_m": ("f4", (1, 4, 3)),
        "lighting": ("f4", (1, 1, 9, 3)),
        "K": ("f8", (3, 3)),
        "K_known": ("b1", ()),
        "K_frames": ("f8", (0, 3, 3)),
        "camera_from_world": ("f8", (0, 4, 4)),
        "focal_source": ("U28", ()),
        "focal_sigma": ("f8", ()),
        "distortion": ("f8", (4,)),
        "hand_model": ("U16", ()),
        "image_size": ("i8", (2,)),
        "fps": ("f8", ()),
        "status": ("U36", ()),
    }


def _with_value(array: np.ndarray, index: tuple[int, ...], value: float) -> np.ndarray:
    changed = array.copy()
    changed[index] = value
    return changed


GOOD = make_result()


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (replace(GOOD, joints_m=GOOD.joints_m.astype(np.float64)),
         "joints_m: expected float32 of shape (hands, frames, 21, 3), got float64 of shape (2, 4, 21, 3)"),
        (replace(GOOD, pose=GOOD.pose[:, :3]),
         "pose: expected float32 of shape (hands, frames, 48), got float32 of shape (2, 3, 48)"),
        (replace(GOOD, present=GOOD.present.astype(np.int32)),
         "present: expected bool of shape (hands, frames), got int32 of shape (2, 4)"),
        (replace(GOOD, side=("left",)), "side: expected one per hand (2), got 1"),
        (replace(GOOD, side=("left", "left")), "side: expected left and right at most once each, got ['left', 'left']"),
        (replace(GOOD, lighting=np.zeros((2, 3, 9, 3), np.float32)),
         "lighting: expected one per clip or per frame, got 3"),
        (replace(GOOD, image_size=(0, 720)), "image_size: expected width and height in pixels, got (0, 720)"),
        (replace(GOOD, fps=float("nan")), "fps: expected frames per second above 0, got nan"),
        (replace(GOOD, K=GOOD.K.T.copy()), "K: expected a finite intrinsic matrix whose last row is 0, 0, 1"),
        (replace(GOOD, betas=_with_value(GOOD.betas, (0, 0), np.inf)), "betas: expected finite numbers"),
        (replace(GOOD, faces=_with_value(GOOD.faces, (0, 0), VERTICES)), "faces: expected vertex numbers from 0 to 11"),
        (replace(GOOD, uv_faces=_with_value(GOOD.uv_faces, (0, 0), -1)),
         "uv_faces: expected vertex numbers from 0 to 13"),
        (replace(GOOD, quality=_with_value(GOOD.quality, (0, 0), 1.5)),
         "quality: expected 0 to 1 where the hand is present"),
        (replace(GOOD, quality=_with_value(GOOD.quality, (0, 3), 1.0)),
         "quality: expected NaN where the hand is not present"),
        (replace(GOOD, joints_m=_with_value(GOOD.joints_m, (0, 0, 5, 1), np.nan)),
         "joints_m: expected finite numbers where the hand is present"),
        (replace(GOOD, vertices_m=_with_value(GOOD.vertices_m, (1, 3, 5, 1), 0.0)),
         "vertices_m: expected NaN where the hand is not present"),
    ],
)  # fmt: skip
def test_a_broken_contract_is_named_and_never_written(tmp_path: Path, broken: FitResult, message: str) -> None:
    assert find_problem(broken) == message
    with pytest.raises(ValueError) as caught:
        save_result(broken, tmp_path)
    assert str(caught.value) == message
    assert list(tmp_path.iterdir()) == []


def _arrays(tmp_path: Path) -> dict[str, np.ndarray]:
    with np.load(save_result(GOOD, tmp_path), allow_pickle=False) as loaded:
        return dict(loaded)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("joints_m", None, "joints_m is missing"),
        ("format_version", None, "no format_version, so not a result of a fit or one by an older handfit; fit again"),
        ("format_version", np.array(0), "its format_version is 0, this handfit reads 3; fit again"),
        ("format_version", np.array("x"), "its format_version is x, this handfit reads 3; fit again"),
        ("side", np.array([1.0, 2.0]), "side: expected text with 1 axes, got float64 of shape (2,)"),
        ("status", np.array(["a", "b"]), "status: expected text with 0 axes, got <U1 of shape (2,)"),
        ("fps", np.array(0.0), "fps: expected frames per second above 0, got 0.0"),
        ("hand_model", np.array("smal"), "hand_model: expected anny or mano, got 'smal'"),
        ("betas", np.zeros(10, np.float32),
         "betas: expected float32 of shape (hands, betas), got float32 of shape (10,)"),
    ],
)  # fmt: skip
def test_a_changed_file_is_refused(tmp_path: Path, name: str, value: np.ndarray | None, message: str) -> None:
    arrays = _arrays(tmp_path)
    del arrays[name]
    if value is not None:
        arrays[name] = value
    file = tmp_path / "changed.npz"
    np.savez(file, **arrays)  # pyright: ignore[reportArgumentType] (numpy's stub takes the names for allow_pickle)
    with pytest.raises(InputError) as caught:
        FitResult.load(file)
    assert str(caught.value) == f"{file}: {message}"


def test_unknown_arrays_are_left_alone(tmp_path: Path) -> None:
    """A later version may add arrays without changing the old ones."""
    arrays = _arrays(tmp_path) | {"texture_size": np.array(512)}
    np.savez(tmp_path / "more.npz", **arrays)  # pyright: ignore[reportArgumentType]
    assert_same(FitResult.load(tmp_path / "more.npz"), GOOD)


@pytest.mark.parametrize("kept", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: float) -> None:
    file = save_result(GOOD, tmp_path)
    content = file.read_bytes()
    file.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(InputError, match="damaged or not a result of a fit"):
        FitResult.load(file)


def test_flipped_bytes_are_noticed(tmp_path: Path) -> None:
    file = save_result(GOOD, tmp_path)
    content = bytearray(file.read_bytes())
    start = content.index(GOOD.joints_m.tobytes()[:16])
    content[start] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(InputError, match="damaged or not a result of a fit"):
        FitResult.load(file)


class _Hostile:
    """Unpickled, it would create a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self.target),))


def test_pickles_are_never_run(tmp_path: Path) -> None:
    target = tmp_path / "executed"
    hostile = np.array([_Hostile(target)], dtype=object)
    np.savez(tmp_path / "objects.npz", format_version=np.array(2), side=hostile)
    (tmp_path / "bare.npz").write_bytes(pickle.dumps(_Hostile(target)))
    for name in ("objects.npz", "bare.npz"):
        with pytest.raises(InputError, match="damaged or not a result of a fit"):
            FitResult.load(tmp_path / name)
    assert not target.exists()


def test_other_files_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(InputError, match="damaged or not a result of a fit"):
        FitResult.load(tmp_path / "array.npy")
    with pytest.raises(InputError, match=r"result\.npz: cannot be read \(No such file or directory\)"):
        FitResult.load(tmp_path)


def test_a_full_disk_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_array(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive.np.lib.format, "write_array", write_array)
    with pytest.raises(HandfitError, match="disk is full"):
        save_result(GOOD, tmp_path)
    assert list(tmp_path.iterdir()) == []


_SAVE_FOREVER = """
import sys
from pathlib import Path
from fitter.export.result import FitResult, save_result

result = FitResult.load(Path(sys.argv[1]))
while True:
    save_result(result, Path(sys.argv[2]))
    print(flush=True)
"""


def test_kill_leaves_a_whole_result_at_every_moment(tmp_path: Path) -> None:
    """A writer that saves over and over is killed at arbitrary moments: what stands under the name is readable."""
    save_result(GOOD, tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    for delay_s in (0.0, 0.0007, 0.0013, 0.0021, 0.0034):
        command = [sys.executable, "-c", _SAVE_FOREVER, str(tmp_path), str(out)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None and writer.stdout.readline() == b"\n"
            time.sleep(delay_s)
            writer.send_signal(signal.SIGKILL)
        assert_same(FitResult.load(out), GOOD)
