"""The whole command: what it writes, and one sentence with its exit status for everything that cannot be used."""

import os
import pickle
import resource
import signal
import subprocess
import sys
import wave
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch

from fitter.app.summary import hand_length
from fitter.clip import open_clip
from fitter.evaluate.metrics import pa_mpjpe
from fitter.export.diagnostics import Diagnostics
from fitter.export.result import FitResult
from fitter.hand import HandModel
from fitter.observe.mediapipe import MediaPipe
from fitter.observe.observations import Detection
from tests.conftest import REPOSITORY
from tests.short_clip import FRAMES, NUMBERS_ONLY, SIZE, ShortClip, run, write_video
from tests.synthetic_mano import chumpy_content, synthetic_mano, write_python2_pickle

Captured = pytest.CaptureFixture[str]
DRAWN = ("--export.overlay", "true")


@pytest.fixture(scope="module")
def clip(anny: HandModel, tmp_path_factory: pytest.TempPathFactory) -> ShortClip:
    return ShortClip.make(anny, tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def fitted(clip: ShortClip, tmp_path_factory: pytest.TempPathFactory) -> FitResult:
    """The plain fit, with which others are compared."""
    folder = tmp_path_factory.mktemp("fitted")
    assert run(clip.words(folder)) == 0
    return FitResult.load(folder)


def one_sentence(captured: Captured) -> str:
    """What stands on stderr: exactly one line, and no traceback."""
    out, err = captured.readouterr()
    assert out == "" and err.startswith("handfit: ") and err.count("\n") == 1 and "a fault in handfit" not in err
    return err.removeprefix("handfit: ").rstrip()


def write_image(path: Path, size: tuple[int, int] = SIZE) -> Path:
    import cv2

    path.write_bytes(cv2.imencode(".png", np.full((size[1], size[0], 3), 90, np.uint8))[1].tobytes())
    return path


def test_everything_is_written_and_read_back(clip: ShortClip, tmp_path: Path, capsys: Captured) -> None:
    assert run(clip.words(tmp_path / "out", *DRAWN, quiet=False)) == 0
    out, _ = capsys.readouterr()
    assert all(words in out for words in ("right hand", "written to", "hand length not known", "not given: assumed"))
    assert out.rstrip().endswith(f"to look at it, open {tmp_path / 'out' / 'report.html'}")
    written = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert written == {
        "result.npz",
        "config.yaml",
        "diagnostics.npz",
        "run.json",
        "overlay.mp4",
        "report.html",
        "meshes/right.glb",
        "meshes/right.obj",
        "meshes/right.mtl",
    }
    overlay = open_clip(tmp_path / "out" / "overlay.mp4")
    assert (overlay.n_frames, overlay.width, overlay.height) == (FRAMES, *SIZE)


def test_the_result_obeys_the_contract(clip: ShortClip, anny: HandModel, tmp_path: Path) -> None:
    assert run(clip.words(tmp_path)) == 0
    with np.load(tmp_path / "result.npz", allow_pickle=False) as file:
        seen = {name: (file[name].dtype.str[1:], file[name].shape) for name in file.files}
        status = str(file["status"])
    vertices, faces = len(anny.template), len(anny.faces)
    assert seen.pop("status")[0].startswith("U") and status == "converged"
    assert seen == {
        "format_version": ("i8", ()),
        "side": ("U5", (1,)),
        "present": ("b1", (1, FRAMES)),
        "observed": ("b1", (1, FRAMES)),
        "joints_m": ("f4", (1, FRAMES, 21, 3)),
        "joints_sigma_mm": ("f4", (1, FRAMES, 21)),
        "quality": ("f4", (1, FRAMES)),
        "keypoints_px": ("f4", (1, FRAMES, 21, 2)),
        "vertices_m": ("f4", (1, FRAMES, vertices, 3)),
        "faces": ("i4", (faces, 3)),
        "uv": ("f4", tuple(anny.uv.shape)),
        "uv_faces": ("i4", (faces, 3)),
        "pose": ("f4", (1, FRAMES, 48)),
        "betas": ("f4", (1, anny.n_betas)),
        "translation_m": ("f4", (1, FRAMES, 3)),
        "lighting": ("f4", (1, 1, 9, 3)),
        "K": ("f8", (3, 3)),
        "K_known": ("b1", ()),
        "K_frames": ("f8", (0, 3, 3)),
        "camera_from_world": ("f8", (0, 4, 4)),
        "focal_source": ("U7", ()),
        "focal_sigma": ("f8", ()),
        "distortion": ("f8", (0,)),
        "hand_model": ("U4", ()),
        "image_size": ("i8", (2,)),
        "fps": ("f8", ()),
    }


def test_the_fit_follows_the_detections_and_the_truth(clip: ShortClip, fitted: FitResult) -> None:
    assert fitted.side == ("right",) and fitted.present.all() and fitted.observed.all()
    assert fitted.status == "converged" and fitted.hand_model == "anny" and fitted.fps == pytest.approx(30.0)
    assert np.linalg.norm(fitted.keypoints_px[0] - clip.truth.keypoints_px, axis=-1).mean() < 3.0
    assert (fitted.joints_sigma_mm > 0).all() and fitted.joints_sigma_mm.max() < 100.0
    bones = np.linalg.norm(np.diff(fitted.joints_m[0, :, 5:9], axis=1), axis=-1)
    assert bones.std(axis=0).max() < 1e-6  # one shape for the whole clip


def test_the_intrinsics_are_used_and_said_to_be_known(clip: ShortClip, fitted: FitResult, tmp_path: Path) -> None:
    camera = clip.truth.camera
    assert not fitted.K_known
    assert run(clip.words(tmp_path, "--intrinsics", f"{camera.fx},{camera.fy},{camera.cx},{camera.cy}")) == 0
    result = FitResult.load(tmp_path)
    assert result.K_known and np.allclose(result.K, camera.matrix)
    joints = result.joints_m[0].astype(np.float64) @ result.K.T
    assert np.allclose(joints[..., :2] / joints[..., 2:], result.keypoints_px[0], atol=1e-3)


@pytest.mark.parametrize("length_mm", [150.0, 205.0])
def test_the_hand_length_is_obeyed(clip: ShortClip, tmp_path: Path, length_mm: float) -> None:
    assert run(clip.words(tmp_path, "--hand-length-mm", str(length_mm))) == 0
    result = FitResult.load(tmp_path)
    assert 1000.0 * hand_length(result.joints_m[0], result.present[0]) == pytest.approx(length_mm, abs=1.0)


def test_a_left_hand_is_the_mirror_image_of_the_right_one(clip: ShortClip, fitted: FitResult, tmp_path: Path) -> None:
    flipped = clip.write_keypoints(
        tmp_path / "left.npz",
        keypoints_px=clip.seen["keypoints_px"] * [-1.0, 1.0] + [SIZE[0], 0.0],
        landmarks_m=clip.seen["landmarks_m"] * [-1.0, 1.0, 1.0],
        side=np.array("left"),
    )
    assert run(clip.words(tmp_path / "out", keypoints=flipped)) == 0
    left = FitResult.load(tmp_path / "out")
    assert left.side == ("left",)
    mirror = np.array([-1.0, 1.0, 1.0])
    assert np.allclose(left.joints_m, fitted.joints_m * mirror, atol=1e-5)
    assert np.allclose(left.vertices_m, fitted.vertices_m * mirror, atol=1e-5)
    assert np.allclose(left.keypoints_px[..., 0], SIZE[0] - fitted.keypoints_px[..., 0], atol=1e-2)
    assert np.allclose(left.betas, fitted.betas, atol=1e-4)


def test_two_hands_of_one_clip(clip: ShortClip, tmp_path: Path) -> None:
    """The right hand in the left half of a wider clip, and its mirror image in the right half."""
    wide = write_video(tmp_path / "wide.mp4", FRAMES, (2 * SIZE[0], SIZE[1]))
    pixels = clip.seen["keypoints_px"]
    both = np.stack([pixels, pixels * [-1.0, 1.0] + [2 * SIZE[0], 0.0]])
    np.savez(tmp_path / "both.npz", keypoints_px=both, side=np.array(["right", "left"]))
    assert run(clip.words(tmp_path / "out", video=wide, keypoints=tmp_path / "both.npz")) == 0
    result = FitResult.load(tmp_path / "out")
    assert sorted(result.side) == ["left", "right"] and result.present.all()
    left, right = (result.joints_m[result.side.index(side)] for side in ("left", "right"))
    assert np.allclose(left, right * [-1.0, 1.0, 1.0], atol=1e-4)


def test_the_saved_configuration_runs_the_same_fit_again(clip: ShortClip, fitted: FitResult, tmp_path: Path) -> None:
    assert run(clip.words(tmp_path / "one", "--energy.keypoints.sigma-px", "2")) == 0
    again = clip.words(tmp_path / "two", "--config", str(tmp_path / "one" / "config.yaml"))
    assert run(again) == 0
    one, two = FitResult.load(tmp_path / "one"), FitResult.load(tmp_path / "two")
    for field in fields(FitResult):
        mine, other = getattr(one, field.name), getattr(two, field.name)
        same = np.array_equal(mine, other, equal_nan=True) if isinstance(mine, np.ndarray) else mine == other
        assert same or field.name == "side", field.name
    assert (tmp_path / "one" / "config.yaml").read_text() == (tmp_path / "two" / "config.yaml").read_text()
    assert not np.allclose(one.joints_m, fitted.joints_m, atol=1e-6)  # or the option would have done nothing


def test_paths_may_hold_spaces_and_any_letter(clip: ShortClip, fitted: FitResult, tmp_path: Path) -> None:
    folder = tmp_path / "Größe 手 [1] 'x'"
    folder.mkdir()
    video, keypoints = folder / "mein clip.mp4", folder / "schlüssel punkte.npz"
    video.write_bytes(clip.video.read_bytes())
    keypoints.write_bytes(clip.keypoints.read_bytes())
    assert run(clip.words(folder / "er gebnis", *DRAWN, video=video, keypoints=keypoints)) == 0
    assert np.array_equal(FitResult.load(folder / "er gebnis").joints_m, fitted.joints_m)
    assert open_clip(folder / "er gebnis" / "overlay.mp4").n_frames == FRAMES
    assert (folder / "er gebnis" / "meshes" / "right.obj").exists()


def test_a_mano_file_of_the_users(clip: ShortClip, tmp_path: Path) -> None:
    file = write_python2_pickle(tmp_path / "MANO_RIGHT.pkl", chumpy_content(synthetic_mano("right")))
    assert run(clip.words(tmp_path / "out", "--hand-model", str(file))) == 0
    result = FitResult.load(tmp_path / "out")
    assert result.hand_model == "mano" and result.betas.shape == (1, 10) and result.vertices_m.shape[2] == 778


@pytest.mark.parametrize("n_frames", [1, 2])
def test_one_frame_and_two_are_enough(clip: ShortClip, tmp_path: Path, n_frames: int) -> None:
    (tmp_path / "frames").mkdir()
    images = [write_image(tmp_path / "frames" / f"{frame}.png") for frame in range(n_frames)]
    few = clip.write_keypoints(tmp_path / "few.npz", **{name: rows[:n_frames] for name, rows in clip.seen.items()})
    assert run(clip.words(tmp_path / "out", video=tmp_path / "frames", keypoints=few)) == 0
    result = FitResult.load(tmp_path / "out")
    assert result.present.tolist() == [[True] * n_frames] and np.isfinite(result.vertices_m).all()
    of_one = run(clip.words(tmp_path / "one", video=images[0], keypoints=few))  # an image is a clip of one frame
    assert of_one == (0 if n_frames == 1 else 2)


def test_frames_without_a_detection_are_bridged(clip: ShortClip, fitted: FitResult, tmp_path: Path) -> None:
    pixels, confidence = clip.seen["keypoints_px"].copy(), clip.seen["confidence"].copy()
    pixels[5:8], confidence[5:8] = np.nan, 0.0
    gap = clip.write_keypoints(tmp_path / "gap.npz", keypoints_px=pixels, confidence=confidence)
    assert run(clip.words(tmp_path / "out", keypoints=gap)) == 0
    result = FitResult.load(tmp_path / "out")
    assert result.observed[0].tolist() == [not 5 <= frame < 8 for frame in range(FRAMES)] and result.present.all()
    # Three frames cost hardly any certainty next to what a detector gets wrong in all frames alike.
    sigma_mm = Diagnostics.load(tmp_path / "out").relative_sigma_mm[0].mean(axis=1)
    assert sigma_mm[5:8].min() > 0.9 * max(sigma_mm[4], sigma_mm[8]) and sigma_mm[5:8].max() < 2.0 * sigma_mm[4]
    away_mm = 1000.0 * np.linalg.norm(result.joints_m[0, 5:8] - fitted.joints_m[0, 5:8], axis=-1)
    assert away_mm.max() < 60.0


def test_missing_joints_may_be_written_in_any_way(clip: ShortClip, tmp_path: Path) -> None:
    """NaN with confidence 0, NaN with confidence NaN, or any number with confidence 0: all the same fit."""
    results = []
    for pixel, confidence in ((np.nan, 0.0), (np.nan, np.nan), (7.0, 0.0)):
        points, trust = clip.seen["keypoints_px"].copy(), clip.seen["confidence"].copy()
        points[3, 8], trust[3, 8] = pixel, confidence
        file = clip.write_keypoints(tmp_path / "missing.npz", keypoints_px=points, confidence=trust)
        assert run(clip.words(tmp_path / "out", keypoints=file)) == 0
        results.append(FitResult.load(tmp_path / "out").joints_m)
    assert np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2])


