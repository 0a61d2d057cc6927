"""One person's two hands before a camera, crossing and touching, and what a detector sees of them.

    clip = two_hand_clip(model, seed=0, kind="crossing")
    clip.detections, clip.joints_m["left"], clip.vertices_m["left"]      # as filmed

The hands move as `priors.synthetic.motion` has hands move. In a `crossing` one passes before the other at some
distance; in a `contact` they come together from the sides, touch and part; in a `rubbing` one passes before the other
and touches it. Touching hands never lie in each other: they are as far apart as the deepest of their capsules want.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from benchmarks.synthetic import CAMERA, FPS
from fitter.camera import Camera
from fitter.energy.interpenetration import Interpenetration, Volume
from fitter.hand import HandModel, PosedHand, ShapedHand
from fitter.hand.mirror import mirror_faces, mirror_points
from fitter.observe.observations import Detection, Side
from fitter.render.rasterizer import to_screen
from fitter.render.zbuffer import ZBuffer
from priors.synthetic.detector import SyntheticDetector
from priors.synthetic.motion import Habits, HandMotion, hand_motion, minimum_jerk
from priors.synthetic.truth import SyntheticTruth, synthetic_truth

Kind = Literal["crossing", "contact", "rubbing"]
KINDS: tuple[Kind, ...] = ("crossing", "contact", "rubbing")
N_FRAMES = 60
# Sides of the image from which the hands come, and how far apart in depth hands cross that do not touch, metres.
OUTSIDE_M, PASSING_M = 0.13, 0.09
TOUCHED_SHARE = (0.35, 0.65)  # of the clip, in which hands that touch are together
# Errs as MediaPipe does; calls one hand in twenty the other side, near the other hand one in three.
DETECTOR = SyntheticDetector(measured=1.0, missing_frames=0.05, swapped_sides=0.05)
CALLED_WRONG_NEAR, NEAR_SHARE = 0.33, 0.2
# A detector looks for a hand where it was, but does not see one of which the other hides this share of the joints.
HIDDEN_SHARE = 0.5
BEFORE_M = 0.005  # a joint lies inside its hand: what hides it is nearer by more than a finger's radius
CALM = Habits(gestures=("open", "relaxed"), yaw_deg=12.0, back_share=0.0)


@dataclass(frozen=True)
class TwoHandClip:
    """The truth of both hands as filmed (metres, camera axes), and the detections with the sides they truly are."""

    seed: int
    kind: Kind
    camera: Camera
    fps: float
    truths: dict[Side, SyntheticTruth]
    detections: list[list[Detection]]
    truly: list[list[Side]]

    @property
    def time_s(self) -> Float[np.ndarray, "frames"]:
        return np.arange(len(self.detections)) / self.fps

    @property
    def joints_m(self) -> dict[Side, Float[np.ndarray, "frames 21 3"]]:
        return {side: truth.joints_m for side, truth in self.truths.items()}

    @property
    def vertices_m(self) -> dict[Side, Float[np.ndarray, "frames vertices 3"]]:
        return {side: truth.vertices_m for side, truth in self.truths.items()}


def two_hand_clip(model: HandModel, seed: int, kind: Kind, n_frames: int = N_FRAMES) -> TwoHandClip:
    """Equal arguments give equal clips."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    shaped = model.with_shape(torch.from_numpy(rng.standard_normal(model.n_betas)))
    time_s = np.arange(n_frames) / FPS
    motions = [hand_motion(rng, shaped, time_s, CALM) for _ in range(2)]
    # Both about one place, in the right hand's axes; the left hand's motion is that of a right one in the mirror.
    wrists = [motion.wrist - _middle(motion) + motion.wrist.new_tensor([0.0, 0.0, 0.45]) for motion in motions]
    apart = separation(kind, n_frames, rng)
    right, left = posed_apart(shaped, motions, wrists, apart, touching=kind != "crossing")
    truths: dict[Side, SyntheticTruth] = {
        "right": synthetic_truth(right, CAMERA, "right", FPS),
        "left": synthetic_truth(left, CAMERA, "left", FPS),
    }
    detections, truly = seen(truths, right.shaped.model.faces, seed, rng)
    return TwoHandClip(seed, kind, CAMERA, FPS, truths, detections, truly)


def _middle(motion: HandMotion) -> Float[Tensor, "3"]:
    return motion.wrist.mean(dim=0)


