"""Clips for training: found below folders, every hand a right one, snippets without gaps; errors in one sentence."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from fitter.clip import Clip
from fitter.errors import InputError
from fitter.hand import HandModel
from fitter.observe.known_positions import KnownPositions
from fitter.observe.observations import Detection
from fitter.observe.tracks import track_hands
from priors.train.clips import Reading, clip_of, clips_below, open_clips, positions, spread
from tests.moving_hands import blank_clip, seen_at
from tests.toy_problem import CAMERA, toy_hand
from tests.training_clip import clip_seen, scene_of_clip

FRAMES = 20


@dataclass(frozen=True)
class Seeing:
    """A source that sees the same hand in every frame whose middle is not black."""

    side: str = "right"

    @property
    def name(self) -> str:
        return "made-up"

    @property
    def fingerprint(self) -> str:
        return self.side

    def detect(self, clip: Clip, on_frame: Callable[[int, int], None] | None = None) -> list[list[Detection]]:
        hand = seen_at(120.0, 150.0, "left" if self.side == "left" else "right")
        return [[hand] if frame[100, 100].max() > 20 else [] for frame in clip.frames()]


def write_images(folder: Path, count: int = FRAMES, grey: int = 120) -> Path:
    folder.mkdir(parents=True)
    for frame in range(count):
        picture = np.full((200, 240, 3), grey, np.uint8)
        picture[:, : 4 * frame] //= 2
        cv2.imwrite(str(folder / f"{frame:03d}.png"), picture)
    return folder


@pytest.fixture
def model() -> HandModel:
    return toy_hand()


def test_clips_are_found_at_any_depth(tmp_path: Path, model: HandModel) -> None:
    one, two = write_images(tmp_path / "b"), write_images(tmp_path / "a" / "deep" / "er")
    (tmp_path / "notes.txt").write_text("no clip")
    assert clips_below(tmp_path) == [two, one]
    clips = open_clips([tmp_path], model, 32, 24, tmp_path / "cache", Seeing())
    assert [clip.name for clip in clips] == [str(two), str(one)]
    for clip in clips:
        assert clip.pictures is not None and clip.pictures.shape == (FRAMES, 3, 32, 32)
        assert clip.cut is not None and clip.cut.rgb.shape == (FRAMES, 24, 24, 3)
        assert clip.evidence.keypoints_px.dtype == torch.float32 and len(clip.snippets(4)) == FRAMES - 3


def test_a_left_hand_is_read_as_a_right_one(tmp_path: Path, model: HandModel) -> None:
    folder = write_images(tmp_path / "clip")
    (left,) = open_clips([folder], model, 32, None, tmp_path / "left", Seeing("left"))
    (right,) = open_clips([folder], model, 32, None, tmp_path / "right", Seeing("right"))
    seen = 240.0 - seen_at(120.0, 150.0, "left").keypoints_px[:, 0]
    assert torch.allclose(left.evidence.keypoints_px[0, :, 0].double(), torch.from_numpy(seen), atol=1e-4)
    # Mirrored about the image's middle the left hand lies where the right one does; its pictures are mirrored.
    assert left.pictures is not None and right.pictures is not None
    dark = (picture[10].float().mean(0) < 100 for picture in (left.pictures, right.pictures))
    first, second = dark
    assert bool(first.any()) and float((first & second).float().mean()) < 0.02


def test_detections_are_kept_and_used_again(tmp_path: Path, model: HandModel) -> None:
    folder = write_images(tmp_path / "clip")
    open_clips([folder], model, None, None, tmp_path / "cache", Seeing())

    class Blind(Seeing):
        def detect(self, clip: Clip, on_frame: Callable[[int, int], None] | None = None) -> list[list[Detection]]:
            raise AssertionError("detected again")

    (clip,) = open_clips([folder], model, None, None, tmp_path / "cache", Blind())
    assert int(clip.usable.sum()) == FRAMES


def test_a_clip_without_a_hand_is_left_out_with_a_warning(
    tmp_path: Path, model: HandModel, caplog: pytest.LogCaptureFixture
) -> None:
    write_images(tmp_path / "clips" / "dark", grey=0)
    write_images(tmp_path / "clips" / "light")
    (tmp_path / "clips" / "broken.mp4").write_bytes(b"no video")
    with caplog.at_level(logging.WARNING, logger="priors.train.clips"):
        clips = open_clips([tmp_path / "clips"], model, None, None, tmp_path / "cache", Seeing())
    assert [Path(clip.name).name for clip in clips] == ["light"]
    told = [record.message for record in caplog.records if record.name == "priors.train.clips"]
    assert len(told) == 2 and "broken.mp4" in told[0] and "no hand was found" in told[1]


def test_what_is_wrong_with_folders_is_one_sentence(tmp_path: Path, model: HandModel) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="empty: expected videos or folders of images to learn from, found none"):
        open_clips([empty], model, cache=tmp_path / "cache", source=Seeing())
    with pytest.raises(InputError, match="nowhere does not exist: expected a folder of clips"):
        open_clips([tmp_path / "nowhere"], model)
    dark = write_images(tmp_path / "dark", grey=0)
    with pytest.raises(InputError, match="expected clips that show a hand, found none in 1 clips"):
        open_clips([dark], model, cache=tmp_path / "cache", source=Seeing())


def test_snippets_keep_clear_of_gaps() -> None:
    clip = clip_seen(scene_of_clip(10))
    confidence = clip.evidence.confidence.clone()
    confidence[4, 5:] = 0.0
    holed = replace(clip, evidence=replace(clip.evidence, confidence=confidence))
    assert holed.snippets(3).tolist() == [0, 1, 5, 6, 7]
    assert holed.snippets(1).tolist() == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert holed.snippets(11).tolist() == []
    alone = replace(clip, follows=torch.zeros(10, dtype=torch.bool))
    assert len(alone.snippets(1)) == 10 and len(alone.snippets(2)) == 0


def test_frames_of_a_clip_have_the_axes_of_their_index() -> None:
    clip = clip_seen(scene_of_clip(10))
    index = torch.tensor([[1, 2, 3], [5, 6, 7]])
    some = clip.frames(index)
    assert some.keypoints_px.shape == (2, 3, 21, 2) and some.pixel_scale.shape == (2,) and some.n_frames == 3
    assert torch.equal(some.keypoints_px[1, 2], clip.evidence.keypoints_px[7])
    known = KnownPositions(torch.rand(10, 21, 3), torch.rand(10, 21))
    assert torch.equal(positions(known, index).weight, known.weight[index])


def test_a_part_is_the_clip_of_those_frames() -> None:
    clip = clip_seen(scene_of_clip(10))
    part = clip.part(slice(6, None))
    assert torch.equal(part.evidence.keypoints_px, clip.evidence.keypoints_px[6:])
    assert torch.equal(part.sight.keypoints, clip.sight.keypoints[6:])
    assert torch.equal(part.crops.half, clip.crops.half[6:]) and part.evidence.pixel_scale == clip.evidence.pixel_scale
    assert part.snippets(2).tolist() == [0, 1, 2]


def test_known_joints_of_a_left_hand_are_mirrored_with_it(model: HandModel) -> None:
    clip = blank_clip(FRAMES)
    (seen,) = track_hands([[seen_at(300.0, 300.0, "left")]] * FRAMES, clip, "made-up")
    joints = KnownPositions(torch.rand(FRAMES, 21, 3).double(), torch.ones(FRAMES, 21).double())
    camera = replace(CAMERA, width=640, height=480, cx=300.0, cy=240.0)
    made = clip_of(seen, camera, model, Reading("left", continuous=False), joints=joints)
    assert made.evidence.joints is not None
    flipped = joints.positions_m.float() * torch.tensor([-1.0, 1.0, 1.0])
    assert torch.allclose(made.evidence.joints.positions_m, flipped)
    assert made.camera.cx == 340.0 and not bool(made.follows.any())


def test_windows_leave_room_around_the_seen_keypoints_only() -> None:
    pixels = torch.zeros(1, 21, 2).double()
    pixels[0, :11] = torch.tensor([[100.0 + 10.0 * k, 50.0] for k in range(11)]).double()
    seen = torch.zeros(1, 21, dtype=torch.bool)
    seen[0, :11] = True
    wide = spread(pixels, seen)
    assert torch.allclose(wide[0, 0], torch.tensor([90.0, 50.0]).double())
    assert torch.allclose(wide[0, 10], torch.tensor([210.0, 50.0]).double())
    assert torch.allclose(wide[0, 11:], torch.tensor([150.0, 50.0]).double())
