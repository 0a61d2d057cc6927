"""The MediaPipe source: units and sides, both generations of its API, further looks, and its errors."""

import os
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from fitter.clip import Frame, open_clip
from fitter.clip.video import VideoClip
from fitter.errors import InputError
from fitter.observe.mediapipe import OUTSIDE_TRUST, MediaPipe, detection
from tests.moving_hands import blank_clip

SHARED = Path(__file__).parents[2] / "shared" / "data"
N_FRAMES = 6


@dataclass(frozen=True)
class Mark:
    x: float
    y: float
    z: float


@dataclass(frozen=True)
class StillClip(VideoClip):
    """Frames held in memory."""

    pictures: tuple[Frame, ...] = ()

    def frames(self) -> Iterator[Frame]:
        return iter(self.pictures)


@pytest.fixture(scope="module")
def left_hand() -> StillClip:
    """The first frames of a real clip of one left hand."""
    pytest.importorskip("mediapipe", reason="the detector, extra `detect`, is not installed")
    path = SHARED / "graph_cnn_real" / "fullframe_00204_00236.mp4"
    if not path.exists():
        pytest.skip("the real clips are not beside this repository (../shared/data)")
    whole = open_clip(path)
    pictures = tuple(frame for frame, _ in zip(whole.frames(), range(N_FRAMES), strict=False))
    return StillClip(path, "left", whole.width, whole.height, whole.fps, whole.time_s[:N_FRAMES], None, (), pictures)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A HandLandmarker bundle made of the models inside mediapipe 0.10.21."""
    mediapipe = pytest.importorskip("mediapipe", reason="the detector, extra `detect`, is not installed")
    modules = Path(mediapipe.__file__).parent / "modules"
    if not modules.exists():
        pytest.skip("this mediapipe carries no models to make a bundle of")
    path = tmp_path_factory.mktemp("bundle") / "hand_landmarker.task"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.write(modules / "palm_detection" / "palm_detection_full.tflite", "hand_detector.tflite")
        archive.write(modules / "hand_landmark" / "hand_landmark_full.tflite", "hand_landmarks_detector.tflite")
    return path


def test_numbers_come_in_our_units():
    image = [Mark(0.5, 0.25, 0.01)] + [Mark(0.1, 0.9, -0.1)] * 19 + [Mark(1.2, 0.5, 0.0)]
    world = [Mark(0.1, 0.2, 0.3)] * 20 + [Mark(0.0, 0.0, 0.0)]
    found = detection(image, world, "left", 0.8, np.zeros((100, 200, 3), dtype=np.uint8))
    np.testing.assert_allclose(found.keypoints_px[[0, 1, 20]], [[100, 25], [20, 90], [240, 50]])
    np.testing.assert_allclose(found.confidence[[0, 1, 20]], [0.8, 0.8, 0.8 * OUTSIDE_TRUST])
    assert found.depth_px is not None and found.landmarks_m is not None
    np.testing.assert_allclose(found.depth_px[[0, 1, 20]], [0, -22, -2], atol=1e-12)
    np.testing.assert_allclose(found.landmarks_m[[0, 20]], [[0, 0, 0], [-0.1, -0.2, -0.3]])
    assert (found.side, found.side_score) == ("left", 0.8)


def test_finds_the_left_hand_and_reports_progress(left_hand: StillClip):
    progress: list[tuple[int, int]] = []
    frames = MediaPipe().detect(left_hand, lambda done, total: progress.append((done, total)))
    assert progress == [(done, N_FRAMES) for done in range(1, N_FRAMES + 1)]
    assert [len(found) for found in frames] == [1] * N_FRAMES
    for (hand,) in frames:
        assert hand.side == "left" and hand.side_score > 0.8
        assert hand.depth_px is not None and hand.depth_px[0] == 0
        assert hand.landmarks_m is not None and 0.1 < np.linalg.norm(hand.landmarks_m[12]) < 0.25
        assert (hand.keypoints_px > 0).all() and (hand.keypoints_px < [1280, 720]).all()


def test_mirrored_frames_give_the_mirrored_hand(left_hand: StillClip):
    mirrored = replace(left_hand, pictures=tuple(np.ascontiguousarray(p[:, ::-1]) for p in left_hand.pictures))
    for (hand,), (other,) in zip(MediaPipe().detect(left_hand), MediaPipe().detect(mirrored), strict=True):
        assert other.side == "right"
        away = np.linalg.norm(other.keypoints_px * [-1, 1] + [1280, 0] - hand.keypoints_px, axis=1)
        assert away.mean() < 8  # of a hand of 300 px: the model is not exactly symmetric


def test_a_bundle_finds_the_same_hand(left_hand: StillClip, bundle: Path):
    for (hand,), (other,) in zip(
        MediaPipe().detect(left_hand), MediaPipe(model_file=bundle).detect(left_hand), strict=True
    ):
        assert hand.side == other.side == "left"
        assert np.linalg.norm(hand.keypoints_px - other.keypoints_px, axis=1).mean() < 5
        assert hand.depth_px is not None and other.depth_px is not None
        # Depth is the most sensitive to where exactly the tracker cuts its crop.
        assert np.corrcoef(hand.depth_px, other.depth_px)[0, 1] > 0.95


def test_further_looks_agree_and_tell_trust(left_hand: StillClip):
    once, often = MediaPipe().detect(left_hand), MediaPipe(augmentations=4).detect(left_hand)
    for (hand,), (better,) in zip(once, often, strict=True):
        assert better.side == "left"
        assert 0 < np.linalg.norm(hand.keypoints_px - better.keypoints_px, axis=1).mean() < 8
        assert (better.confidence < hand.confidence).all() and (better.confidence > 0.1).all()
        assert better.confidence.std() > 0


def test_nothing_in_an_empty_frame():
    pytest.importorskip("mediapipe", reason="the detector, extra `detect`, is not installed")
    blank = StillClip(Path("b"), "b", 64, 48, 30.0, np.zeros(1), None, (), (np.zeros((48, 64, 3), dtype=np.uint8),))
    assert list(MediaPipe().detect(blank)) == [[]]


def test_its_start_leaves_the_terminal_alone(left_hand: StillClip, capfd: pytest.CaptureFixture[str]):
    MediaPipe().detect(left_hand)
    os.write(2, b"ours\n")
    assert capfd.readouterr().err == "ours\n"


def test_fingerprint_changes_with_what_changes_detections(bundle: Path):
    sources = [MediaPipe(), MediaPipe(model_complexity=0), MediaPipe(augmentations=2), MediaPipe(model_file=bundle)]
    assert len({source.fingerprint for source in sources}) == 4
    assert MediaPipe().fingerprint == MediaPipe().fingerprint
    before = sources[3].fingerprint
    with zipfile.ZipFile(bundle, "a") as archive:
        archive.comment = b"another bundle of that name"
    assert sources[3].fingerprint != before


def test_missing_mediapipe_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(InputError, match=r"handfit\[detect\].*--keypoints"):
        MediaPipe().detect(blank_clip(1))


def test_missing_models_name_the_ways_out(monkeypatch: pytest.MonkeyPatch):
    mediapipe = pytest.importorskip("mediapipe", reason="the detector, extra `detect`, is not installed")
    if hasattr(mediapipe, "solutions"):
        monkeypatch.delattr(mediapipe, "solutions")
    with pytest.raises(InputError, match=r"carries no models: .*\.task.*0\.10\.21.*--keypoints"):
        MediaPipe().detect(blank_clip(1))


def test_bad_bundles_are_named(tmp_path: Path):
    pytest.importorskip("mediapipe", reason="the detector, extra `detect`, is not installed")
    with pytest.raises(InputError, match="none.task cannot be read"):
        MediaPipe(model_file=tmp_path / "none.task").detect(blank_clip(1))
    (tmp_path / "bad.task").write_text("no bundle")
    with pytest.raises(InputError, match="bad.task is no HandLandmarker bundle"):
        MediaPipe(model_file=tmp_path / "bad.task").detect(blank_clip(1))


@pytest.mark.parametrize("number", [0, 13])
def test_number_of_looks_is_checked(number: int):
    with pytest.raises(InputError, match=f"augmentations is {number}: expected 1 to 12"):
        MediaPipe(augmentations=number)
