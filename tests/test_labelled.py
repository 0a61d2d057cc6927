"""Data sets for training: all cameras' hands through one, left ones mirrored, joints where terms look for them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fitter.errors import InputError
from fitter.evaluate.readers import AnnotatedHand, ImageSequence, open_dataset
from fitter.evaluate.readers.hand import project
from priors.train.config import Clips, Objectives, Teachers
from priors.train.labelled import COMMON, clip_of_hands, labelled_clip
from priors.train.objective import Turn
from priors.train.objectives import clips_for, fits_of
from priors.train.self_supervised import SelfSupervision, clip_objective
from tests.miniature_data_sets import write_rhd
from tests.toy_problem import toy_hand
from tests.training_clip import Knowing, scene_of_clip

FRAMES = 6


def annotated(frame: int, joints: np.ndarray, side: str) -> AnnotatedHand:
    """The hand `joints` (right) seen as a `side` hand by a camera of its own."""
    intrinsics = np.array([[400.0 + 50 * frame, 0, 100.0], [0, 420.0, 90.0 + frame], [0, 0, 1]])
    seen = joints * [-1.0 if side == "left" else 1.0, 1.0, 1.0]
    return AnnotatedHand(
        image=Path("none.png"),
        intrinsics=intrinsics,
        side="left" if side == "left" else "right",
        sequence=ImageSequence("toy", "training", FRAMES, False),
        frame=frame,
        joints_m=seen,
        keypoints_px=project(seen, intrinsics),
    )


def hands_of(scene_joints: np.ndarray) -> list[AnnotatedHand]:
    return [annotated(k, scene_joints[k], "left" if k % 2 else "right") for k in range(FRAMES)]


def test_hands_of_all_cameras_and_sides_are_seen_alike() -> None:
    scene = scene_of_clip(FRAMES)
    joints = scene.posed.joints
    clip = clip_of_hands(hands_of(joints.numpy()), "toy", scene.model)
    assert torch.allclose(clip.evidence.keypoints_px.double(), COMMON.project(joints), atol=1e-3)
    assert clip.evidence.joints is not None
    assert torch.allclose(clip.evidence.joints.positions_m.double(), joints, atol=1e-6)
    assert len(clip.snippets(1)) == FRAMES and len(clip.snippets(2)) == 0
    lesson = clip_objective(SelfSupervision(), [clip], scene.model).draw(Turn(0, 0))
    parts = lesson.parts(Knowing(scene, clip, lesson.drawn[0].index))  # pyright: ignore[reportArgumentType]
    assert float(parts["joint_positions"]) < 1e-5 and float(parts["keypoints"]) < 1e-5


def test_what_is_not_annotated_weighs_nothing() -> None:
    scene = scene_of_clip(FRAMES)
    found = hands_of(scene.posed.joints.numpy())
    holed = replace(found[0], joints_m=found[0].joints_m.copy(), keypoints_px=found[0].keypoints_px.copy())
    holed.joints_m[0], holed.keypoints_px[3] = np.nan, np.nan
    clip = clip_of_hands([holed, *found[1:]], "toy", scene.model)
    assert clip.evidence.joints is not None
    assert float(clip.evidence.joints.weight[0, 0]) == 0.0 and float(clip.evidence.confidence[0, 3]) == 0.0
    assert float(clip.evidence.joints.weight.sum()) == FRAMES * 21 - 1
    assert bool(torch.isfinite(clip.evidence.keypoints_px).all())


def test_a_folder_of_data_is_recognised(tmp_path: Path) -> None:
    write_rhd(tmp_path)
    whole = labelled_clip(open_dataset(tmp_path), toy_hand())
    assert len(whole.follows) == 5
    (clip,) = clips_for(Objectives(clips=Clips()), toy_hand(), (tmp_path,), 32)
    assert clip.name == "RHD" and torch.equal(clip.evidence.keypoints_px, whole.evidence.keypoints_px)


def test_what_cannot_be_learnt_from_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="toy: expected hands to train with, found none"):
        clip_of_hands([], "toy", toy_hand())
    with pytest.raises(InputError, match="--data: expected folders of clips, which this configuration learns from"):
        clips_for(Objectives(teachers=Teachers()), toy_hand(), (), 32)
    with pytest.raises(InputError, match="no objective of this configuration reads clips"):
        clips_for(Objectives(), toy_hand(), (tmp_path,), 32)
    scene = scene_of_clip(FRAMES)
    stills = clip_of_hands(hands_of(scene.posed.joints.numpy()), "toy", scene.model)
    with pytest.raises(InputError, match="toy: expected clips to fit, found single frames only"):
        fits_of([stills], scene.model)