def test_a_truncated_video_is_fitted_as_far_as_it_goes(clip: ShortClip, tmp_path: Path, capsys: Captured) -> None:
    whole = write_video(tmp_path / "whole.mp4", 40)
    short = tmp_path / "short.mp4"
    content = whole.read_bytes()
    short.write_bytes(content[: len(content) // 3])
    n_frames = open_clip(short).n_frames
    assert 3 <= n_frames < 40
    rows = np.arange(n_frames) % FRAMES
    few = clip.write_keypoints(tmp_path / "few.npz", **{name: array[rows] for name, array in clip.seen.items()})
    assert run(clip.words(tmp_path / "out", quiet=False, video=short, keypoints=few)) == 0
    assert "damaged" in " ".join(capsys.readouterr().out.split())
    assert FitResult.load(tmp_path / "out").present.shape == (1, n_frames)


def missing(folder: Path) -> Path:
    return folder / "nowhere.mp4"


def empty_file(folder: Path) -> Path:
    (folder / "empty.mp4").touch()
    return folder / "empty.mp4"


def video_without_frames(folder: Path) -> Path:
    whole = write_video(folder / "whole.mp4", 20).read_bytes()
    (folder / "index_only.mp4").write_bytes(whole[: whole.index(b"mdat") + 4])
    return folder / "index_only.mp4"


def truncated_to_nothing(folder: Path) -> Path:
    whole = write_video(folder / "whole.mp4", 20).read_bytes()
    (folder / "head.mp4").write_bytes(whole[:100])
    return folder / "head.mp4"


def audio_file(folder: Path) -> Path:
    with wave.open(str(folder / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 800, "NONE", "not compressed"))
        sound.writeframes(bytes(1600))
    return folder / "sound.wav"


def text_file(folder: Path) -> Path:
    (folder / "notes.mp4").write_text("no video at all\n" * 50)
    return folder / "notes.mp4"


def folder_without_images(folder: Path) -> Path:
    (folder / "readme.txt").write_text("nothing here")
    return folder


def images_of_two_sizes(folder: Path) -> Path:
    write_image(folder / "1.png")
    return write_image(folder / "2.png", (160, 120)).parent


def device_file(folder: Path) -> Path:
    return Path("/dev/null")


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (missing, "does not exist: expected a video file or a folder of images"),
        (empty_file, "is an empty file: expected"),
        (video_without_frames, "expected an intact video file"),
        (truncated_to_nothing, "holds no video stream: expected a video file"),
        (audio_file, "holds no video stream: expected a video file, not sound"),
        (text_file, "expected"),
        (folder_without_images, "holds no images: expected files ending in"),
        (images_of_two_sizes, "is 320x240 but"),
        (device_file, "is neither a file nor a folder: expected"),
    ],
)
def test_an_unusable_input_is_status_two(
    clip: ShortClip, tmp_path: Path, capsys: Captured, make: Callable[[Path], Path], what: str
) -> None:
    (tmp_path / "in").mkdir()
    path = make(tmp_path / "in")
    assert run(clip.words(tmp_path / "out", video=path)) == 2
    sentence = one_sentence(capsys)
    assert what in sentence and str(path) in sentence
    assert not (tmp_path / "out").exists()  # nothing was begun


