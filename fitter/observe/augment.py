"""Several looks at one hand, averaged: crops around a hand that was found, flipped, turned and scaled.

A tracking landmarker looks where the hand was in the crop before. The crops stand the hand upright in their centre, so
that it always looks near the right place, and the difference between one look and the next is what varies its view;
this costs one landmark inference per look and no search.

    crop, matrix_crop_frame = crop_around(found, frame, LOOKS[0])
    looks = [seen_in_frame(landmarks_of(crop)[0], matrix_crop_frame) ...]
    better = combined(found, looks)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, UInt8

from fitter.clip import Frame
from fitter.observe.observations import Detection, Side
from fitter.observe.pieces import hand_extent, side_sign

CROP_PX = 384  # the landmark model reads 224: leaves its crop inside ours the same resolution
MARGIN = 2.0  # the crop's side in longer sides of the hand's bounding box: MediaPipe's own crop around its landmarks
WRIST, MIDDLE_KNUCKLE = 0, 9
MIRRORED: dict[Side, Side] = {"left": "right", "right": "left"}

# Looks that disagree by this share of the hand's extent (one standard deviation) halve a joint's confidence. On real
# frames (Ge et al. 2019, those of no scored clip) the median over 12 looks is 0.009, and the error grows from 0.015 on.
DISAGREEMENT = 0.02


@dataclass(frozen=True)
class Look:
    """How a crop shows the upright hand: mirrored or not, turned, scaled by exp(log_scale)."""

    flip: bool
    turn_deg: float
    log_scale: float


# Differences from one look to the next, in either flip: +-15 degrees with +-10 % and +-7 degrees with +-5 %, balanced.
_STEPS = ((0.0, 0.0), (15.0, 0.1), (0.0, 0.2), (-15.0, 0.1), (0.0, 0.0), (7.0, -0.05))
LOOKS = tuple(Look(flip, *step) for step in _STEPS for flip in (False, True))[1:]
MOST_LOOKS = len(LOOKS) + 1  # the first look is the frame itself


def crop_around(
    found: Detection, frame: Frame, look: Look
) -> tuple[UInt8[np.ndarray, "side side 3"], Float[np.ndarray, "2 3"]]:
    """A square crop with the hand upright in its centre, and the affine matrix from frame to crop pixels."""
    import cv2

    points = found.keypoints_px
    low, high = points.min(axis=0), points.max(axis=0)
    along = points[MIDDLE_KNUCKLE] - points[WRIST]
    scale = np.exp(look.log_scale) * CROP_PX / (MARGIN * max(float((high - low).max()), 1.0))
    mirror = np.diag([-1.0 if look.flip else 1.0, 1.0])
    upright = _rotation(-np.pi / 2 - np.arctan2(along[1], along[0]))
    linear = scale * _rotation(np.deg2rad(look.turn_deg)) @ mirror @ upright
    shift = np.full(2, CROP_PX / 2) - linear @ (low + high) / 2
    # OpenCV puts the centre of the first pixel at 0, we at 0.5.
    matrix = np.column_stack([linear, shift + linear @ [0.5, 0.5] - 0.5])
    crop = cv2.warpAffine(frame, matrix, (CROP_PX, CROP_PX), flags=cv2.INTER_LINEAR)
    return crop, np.column_stack([linear, shift])


def _rotation(angle: float) -> Float[np.ndarray, "2 2"]:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def seen_in_frame(seen: Detection, matrix_crop_frame: Float[np.ndarray, "2 3"]) -> Detection:
    """A detection made in a crop, in the frame's pixels and axes; its side is swapped if the crop was mirrored."""
    linear, shift = matrix_crop_frame[:, :2], matrix_crop_frame[:, 2]
    determinant = float(np.linalg.det(linear))
    scale = np.sqrt(abs(determinant))
    back = np.linalg.inv(linear)
    landmarks = None
    if seen.landmarks_m is not None:
        landmarks = np.column_stack([seen.landmarks_m[:, :2] @ (scale * back).T, seen.landmarks_m[:, 2]])
    return replace(
        seen,
        keypoints_px=(seen.keypoints_px - shift) @ back.T,
        side=MIRRORED[seen.side] if seen.side is not None and determinant < 0 else seen.side,
        depth_px=None if seen.depth_px is None else seen.depth_px / scale,
        landmarks_m=landmarks,
    )


def combined(found: Detection, looks: Sequence[Detection]) -> Detection:
    """The mean of a detection and further looks at the same hand; where they disagree confidence falls.

    A joint's confidence is multiplied by 1 / (1 + (spread / DISAGREEMENT)^2), spread being the standard deviation of
    its position as a share of the hand's extent.
    """
    if not looks:
        return found
    every = [found, *looks]
    points = np.stack([look.keypoints_px for look in every])
    spread = np.sqrt(points.var(axis=0).mean(axis=-1)) / hand_extent(found)
    vote = sum(side_sign(look) * look.side_score for look in every) / len(every)
    side: Side = "right" if vote >= 0 else "left"
    depths = [look.depth_px for look in every if look.depth_px is not None]
    landmarks = [look.landmarks_m for look in every if look.landmarks_m is not None]
    return Detection(
        keypoints_px=points.mean(axis=0),
        confidence=found.confidence / (1.0 + (spread / DISAGREEMENT) ** 2),
        side=side,
        side_score=abs(vote),
        depth_px=np.mean(depths, axis=0) if depths else None,
        landmarks_m=np.mean(landmarks, axis=0) if landmarks else None,
    )
