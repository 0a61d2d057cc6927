"""`--initial`: what it reads, whose side it is, what it says where it does not fit, and a fit that grows from it."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import fitter
from fitter.app.cues import Cues
from fitter.app.initial import read_initial
from fitter.app.steps import initialise
from fitter.clip import open_clip
from fitter.errors import InputError
from fitter.evaluate.metrics import pa_mpjpe
from fitter.export.result import FitResult, save_result
from fitter.export.run_record import RunRecord
from fitter.hand import HandModel
from fitter.hand.parameters import HandParameters, pose_hand
from fitter.observe.observations import Side
from tests.moving_hands import blank_clip
from tests.short_clip import FRAMES, KEYPOINTS_ONLY, SIZE, ShortClip, run
from tests.simulated_regressor import hamer_arrays, write_npz
from tests.test_steps import CAMERA, T, model, seen_hand


@pytest.fixture(scope="module")
def clip(anny: HandModel, tmp_path_factory: pytest.TempPathFactory) -> ShortClip:
    return ShortClip.make(anny, tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def fitted(clip: ShortClip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fitted")
    assert run(clip.words(folder)) == 0
    return folder


@pytest.fixture(scope="module")
def hamer(clip: ShortClip, anny: HandModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip's true hand as HaMeR would write it."""
    truth = clip.truth
    numbers = HandParameters(*(torch.from_numpy(array) for array in (truth.pose, truth.betas, truth.translation_m)))
    arrays = hamer_arrays(pose_hand(anny, numbers), truth.camera, noise_rad=0.02)
    return write_npz(tmp_path_factory.mktemp("hamer") / "hamer.npz", arrays)


def started_from(folder: Path) -> dict[str, str]:
    return RunRecord.load(folder).started_from


def test_a_fit_from_its_own_result_stays_where_it_was(clip: ShortClip, fitted: Path, tmp_path: Path) -> None:
    assert set(started_from(fitted)) == {"right"} and started_from(fitted)["right"] in (
        "network",
        "landmarks",
        "relaxed",
    )
    assert run(clip.words(tmp_path, "--initial", str(fitted))) == 0
    assert started_from(tmp_path) == {"right": "previous result"}
    before, after = FitResult.load(fitted), FitResult.load(tmp_path)
    # Convergence is to a thousandth of a sigma, which moves this far.
    assert float(np.abs(before.joints_m - after.joints_m).max()) < 2e-4


