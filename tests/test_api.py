"""The Python API: the same fit as the command line's, with nothing left behind unless asked for."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fitter
from fitter.app.arguments import parse_arguments
from fitter.config import load_config
from fitter.errors import InputError
from fitter.export.result import FitResult
from fitter.export.run_record import RunRecord
from fitter.hand import HandModel
from tests.short_clip import FRAMES, KEYPOINTS_ONLY, SIZE, ShortClip, run

ONE_STAGE = {"schedule": {"stages": [{"name": "refine", "max_steps": 3}]}}


@pytest.fixture(scope="module")
def clip(anny: HandModel, tmp_path_factory: pytest.TempPathFactory) -> ShortClip:
    return ShortClip.make(anny, tmp_path_factory.mktemp("clip"))


def test_it_equals_the_command_line(clip: ShortClip, tmp_path: Path) -> None:
    assert run(clip.words(tmp_path / "command")) == 0
    result = fitter.fit(clip.video, keypoints=clip.keypoints, config=KEYPOINTS_ONLY)
    assert isinstance(result, fitter.FitResult)
    assert_same(result, FitResult.load(tmp_path / "command"))


def test_an_output_folder_is_written_as_by_the_command(clip: ShortClip, tmp_path: Path) -> None:
    words = clip.words(tmp_path / "command", "--export.overlay", "true", "--hand-length-mm", "180")
    assert run(words) == 0
    told = {"keypoints": clip.keypoints, "config": KEYPOINTS_ONLY, "hand_length_mm": 180.0}
    result = fitter.fit(clip.video, tmp_path / "api", **told)
    assert_same(FitResult.load(tmp_path / "api"), FitResult.load(tmp_path / "command"))
    assert_same(FitResult.load(tmp_path / "api"), result)
    command, api = (
        {path.relative_to(tmp_path / name) for path in (tmp_path / name).rglob("*") if path.is_file()}
        for name in ("command", "api")
    )
    assert api == command
    assert load_config(tmp_path / "api" / "config.yaml") == load_config(tmp_path / "command" / "config.yaml")


def test_nothing_is_left_behind_without_an_output(
    clip: ShortClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    fitter.fit(clip.video, keypoints=clip.keypoints, config=ONE_STAGE)
    assert list(tmp_path.iterdir()) == []


def test_arrays_do_as_files(clip: ShortClip, tmp_path: Path) -> None:
    """Frames, keypoints and intrinsics from memory; keypoints alone are fitted, so the pixels do not matter."""
    camera = clip.truth.camera
    frames = np.zeros((FRAMES, SIZE[1], SIZE[0], 3), np.uint8)
    points = np.concatenate([clip.seen["keypoints_px"], clip.seen["confidence"][..., None]], axis=-1)
    arrays = clip.write_keypoints(tmp_path / "x_y_confidence.npz", keypoints_px=points[..., :2])
    with np.load(arrays) as whole:
        np.savez(tmp_path / "less.npz", **{name: whole[name] for name in ("keypoints_px", "confidence")})
    options: dict[str, Any] = {"config": ONE_STAGE, "hand": "right"}
    text = f"{camera.fx!r},{camera.fy!r},{camera.cx!r},{camera.cy!r}"
    from_files = fitter.fit(clip.video, keypoints=tmp_path / "less.npz", intrinsics=text, **options)
    from_memory = fitter.fit(frames, tmp_path / "out", fps=30.0, keypoints=points, intrinsics=camera.matrix, **options)
    assert_same(from_memory, from_files)
    by_numbers = fitter.fit(
        frames, fps=30.0, keypoints=points[None], intrinsics=camera.matrix[[0, 1, 0, 1], [0, 1, 2, 2]], **options
    )
    assert_same(by_numbers, from_files)
    assert (tmp_path / "out" / "keypoints.npz").exists()


def test_settings_are_a_nested_mapping(clip: ShortClip, tmp_path: Path) -> None:
    settings = {**ONE_STAGE, "energy": {"keypoints": {"sigma_px": 3.0}, "coupling": None}}
    fitter.fit(clip.video, tmp_path, keypoints=clip.keypoints, config=settings)
    resolved = load_config(tmp_path / "config.yaml")
    assert resolved.energy.keypoints is not None and resolved.energy.keypoints.sigma_px == 3.0
    assert resolved.energy.coupling is None and resolved.energy.pose is not None
    assert [stage.name for stage in resolved.schedule.stages] == ["refine"]


def test_the_record_tells_how_to_make_it_again(clip: ShortClip, tmp_path: Path) -> None:
    fitter.fit(clip.video, tmp_path, ONE_STAGE, keypoints=clip.keypoints, hand="right", hand_length_mm=180.0)
    program, *words = RunRecord.load(tmp_path).command
    request = parse_arguments(words)
    told = request.command
    assert program == "handfit" and (told.input, told.output) == (str(clip.video), tmp_path)
    assert (told.hand, told.hand_length_mm, told.keypoints) == ("right", 180.0, clip.keypoints)
    assert [stage.name for stage in request.config.schedule.stages] == ["refine"]


def test_warnings_are_heard_where_logging_is_not_set_up(
    clip: ShortClip, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    fitter.fit(clip.video, keypoints=clip.keypoints, config=ONE_STAGE)
    _, err = capsys.readouterr()
    assert err.count("hand length not known") == 1


def test_progress_is_shown_only_on_request(clip: ShortClip, capsys: pytest.CaptureFixture[str]) -> None:
    fitter.fit(clip.video, keypoints=clip.keypoints, config=ONE_STAGE)
    assert capsys.readouterr() == ("", "")
    fitter.fit(clip.video, keypoints=clip.keypoints, config=ONE_STAGE, progress=True)
    out, err = capsys.readouterr()
    phases = [line.removesuffix(" ...") for line in err.splitlines() if line.endswith(" ...")]
    assert out == "" and phases == ["load", "observe", "initialise", "optimise", "export"]


FRAME = np.zeros((2, 48, 64, 3), np.uint8)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"clip": "absent.mp4"}, "absent.mp4 does not exist"),
        (
            {"clip": FRAME[..., :1]},
            r"frames: expected an array \(frames, height, width, 3\) of uint8 RGB, got uint8 of",
        ),
        ({"clip": FRAME.astype(float)}, "of uint8 RGB, got float64"),
        ({"clip": FRAME, "fps": 0.0}, "fps: expected frames per second above 0, got 0.0"),
        ({"clip": "absent.mp4", "fps": 30.0}, "fps: expected with an array of frames only"),
        ({"clip": FRAME, "keypoints": np.zeros((2, 21, 4))}, r"keypoints: expected an array \(frames, 21, 2\)"),
        (
            {"clip": FRAME, "keypoints": np.zeros((3, 21, 2))},
            r"keypoints_px has shape \(3, 21, 2\), expected \(2, 21, 2\) for a clip of 2 frames",
        ),
        ({"clip": FRAME, "intrinsics": np.eye(3)[::-1]}, "intrinsics: expected a matrix K without skew"),
        ({"clip": FRAME, "intrinsics": [500.0, 500.0]}, "--intrinsics 500.0,500.0: expected FX,FY,CX,CY"),
        ({"clip": FRAME, "hand": "lefty"}, "hand: expected one of auto, left, right, both"),
        ({"clip": FRAME, "hand_length_mm": 18.0}, r"hand_length_mm: expected a number from 50 to 320"),
        (
            {"clip": FRAME, "config": {"energy": {"keypoint": None}}},
            "config: energy.keypoint: unknown key, did you mean",
        ),
        ({"clip": FRAME, "config": "absent.yaml"}, "absent.yaml"),
        ({"clip": FRAME, "hand_model": "MANO_RIGHT.pkl"}, "MANO_RIGHT.pkl"),
    ],
)
def test_bad_input_is_one_sentence(words: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as raised:
        fitter.fit(**words)
    assert "\n" not in str(raised.value)


def test_an_unknown_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'fits'"):
        fitter.__getattr__("fits")


def assert_same(one: FitResult, other: FitResult) -> None:
    """Every array, bit for bit."""
    names = [name for name in vars(one) if isinstance(getattr(one, name), np.ndarray)]
    assert len(names) > 10 and one.side == other.side and one.status == other.status
    for name in names:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def test_cameras_are_those_of_the_command_line(clip: ShortClip, tmp_path: Path) -> None:
    matrices = np.tile(clip.truth.camera.matrix, (FRAMES, 1, 1))
    matrices[:, [0, 1], [0, 1]] *= np.linspace(1.0, 1.1, FRAMES)[:, None]
    np.savez(tmp_path / "cameras.npz", K=matrices)
    settings: dict[str, Any] = {"config": KEYPOINTS_ONLY, "keypoints": clip.keypoints, "same_person": True}
    result = fitter.fit(clip.video, tmp_path / "out", cameras=tmp_path / "cameras.npz", **settings)
    assert np.array_equal(result.K_frames, matrices) and result.K_known
    again = parse_arguments(RunRecord.load(tmp_path / "out").command[1:]).command
    assert again.same_person and again.cameras == tmp_path / "cameras.npz"
    with pytest.raises(InputError, match=r"--cameras .*nowhere.json does not exist"):
        fitter.fit(clip.video, keypoints=clip.keypoints, cameras=tmp_path / "nowhere.json")
