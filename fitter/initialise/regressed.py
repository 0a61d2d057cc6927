"""Hands as HaMeR, WiLoR and HaWoR regress them, from their own camera to the clip's.

start = RegressedHands(...).of_side("left")                  # an Initializer, of left hands in the flipped frames
starts = start(model, camera, evidence)

These networks see a crop, in which a near hand of a short lens and a far one of a long lens look alike: they give the
hand's size in the image, and a distance only for the focal length that they assume (HaMeR's demo: 5000 px for 256 px of
crop, which puts a hand at ten metres and more). What is kept is where their camera sees the hand; the distance follows
from the clip's own focal length, to which it is proportional.
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
from fitter.initialise.placement import translation_onto
from fitter.initialise.start import Start
from fitter.observe.evidence import Evidence
from fitter.observe.observations import Side

MANO_BETAS = 10
# The wrist of MANO's mean right hand in the model's own coordinates (metres), in which these networks place the hand:
# published with many MANO tools. Other hand models have no such origin.
MANO_WRIST_M = (0.0957, 0.0064, 0.0062)

# float16 matrices are rotations to a thousandth; other numbers in their place are not at all.
ROTATION_TOLERANCE = 0.01
# The networks' own cameras have long lenses: their hands are tens of metres away, of small frames a few hundred.
FARTHEST_M, LONGEST_PX = 1e5, 1e7
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
        if np.abs(self.rotations).max() > 1 + ROTATION_TOLERANCE:
            raise InputError(f"{file}: its rotations are no rotation matrices, expected orthonormal 3 x 3 ones")
        off = np.abs(self.rotations @ self.rotations.swapaxes(-1, -2) - np.eye(3)).max()
        if off > ROTATION_TOLERANCE or (np.linalg.det(self.rotations) < 0).any():
            raise InputError(f"{file}: its rotations are no rotation matrices, expected orthonormal 3 x 3 ones")
        if np.abs(self.betas).max() > LARGEST_BETA:
            raise InputError(f"{file}: betas reach {np.abs(self.betas).max():g}, expected MANO's standard deviations")
        if np.abs(self.translation_m).max() > FARTHEST_M or (self.focal_px > LONGEST_PX).any():
            raise InputError(f"{file} has a hand {FARTHEST_M:g} m away or a focal length of so many pixels")
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

    def at(self, frames: Int[np.ndarray, "chosen"]) -> "RegressedStart":
        """Of some of the clip's frames."""
        inside = self.hands.rows(np.isin(self.hands.frame, frames))
        return RegressedStart(replace(inside, frame=np.searchsorted(frames, inside.frame)))

    def __call__(self, model: HandModel, camera: Camera, evidence: Evidence) -> list[Start]:
        """One start: of several hands in a frame the one nearest the keypoints, frames without any bridged; none where
        no frame has any.
        """
        hands = self.hands
        if len(hands.frame) == 0:
            return []
        betas, size = shape_and_size(model, hands)
        points = in_mano_coordinates(model, betas, torch.from_numpy(hands.rotations))
        pixels = camera.undistort_frames(seen_at(points / size, hands, camera), hands.frame)
        wrist = points[:, 0] + translation_to(pixels, points, camera)
        chosen = nearest(hands.frame, pixels.mean(axis=1), evidence)
        rotations, path = np.tile(np.eye(3), (evidence.n_frames, 16, 1, 1)), np.zeros((evidence.n_frames, 3))
        found = np.zeros(evidence.n_frames, dtype=bool)
        where = hands.frame[chosen]
        rotations[where], path[where], found[where] = hands.rotations[chosen], wrist[chosen], True
        return [Start("regressor", bridged_state(rotations, path, found, betas))]


def in_mano_coordinates(
    model: HandModel, betas: Float[Tensor, "betas"], rotations: Float[Tensor, "hands 16 3 3"]
) -> Float[np.ndarray, "hands 21 3"]:
    """The posed joints about MANO's wrist joint, metres: what the regressed translation is added to."""
    shaped = model.with_shape(betas)
    wrist = shaped.joints[0] if _is_mano(model) else torch.tensor(MANO_WRIST_M, dtype=torch.float64)
    return shaped.with_pose(rotations, wrist.expand(len(rotations), 3)).joints.numpy()


def seen_at(
    points: Float[np.ndarray, "hands 21 3"], hands: RegressedHands, camera: Camera
) -> Float[np.ndarray, "hands 21 2"]:
    """Pixels of the input at which the network's own camera sees the points."""
    own = np.array([camera.at(frame).fx for frame in hands.frame.tolist()])
    focal = np.where(np.isnan(hands.focal_px), own, hands.focal_px)
    placed = points + hands.translation_m[:, None]
    return np.array(hands.image_size) / 2.0 + focal[:, None, None] * placed[..., :2] / placed[..., 2:]


def translation_to(
    pixels: Float[np.ndarray, "hands 21 2"], points: Float[np.ndarray, "hands 21 3"], camera: Camera
) -> Float[np.ndarray, "hands 3"]:
    """The translation with which the clip's camera sees the points nearest the pixels.

    For points of no depth it is tz = focal / (pixels per metre), proportional to the focal length; for a hand this puts
    the right part of it at that distance, and returns the regressed translation itself if the cameras are the same.
    """
    rays = (pixels - [camera.cx, camera.cy]) / [camera.fx, camera.fy]
    return translation_onto(rays, points, np.ones(rays.shape[:2]))


def nearest(
    frame: Int[np.ndarray, "hands"], centre_px: Float[np.ndarray, "hands 2"], evidence: Evidence
) -> Int[np.ndarray, "frames_found"]:
    """One hand per frame: the one whose middle is nearest that of the keypoints."""
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


def _is_mano(model: HandModel) -> bool:
    return model.name == "mano" and model.n_betas == MANO_BETAS