def changed(name: str, index: tuple[int, ...], value: float) -> Callable[[ShortClip, Path], Path]:
    """Detections with one number replaced."""

    def write(clip: ShortClip, folder: Path) -> Path:
        array = clip.seen[name].copy()
        array[index] = value
        return clip.write_keypoints(folder / "bad.npz", **{name: array})

    return write


def of_joints(n_joints: int) -> Callable[[ShortClip, Path], Path]:
    def write(clip: ShortClip, folder: Path) -> Path:
        rows = np.arange(n_joints) % 21
        return clip.write_keypoints(folder / "bad.npz", **{name: array[:, rows] for name, array in clip.seen.items()})

    return write


def of_frames(n_frames: int) -> Callable[[ShortClip, Path], Path]:
    def write(clip: ShortClip, folder: Path) -> Path:
        return clip.write_keypoints(folder / "bad.npz", **{name: array[:n_frames] for name, array in clip.seen.items()})

    return write


def of_larger_images(clip: ShortClip, folder: Path) -> Path:
    return clip.write_keypoints(folder / "bad.npz", keypoints_px=4.0 * clip.seen["keypoints_px"])


def no_archive(clip: ShortClip, folder: Path) -> Path:
    (folder / "bad.npz").write_text("{}")
    return folder / "bad.npz"


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (changed("confidence", (4, 7), -0.2), "hand 0, frame 4: joint 7 has a negative confidence"),
        (changed("confidence", (4, 7), np.nan), "hand 0, frame 4: joint 7 has a confidence that is not a number"),
        (changed("confidence", (4, 7), 70.0), "joint 7 has a confidence above 1"),
        (changed("keypoints_px", (4, 7, 0), np.nan), "joint 7 has a position that is not a number although"),
        (changed("keypoints_px", (4, 7, 0), np.inf), "joint 7 has an infinite position"),
        (changed("depth_px", (4, 7), np.nan), "depth_px of joint 7 is not finite"),
        (of_joints(20), "keypoints_px has shape (12, 20, 2), expected (12, 21, 2)"),
        (of_joints(25), "keypoints_px has shape (12, 25, 2), expected (12, 21, 2)"),
        (of_frames(11), "expected (12, 21"),
        (of_larger_images, "expected keypoints of this clip, in pixels of its frames"),
        (no_archive, "expected one that numpy.savez writes"),
    ],
)
def test_unusable_keypoints_are_status_two(
    clip: ShortClip, tmp_path: Path, capsys: Captured, make: Callable[[ShortClip, Path], Path], what: str
) -> None:
    assert run(clip.words(tmp_path / "out", keypoints=make(clip, tmp_path))) == 2
    sentence = one_sentence(capsys)
    assert what in sentence and "bad.npz" in sentence