def separation(kind: Kind, n_frames: int, rng: np.random.Generator) -> Float[Tensor, "frames 3"]:
    """Where the right hand is to be relative to the left one, before they are kept from lying in each other."""
    progress = np.arange(n_frames) / (n_frames - 1)
    order = 1.0 if rng.random() < 0.5 else -1.0
    if kind == "contact":
        start, end = TOUCHED_SHARE
        together = minimum_jerk(progress / start) - minimum_jerk((progress - end) / (1.0 - end))
        path = np.stack([OUTSIDE_M * (1.0 - together), 0 * progress, 0 * progress], axis=1)
    else:
        across = OUTSIDE_M * (2.0 * minimum_jerk(progress) - 1.0)
        depth = PASSING_M if kind == "crossing" else 0.0
        path = np.stack([across, 0 * progress, np.full(n_frames, order * depth)], axis=1)
    return torch.from_numpy(path)


def posed_apart(
    shaped: ShapedHand, motions: Sequence[HandMotion], wrists: Sequence[Tensor], apart: Tensor, touching: bool
) -> tuple[PosedHand, PosedHand]:
    """The two hands half of `apart` to either side; those that touch moved apart until none lies in the other."""
    side_on = float(apart[:, 0].min()) >= 0.0  # they come together from the sides, else one passes before the other
    direction = apart.new_tensor([1.0, 0.0, 0.0] if side_on else [0.0, 0.0, 1.0])
    low, high = 0.0, 0.3 if touching else 0.0
    for _ in range(14 if touching else 0):
        middle = 0.5 * (low + high)
        hands = _placed(shaped, motions, wrists, apart + middle * direction)
        low, high = (middle, high) if lie_in_each_other(*hands) else (low, middle)
    return _placed(shaped, motions, wrists, apart + high * direction)


def _placed(
    shaped: ShapedHand, motions: Sequence[HandMotion], wrists: Sequence[Tensor], apart: Tensor
) -> tuple[PosedHand, PosedHand]:
    right = shaped.with_pose(motions[0].rotations, wrists[0] + 0.5 * apart)
    left = shaped.with_pose(motions[1].rotations, wrists[1] + mirror_points(-0.5 * apart))
    return right, left


def lie_in_each_other(right: PosedHand, left: PosedHand) -> bool:
    capsules = right.shaped.model.capsules
    radii = capsules.radii(right.shaped.betas)
    volumes = Volume(capsules.ends(right), radii), Volume(mirror_points(capsules.ends(left)), radii)
    return len(Interpenetration().contacts(*volumes).frame) > 0


def seen(
    truths: dict[Side, SyntheticTruth], faces: Tensor, seed: int, rng: np.random.Generator
) -> tuple[list[list[Detection]], list[list[Side]]]:
    """Detections in no order of the sides, and whose they are."""
    hidden: dict[Side, np.ndarray] = {
        "right": hidden_shares(truths["right"], truths["left"], faces),
        "left": hidden_shares(truths["left"], truths["right"], faces),
    }
    single = {side: DETECTOR.detect(truth, 2 * seed + place) for place, (side, truth) in enumerate(truths.items())}
    detections, truly = [], []
    for frame in range(truths["right"].n_frames):
        found: list[tuple[Side, Detection]] = []
        near = max(hidden[side][frame] for side in hidden) > NEAR_SHARE
        for side in truths:
            if hidden[side][frame] > HIDDEN_SHARE:
                continue
            for detection in single[side][frame]:
                if near and rng.random() < CALLED_WRONG_NEAR:
                    detection = replace(detection, side="left" if side == "right" else "right")
                found.append((side, detection))
        found = found if rng.random() < 0.5 else found[::-1]
        detections.append([detection for _, detection in found])
        truly.append([side for side, _ in found])
    return detections, truly


def hidden_shares(truth: SyntheticTruth, other: SyntheticTruth, faces: Tensor) -> Float[np.ndarray, "frames"]:
    """Share of the joints that the other hand is seen in place of."""
    outside = faces if other.side == "right" else mirror_faces(faces)
    camera, size = truth.camera, (truth.camera.width, truth.camera.height)
    depth = ZBuffer().rasterize(to_screen(camera, torch.from_numpy(other.vertices_m)), outside, size)
    pixels = np.clip(truth.keypoints_px.astype(int), 0, [size[0] - 1, size[1] - 1])
    frame = np.arange(truth.n_frames)[:, None]
    there = depth.depth.numpy()[frame, pixels[..., 1], pixels[..., 0]]
    return hides(there, truth.joints_m[..., 2]).mean(axis=1)


def hides(
    depth: Float[np.ndarray, "frames 21"], joint_z: Float[np.ndarray, "frames 21"]
) -> Bool[np.ndarray, "frames 21"]:
    return (depth > 0.0) & (depth < joint_z - BEFORE_M)
