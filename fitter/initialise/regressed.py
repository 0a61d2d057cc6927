"""Hands as HaMeR, WiLoR and HaWoR regress them, from their own camera to the clip's.

start = RegressedHands(...).of_side("left")                  # an Initializer, of left hands in the flipped frames
starts = start(model, camera, evidence)

These networks see a crop, in which a near hand of a short lens and a far one of a long lens look alike: they give the
hand's size in the image, and a distance only for the focal length that they assume (HaMeR's demo: 5000 px for 256 px of
crop, which puts a hand some tens of metres away). What is kept is where the image has the hand and how many pixels a
metre takes there; with the clip's own focal length the distance is z = focal / (pixels per metre).
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from fitter.camera import Camera
from fitter.errors import InputError
from fitter.hand import HandModel
from fitter.hand.model import MIDDLE_FINGER
from fitter.initialise.bone_lengths import shape_of_joints
from fitter.initialise.bridging import bridged_state
from fitter.initialise.start import Start
from fitter.observe.evidence import Evidence
from fitter.observe.observations import Side

MANO_BETAS = 10
# The wrist of MANO's mean right hand in the model's own coordinates (metres), in which these networks place the hand:
# published with many MANO tools. Other hand models have no such origin.
MANO_WRIST_M = (0.0957, 0.0064, 0.0062)

# float16 matrices are rotations to a thousandth; other numbers in their place are not at all.
ROTATION_TOLERANCE = 0.01
LARGEST_BETA = 50.0  # standard deviations: beyond all networks, but no number that breaks the solver


@dataclass(frozen=True)
class RegressedHands:
    """Hands found in a clip's frames, N in all, in no order.

    frame, right    which frame; False for a left hand
    rotations       global orientation and 15 joints of the RIGHT hand, of a left one as its mirrored crop shows it
    betas           of MANO
    translation_m   where MANO's origin is in unmirrored camera axes, of a camera with `focal_px` and its principal
                    point in the middle of the image; NaN in `focal_px`: the clip's own focal length
    joints          21 joints in any axes and place, metres, OpenPose order; None where the file has none
    """

    frame: Int[np.ndarray, "hands"]
    right: Bool[np.ndarray, "hands"]
    rotations: Float[np.ndarray, "hands 16 3 3"]
    betas: Float[np.ndarray, "hands 10"]
    translation_m: Float[np.ndarray, "hands 3"]
    focal_px: Float[np.ndarray, "hands"]
    image_size: tuple[int, int]
    joints: Float[np.ndarray, "hands 21 3"] | None = None

    @property
    def sides(self) -> set[Side]:
        names: dict[bool, Side] = {True: "right", False: "left"}
        return {names[bool(right)] for right in self.right}

    def of_side(self, side: Side) -> "RegressedStart":
        """The hands of one side; left ones in the horizontally flipped frames."""
        chosen = self.rows(self.right == (side == "right"))
        mirror = [1.0, 1.0, 1.0] if side == "right" else [-1.0, 1.0, 1.0]
        return RegressedStart(replace(chosen, translation_m=chosen.translation_m * mirror))

    def check(self, file: Path) -> None:
        """Raise InputError, naming the file, for what is no hand before a camera."""
        if len(self.frame) == 0:
            raise InputError(f"{file} holds no hand: expected at least one row of finite numbers")
        numbers = (self.rotations, self.betas, self.translation_m)
        if not all(np.isfinite(array).all() for array in numbers):
            raise InputError(f"{file} holds numbers that are not finite, expected rotations, betas and translations")
        off = np.abs(self.rotations @ self.rotations.swapaxes(-1, -2) - np.eye(3)).max()
        if off > ROTATION_TOLERANCE or (np.linalg.det(self.rotations) < 0).any():
            raise InputError(f"{file}: its rotations are no rotation matrices, expected orthonormal 3 x 3 ones")
        if np.abs(self.betas).max() > LARGEST_BETA:
            raise InputError(f"{file}: betas reach {np.abs(self.betas).max():g}, expected MANO's standard deviations")
        if not (self.translation_m[:, 2] > 0).all() or (self.focal_px <= 0).any():
            raise InputError(f"{file} has a hand behind the camera: expected a scale and a focal length above 0")

    def rows(self, wanted: Bool[np.ndarray, "hands"]) -> "RegressedHands":
        """Those of the hands that are wanted."""
        return RegressedHands(
            self.frame[wanted],
            self.right[wanted],
            self.rotations[wanted],
            self.betas[wanted],
            self.translation_m[wanted],
            self.focal_px[wanted],
            self.image_size,
            None if self.joints is None else self.joints[wanted],
        )


@dataclass(frozen=True)
class RegressedStart:
    """An `Initializer` from right hands (or mirrored left ones)."""

    hands: RegressedHands

    def __call__(self, model: HandModel, camera: Camera, evidence: Evidence) -> list[Start]:
        """One start: of several hands in a frame the one nearest the keypoints, frames without any bridged."""
        centre_px, per_metre = seen_as(self.hands, camera)
        chosen = nearest(self.hands.frame, centre_px, evidence)
        betas, size = shape_and_size(model, self.hands)
        wrist = wrist_of_mano(model, betas) + placed_at(centre_px, per_metre, camera)
        rotations, path = np.tile(np.eye(3), (evidence.n_frames, 16, 1, 1)), np.zeros((evidence.n_frames, 3))
        found = np.zeros(evidence.n_frames, dtype=bool)
        where = self.hands.frame[chosen]
        rotations[where], path[where], found[where] = self.hands.rotations[chosen], size * wrist[chosen], True
        return [Start("regressor", bridged_state(rotations, path, found, betas))]


def seen_as(hands: RegressedHands, camera: Camera) -> tuple[Float[np.ndarray, "hands 2"], Float[np.ndarray, "hands"]]:
    """Where the image has MANO's origin (undistorted pixels), and how many pixels a metre takes there."""
    focal = np.where(np.isnan(hands.focal_px), camera.fx, hands.focal_px)
    per_metre = focal / hands.translation_m[:, 2]
    centre = np.array(hands.image_size) / 2.0 + hands.translation_m[:, :2] * per_metre[:, None]
    return camera.undistort(centre), per_metre