def test_keypoints_without_depth_are_fitted_and_whose_guess_the_depth_is_said(
    clip: ShortClip, tmp_path: Path, capsys: Captured
) -> None:
    """The network's start is nearer to the truth than a relaxed hand's, and so is what grows from it."""
    bare = {name: array for name, array in clip.seen.items() if name not in ("depth_px", "landmarks_m")}
    keypoints = tmp_path / "bare.npz"
    np.savez(keypoints, side=np.array("right"), **bare)  # pyright: ignore[reportArgumentType] (as in short_clip)
    errors_mm = []
    for name, more in (("network", []), ("none", ["--initialise.network", "null"])):
        assert run(clip.words(tmp_path / name, *more, quiet=False, keypoints=keypoints)) == 0
        told = " ".join(capsys.readouterr().out.split())
        assert ("fingers are bent is the network's guess" in told) == (name == "network")
        errors_mm.append(1000.0 * pa_mpjpe(FitResult.load(tmp_path / name).joints_m[0], clip.truth.joints_m))
    assert errors_mm[0] < errors_mm[1]


def test_no_hand_is_status_three(clip: ShortClip, tmp_path: Path, capsys: Captured) -> None:
    nobody = clip.write_keypoints(tmp_path / "nobody.npz", confidence=np.zeros((FRAMES, 21)))
    assert run(clip.words(tmp_path / "out", keypoints=nobody)) == 3
    assert one_sentence(capsys) == f"no hand was found in the {FRAMES} frames of {clip.video}"
    assert not (tmp_path / "out" / "result.npz").exists()