def test_the_summary_names_the_start(clip: ShortClip, fitted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = fitted.parent / "loud"
    assert run(clip.words(folder, "--initial", str(fitted / "result.npz"), quiet=False)) == 0
    assert "started from" in (out := capsys.readouterr().out) and "previous result" in out


def test_hands_of_a_regressor_are_a_start(clip: ShortClip, hamer: Path, tmp_path: Path) -> None:
    camera = clip.truth.camera
    intrinsics = f"{camera.fx},{camera.fy},{camera.cx},{camera.cy}"
    assert run(clip.words(tmp_path, "--initial", str(hamer), "--intrinsics", intrinsics)) == 0
    assert started_from(tmp_path)["right"] in ("network", "landmarks", "relaxed", "regressor")
    result = fitter.fit(
        clip.video, initial=hamer, keypoints=clip.keypoints, intrinsics=intrinsics, config=KEYPOINTS_ONLY
    )
    written = FitResult.load(tmp_path)
    assert np.array_equal(result.joints_m, written.joints_m)
    assert 1000.0 * pa_mpjpe(written.joints_m[0], clip.truth.joints_m) < 3.0  # 1.6 without it, too


def test_neutral_is_a_word(clip: ShortClip, tmp_path: Path) -> None:
    assert run(clip.words(tmp_path, "--initial", "neutral")) == 0
    assert started_from(tmp_path)["right"] in ("network", "landmarks", "relaxed", "open", "half open", "fist")


def test_resuming_knows_the_starts_apart(clip: ShortClip, fitted: Path, tmp_path: Path) -> None:
    words = clip.words(tmp_path, "--initial", str(fitted))
    assert run(words) == 0
    first = (tmp_path / "result.npz").stat().st_mtime_ns
    assert run([*words, "--resume"]) == 0
    assert (tmp_path / "result.npz").stat().st_mtime_ns == first
    assert run([*clip.words(tmp_path), "--resume"]) == 0
    assert (tmp_path / "result.npz").stat().st_mtime_ns > first


@pytest.mark.parametrize("side", ["right", "left"])
def test_the_sides_own_hand_is_taken_and_a_left_one_mirrored(side: Side, anny: HandModel, tmp_path: Path) -> None:
    """Joint positions of a fitted result are those of the start, as the engine sees them."""
    inputs = initialise(blank_clip(T), CAMERA, model(), [seen_hand(side)])
    result = two_hands(anny)
    save_result(result, tmp_path)
    initial = read_initial(str(tmp_path), blank_clip(T))
    cues = Cues(initial=initial)
    given = initialise(blank_clip(T), CAMERA, model(), [seen_hand(side)], cues)[0]
    assert len(given.starts) == len(inputs[0].starts) + 1
    assert [start.name for start in given.starts][-1] == "previous result"
    start = given.starts[-1].state
    sign = torch.tensor([-1.0 if side == "left" else 1.0, 1.0, 1.0], dtype=torch.float64)
    wrist = torch.from_numpy(result.joints_m[0 if side == "right" else 1, :, 0].astype(np.float64))
    assert torch.allclose(start.wrist, wrist * sign, atol=1e-6)


def two_hands(anny: HandModel) -> FitResult:
    """A result of right and left hands with numbers of no meaning, in the camera of `tests.test_steps`."""
    rng = np.random.default_rng(0)

    def some(*shape: int) -> np.ndarray:
        return rng.uniform(0.1, 0.4, shape).astype(np.float32)

    joints = some(2, T, 21, 3) + np.float32(0.3)
    return FitResult(
        side=("right", "left"),
        present=np.ones((2, T), dtype=bool),
        observed=np.ones((2, T), dtype=bool),
        joints_m=joints,
        joints_sigma_mm=some(2, T, 21),
        quality=some(2, T),
        keypoints_px=some(2, T, 21, 2),
        vertices_m=some(2, T, 4, 3),
        faces=np.zeros((1, 3), dtype=np.int32),
        uv=some(4, 2),
        uv_faces=np.zeros((1, 3), dtype=np.int32),
        pose=some(2, T, 48),
        betas=some(2, anny.n_betas),
        translation_m=some(2, T, 3),
        lighting=some(2, 1, 9, 3),
        K=CAMERA.matrix,
        K_known=True,
        K_frames=np.zeros((0, 3, 3)),
        camera_from_world=np.zeros((0, 4, 4)),
        focal_source="given",
        focal_sigma=0.0,
        distortion=np.zeros(0),
        hand_model="anny",
        image_size=(640, 480),
        fps=30.0,
        status="converged",
    )


def only(result: FitResult, hand: int) -> FitResult:
    """One hand of the two."""
    arrays = {
        name: array[hand : hand + 1]
        for name, array in vars(result).items()
        if isinstance(array, np.ndarray) and name not in ("faces", "K", "uv", "uv_faces", "distortion")
    }
    return replace(result, side=(result.side[hand],), **arrays)


def test_the_other_side_is_refused_where_it_is_alone(
    anny: HandModel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_result(only(two_hands(anny), 1), tmp_path)
    cues = Cues(initial=read_initial(str(tmp_path), blank_clip(T)))
    with pytest.raises(InputError, match="holds a left hand, but the right hand is fitted"):
        initialise(blank_clip(T), CAMERA, model(), [seen_hand("right")], cues)
    with caplog.at_level(logging.WARNING, logger="fitter"):
        right, left = initialise(blank_clip(T), CAMERA, model(), [seen_hand("right"), seen_hand("left")], cues)
    assert len(left.starts) == len(right.starts) + 1
    assert "holds no right hand: it is fitted from the detections alone" in caplog.text


def test_a_result_of_another_clip_is_refused(clip: ShortClip, anny: HandModel, fitted: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"is of {FRAMES} frames, expected the 5 of this clip"):
        read_initial(str(fitted), blank_clip(5))
    with pytest.raises(InputError, match=f"is of {SIZE[0]}x{SIZE[1]} frames, expected 640x480"):
        read_initial(str(fitted), blank_clip(FRAMES))
    result = two_hands(anny)
    nowhere = {
        name: np.full_like(getattr(result, name), np.nan)
        for name in ("joints_m", "joints_sigma_mm", "quality", "keypoints_px", "vertices_m", "pose", "translation_m")
    }
    save_result(replace(result, present=np.zeros((2, T), dtype=bool), **nowhere), tmp_path)
    with pytest.raises(InputError, match="has no hand in any frame"):
        read_initial(str(tmp_path), blank_clip(T))


def test_what_cannot_be_used_is_status_two(
    clip: ShortClip, fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.npz").write_text("no archive")
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "result.npz").write_bytes((fitted / "result.npz").read_bytes()[:1000])
    for name, sentence in (
        ("nothing", "does not exist: expected a result of handfit, hands by HaMeR or WiLoR"),
        ("empty", "holds neither result.npz nor cam_space"),
        ("text.npz", "is no .npz file of plain arrays"),
        ("half", "damaged or not a result of a fit"),
    ):
        assert run(clip.words(tmp_path / "out", "--initial", str(tmp_path / name))) == 2
        error = capsys.readouterr().err
        assert sentence in error and error.count("\n") == 1
        assert not (tmp_path / "out").exists()


def test_the_clips_own_frames_are_counted(clip: ShortClip, hamer: Path) -> None:
    with np.load(hamer) as file:
        arrays = {name: file[name] for name in file.files}
    short = write_npz(hamer.parent / "short.npz", {**arrays, "frame": np.arange(FRAMES) + 1})
    with pytest.raises(InputError, match=f"frame holds numbers other than 0 to {FRAMES - 1}"):
        read_initial(str(short), open_clip(clip.video))
