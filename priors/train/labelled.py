"""Published data sets as training reads them: single frames of right hands, with the 3D joints that somebody measured.

    clip = labelled_clip(open_dataset(Path("FreiHAND_pub_v2")), load_anny())

Joints become `Evidence.joints`, which the engine's `joint_positions` term reads; the annotated 2D keypoints stand for a
detector's. Every image may have its own camera: all are looked at through one, since a network sees rays, not pixels.
Pixels, masks and meshes are not read.
"""

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Float

from fitter.camera import Camera
from fitter.errors import InputError
from fitter.evaluate.readers import AnnotatedHand, Reader, hands
from fitter.hand import HandModel
from fitter.observe.known_positions import KnownPositions
from fitter.observe.observations import Observations
from priors.train.clips import Reading, TrainingClip, clip_of

# Through which all hands are seen: a hand of 0.2 m at 0.5 m spans the reference span of the terms' sigmas.
COMMON = Camera(fx=500.0, fy=500.0, cx=320.0, cy=240.0, width=640, height=480)


def labelled_clip(reader: Reader, model: HandModel) -> TrainingClip:
    """The training split of a data set as frames that do not follow each other.

    Raises InputError where its files are broken or it has no training split.
    """
    return clip_of_hands(hands(reader, "training"), reader.name, model)


def clip_of_hands(found: Iterable[AnnotatedHand], name: str, model: HandModel) -> TrainingClip:
    """Annotated hands, left ones mirrored; raises InputError if there is none."""
    seen = [seen_in_common(hand) for hand in found]
    if not seen:
        raise InputError(f"{name}: expected hands to train with, found none")
    keypoints, joints = np.stack([each[0] for each in seen]), np.stack([each[1] for each in seen])
    shown, known = np.isfinite(keypoints).all(-1), np.isfinite(joints).all(-1)
    observations = Observations(
        source=name,
        side="right",
        time_s=np.arange(len(seen), dtype=np.float64),
        image_size=(COMMON.width, COMMON.height),
        keypoints_px=np.where(shown[..., None], keypoints, 0.0),
        confidence=shown.astype(np.float64),
    )
    labels = KnownPositions(
        torch.from_numpy(np.where(known[..., None], joints, 0.0)), torch.from_numpy(known.astype(np.float64))
    )
    return clip_of(observations, COMMON, model, Reading(name, continuous=False), joints=labels)


def seen_in_common(hand: AnnotatedHand) -> tuple[Float[np.ndarray, "21 2"], Float[np.ndarray, "21 3"]]:
    """Keypoints in pixels of the common camera and joints in metres, of the right hand; NaN where unknown.

    Keypoints that the data set calls hidden stay: it knows where they are.
    """
    flip = -1.0 if hand.side == "left" else 1.0
    homogeneous = np.concatenate([hand.keypoints_px, np.ones((21, 1))], axis=1)
    rays = homogeneous @ np.linalg.inv(hand.intrinsics).T
    flat = rays[:, :2] / rays[:, 2:] * [flip, 1.0]
    return flat * [COMMON.fx, COMMON.fy] + [COMMON.cx, COMMON.cy], hand.joints_m * [flip, 1.0, 1.0]