@pytest.mark.parametrize(
    ("more", "what"),
    [
        (["--intrinsics", "900,900,640,360"], "the principal point (640, 360) lies outside the 320x240 frames"),
        (["--intrinsics", "900,900,300,230"], "suggests frames of about 600x460, but these are 320x240"),
        (["--intrinsics", "900,900"], "expected FX,FY,CX,CY"),
        (["--energy.keypoint.sigma-px", "3"], "unknown key, did you mean keypoints?"),
        (["--energy.keypoints.sigma-px", "fast"], "energy.keypoints.sigma_px: expected a number above 0 (pixels)"),
        (["--energy.keypoints.sigma-px", "3 mm"], "energy.keypoints.sigma_px: expected a number above 0 (pixels)"),
        (["--hand-length-mm", "18.5"], "--hand-length-mm: expected a number from 50 to 320 or null (millimetres)"),
        (["--schedule.stages", "[]"], "expected at least one stage"),
        (["--handd", "left"], "unknown option --handd, did you mean --hand?"),
        (["--hand-model", "nowhere/MANO_RIGHT.pkl"], "is neither the hand model 'anny' nor an existing path"),
        (["--config", "nowhere.yaml"], "nowhere.yaml: cannot be read"),
        (["--initialise.network", "nowhere.safetensors"], "does not exist: expected the weights of a network"),
        (["--masks", "nowhere"], "nowhere does not exist: expected a folder of masks, one PNG per frame"),
    ],
)
def test_an_unusable_option_is_status_two(
    clip: ShortClip, tmp_path: Path, capsys: Captured, more: list[str], what: str
) -> None:
    assert run(clip.words(tmp_path / "out", *more)) == 2
    assert what in one_sentence(capsys)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("energy:\n  keypoints:\n    sigmapx: 3\n", "energy.keypoints.sigmapx: unknown key, did you mean sigma_px?"),
        ("energy:\n  size:\n    length_mm: tall\n", "energy.size.length_mm: expected a number above 0 (millimetres)"),
        ("energy: [\n", "expected"),
        ("!!python/object/apply:os.system ['true']\n", "are not supported"),
    ],
)
def test_an_unusable_configuration_is_status_two(
    clip: ShortClip, tmp_path: Path, capsys: Captured, text: str, what: str
) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(text)
    assert run(clip.words(tmp_path / "out", "--config", str(file))) == 2
    sentence = one_sentence(capsys)
    assert what in sentence and str(file) in sentence


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA GPU")
def test_cuda_without_a_gpu_is_status_two(clip: ShortClip, tmp_path: Path, capsys: Captured) -> None:
    assert run(clip.words(tmp_path / "out", "--device", "cuda")) == 2
    sentence = one_sentence(capsys)
    assert sentence.startswith("--device cuda: torch") and sentence.endswith("expected a CUDA GPU, or --device cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA GPU, or torch is built without")