def placed_at(
    centre_px: Float[np.ndarray, "hands 2"], per_metre: Float[np.ndarray, "hands"], camera: Camera
) -> Float[np.ndarray, "hands 3"]:
    """Weak perspective to the full camera, metres: as far as the camera's own focal length makes it as large."""
    distance = camera.fx / per_metre
    ray = (centre_px - [camera.cx, camera.cy]) / [camera.fx, camera.fy]
    return np.concatenate([ray, np.ones((len(ray), 1))], axis=1) * distance[:, None]


def nearest(
    frame: Int[np.ndarray, "hands"], centre_px: Float[np.ndarray, "hands 2"], evidence: Evidence
) -> Int[np.ndarray, "frames_found"]:
    """One hand per frame: the one whose origin, near the middle of the palm, is nearest the mean keypoint."""
    weight = evidence.confidence.numpy()
    total = weight.sum(axis=1)
    mean = (evidence.keypoints_px.numpy() * weight[..., None]).sum(axis=1) / np.maximum(total, 1e-9)[:, None]
    distance = np.where(total[frame] > 0, np.linalg.norm(centre_px - mean[frame], axis=1), 0.0)
    order = np.lexsort((distance, frame))
    _, first = np.unique(frame[order], return_index=True)
    return order[first]


def shape_and_size(model: HandModel, hands: RegressedHands) -> tuple[Float[Tensor, "betas"], float]:
    """Betas for the clip, and how many times as large as the regressed hand this model's is.

    MANO's own are the median over all rows. Another model's betas mean something else: they come from the bones'
    lengths where the file has joints, and stay at the mean where it has not.
    """
    if _is_mano(model):
        return torch.from_numpy(np.median(hands.betas, axis=0)), 1.0
    if hands.joints is None:
        return torch.zeros(model.n_betas, dtype=model.joints.dtype), 1.0
    betas = shape_of_joints(model, torch.from_numpy(hands.joints))
    chain = hands.joints[:, MIDDLE_FINGER]
    length_m = float(np.median(np.linalg.norm(np.diff(chain, axis=1), axis=-1).sum(axis=1)))
    return betas, float(model.hand_length(betas)) / length_m


def wrist_of_mano(model: HandModel, betas: Float[Tensor, "betas"]) -> Float[np.ndarray, "3"]:
    """The wrist joint in MANO's own coordinates, about which MANO turns the hand, metres."""
    return model.with_shape(betas).joints[0].numpy() if _is_mano(model) else np.array(MANO_WRIST_M)


def _is_mano(model: HandModel) -> bool:
    return model.name == "mano" and model.n_betas == MANO_BETAS