def test_cuda_gives_the_cpus_result(clip: ShortClip, fitted: FitResult, tmp_path: Path) -> None:
    assert run(clip.words(tmp_path, "--device", "cuda")) == 0
    assert np.allclose(FitResult.load(tmp_path).joints_m, fitted.joints_m, atol=1e-4)


class Hostile:
    """Unpickled, it would make a folder."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self.target),))


def test_a_hostile_hand_model_is_refused_and_not_run(clip: ShortClip, tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "MANO_RIGHT.pkl"
    file.write_bytes(pickle.dumps({"v_template": Hostile(tmp_path / "executed")}))
    assert run(clip.words(tmp_path / "out", "--hand-model", str(file))) == 2
    sentence = one_sentence(capsys)
    assert "mkdir" in sentence and str(file) in sentence
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("place", ["taken", "taken/below"])
def test_a_file_in_the_way_of_the_output_is_status_two(
    clip: ShortClip, tmp_path: Path, capsys: Captured, place: str
) -> None:
    (tmp_path / "taken").write_text("mine")
    assert run(clip.words(tmp_path / place)) == 2
    assert "choose another output folder" in one_sentence(capsys)
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.skipif(not Path("/proc/version").exists(), reason="this system has no /proc, which nobody can write")
def test_a_folder_that_nobody_can_write_is_status_two(clip: ShortClip, capsys: Captured) -> None:
    assert run(clip.words(Path("/proc/handfit"))) == 2
    sentence = one_sentence(capsys)
    assert sentence.startswith("/proc/handfit: cannot be created") and sentence.endswith("choose another output folder")


def test_an_output_name_that_is_too_long_is_status_two(clip: ShortClip, tmp_path: Path, capsys: Captured) -> None:
    assert run(clip.words(tmp_path / ("x" * 300))) == 2
    assert "File name too long" in one_sentence(capsys)


COMMAND = [sys.executable, str(REPOSITORY / "fit_sequence.py")]


def test_a_full_disk_is_one_sentence_and_no_result(clip: ShortClip, tmp_path: Path) -> None:
    """A limit on the size of files stands in for the disk's end."""
    largest = 64 * 1024  # the result of a dozen frames has 260 KiB

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    command = [*COMMAND, *clip.words(tmp_path)]
    ended = subprocess.run(command, preexec_fn=limited, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1
    refused = ": could not be written because the disk is full or a size limit is reached\n"
    assert ended.stderr.startswith(f"handfit: {tmp_path}/") and ended.stderr.endswith(refused)
    assert ended.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [".windows", "config.yaml"]
    assert list((tmp_path / ".windows").iterdir()) == []


_KILLED_AT = """
import os, signal, sys
name, rename = sys.argv.pop(1), os.replace

def killed(source, target):
    if str(target).endswith(name):
        os.kill(os.getpid(), signal.SIGKILL)
    rename(source, target)

os.replace = killed
from fit_sequence import main
sys.exit(main())
"""


@pytest.mark.parametrize("name", ["overlay.mp4", "result.npz", "report.html"])
def test_a_killed_run_leaves_no_half_written_file_and_the_next_sweeps(
    clip: ShortClip, tmp_path: Path, name: str
) -> None:
    """Killed when all bytes are written and the file is about to get its name."""
    words = clip.words(tmp_path, *DRAWN, "--export.meshes", "false")
    command = [sys.executable, "-c", _KILLED_AT, name, *words]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert ended.returncode == -signal.SIGKILL
    left = [path.name for path in tmp_path.iterdir()]
    assert name not in left and "run.json" not in left
    assert ("result.npz" in left) == (name == "report.html")
    assert [entry for entry in left if entry.startswith(".") and ".partial" in entry]
    assert run(words) == 0
    written = ["config.yaml", "diagnostics.npz", "overlay.mp4", "report.html", "result.npz", "run.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == written
    FitResult.load(tmp_path)


def test_control_c_ends_with_one_sentence(clip: ShortClip, tmp_path: Path) -> None:
    command = [*COMMAND, *clip.words(tmp_path, "--schedule.solver", "adam", quiet=False)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        for line in process.stderr:
            if line.startswith("optimise"):
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
        out = process.stdout.read()
    assert process.returncode == 130, rest
    assert rest.splitlines()[-1] == "handfit: interrupted" and "Traceback" not in rest and out == ""
    assert not (tmp_path / "result.npz").exists()


def test_the_second_run_uses_the_first_ones_detections(
    clip: ShortClip, fitted: FitResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []

    def detect(self: MediaPipe, seen_clip: object, on_frame: object = None) -> list[list[Detection]]:
        looked.append(1)
        rows = zip(*clip.seen.values(), strict=True)
        return [[Detection(points, trust, "right", 0.9, depth, marks)] for points, trust, depth, marks in rows]

    monkeypatch.setattr(MediaPipe, "detect", detect)
    words = [word for word in clip.words(tmp_path) if word not in ("--keypoints", str(clip.keypoints))]
    results = []
    for _ in range(2):
        assert run(words) == 0
        results.append(FitResult.load(tmp_path).joints_m)
    assert looked == [1] and np.array_equal(results[0], results[1])
    assert (tmp_path / "detections.npz").exists()
    assert run([*words, "--observe.mediapipe.max-hands", "1"]) == 0  # other settings: the detector looks again
    assert looked == [1, 1]


def test_mediapipe_finds_the_drawn_hand(anny: HandModel, tmp_path: Path) -> None:
    pytest.importorskip("mediapipe", reason="mediapipe is not installed")
    import cv2

    from priors.synthetic.clip import make_demo_clip

    drawn = make_demo_clip(anny, seed=0, n_frames=4, size=(640, 480))
    (tmp_path / "frames").mkdir()
    for index, frame in enumerate(drawn.frames()):
        cv2.imwrite(str(tmp_path / "frames" / f"{index}.png"), frame[..., ::-1])
    words = [str(tmp_path / "frames"), "--output", str(tmp_path / "out"), "--quiet", *NUMBERS_ONLY]
    assert run(words) == 0
    result = FitResult.load(tmp_path / "out")
    assert result.side == ("right",) and result.observed.all() and result.present.all()
    error_px = np.linalg.norm(result.keypoints_px[0] - drawn.truth.keypoints_px, axis=-1)
    assert error_px.mean() < 15.0  # its landmarks are not our joints; the hand spans about 250 px
