"""How hands move: from gesture to gesture in smooth reaches, turning and wandering before a camera, trembling a little.

    motion = hand_motion(rng, shaped, time_s)
    posed = shaped.with_pose(motion.rotations, motion.wrist)

Reaches follow the minimum-jerk profile (Flash and Hogan 1985, eq. 3: 10 s^3 - 15 s^4 + 6 s^5); the hand's orientation
moves along geodesics of SO(3) with the same profile; fingers are kept out of each other (`priors.synthetic.apart`).
`Habits` keep a motion to some gestures and to one side.
"""

import math
from dataclasses import dataclass

import numpy as np
import roma
import torch
from jaxtyping import Float
from torch import Tensor

from fitter.hand import ShapedHand
from priors.synthetic.apart import SAMPLES_PER_S, Apart
from priors.synthetic.gestures import (
    COUNT,
    END_FLEXION,
    GESTURES,
    HIGHEST_DEG,
    LOWEST_DEG,
    MIDDLE_FLEXION,
    ROOT_FLEXION,
    ROOT_SPREAD,
    articulate,
)

HOLD_S, REACH_S = (0.25, 0.8), (0.45, 0.9)
TURN_S, REST_S = (0.8, 1.8), (0.2, 1.0)
FINGER_LAG_S = 0.06  # fingers of one reach do not start together
# How far a posture is from the gesture's table: closing of the whole hand, of each finger, and spread; degrees.
WHOLE_HAND_DEG, FINGER_DEG, SPREAD_DEG = 6.0, 4.0, 2.5
# Orientation around the upright palm: standard deviations of the turns, and the share of turns that show the back.
YAW_DEG, PITCH_DEG, ROLL_DEG = 28.0, 16.0, 16.0
STEEPEST_DEG = 75.0
BACK_SHARE = 0.25
COUNT_SHARE = 0.2  # how often the next gestures are a count
# Wander of the hand's middle before the camera: standard deviations in x, y, z (metres), and its periods.
WANDER_M, DISTANCE_M = (0.035, 0.020, 0.04), 0.42
WANDER_PERIODS_S = (2.5, 7.0)
# Physiological tremor: 8 to 12 Hz (Elble and Koller, Tremor, 1990), a fraction of a degree and of a millimetre.
TREMOR_PERIODS_S = (1.0 / 12.0, 1.0 / 8.0)
TREMOR_DEG, TREMOR_M = 0.12, 0.00015

# Rest axes -> camera axes for a right hand that shows its palm, fingers up.
UPRIGHT_PALM = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], dtype=torch.float64)


@dataclass(frozen=True)
class Habits:
    """What a motion keeps to: its gestures, of which the first is the first posture, and how the hand is turned.

    Turns scatter around `facing_deg`, the yaw from the palm that faces the camera, by `yaw_deg` (a standard deviation);
    `back_share` of them show the other side. Its middle is `distance_m` away on average.
    """

    gestures: tuple[str, ...] = tuple(GESTURES)
    facing_deg: float = 0.0
    yaw_deg: float = YAW_DEG
    back_share: float = BACK_SHARE
    distance_m: float = DISTANCE_M


ANYTHING = Habits()


@dataclass(frozen=True)
class HandMotion:
    """A right hand's rotations (MANO order, relative to the parent; the first to the camera) and wrist, metres."""

    rotations: Float[Tensor, "frames 16 3 3"]
    wrist: Float[Tensor, "frames 3"]
    gestures: tuple[str, ...]


def hand_motion(
    rng: np.random.Generator, shaped: ShapedHand, time_s: Float[np.ndarray, "frames"], habits: Habits = ANYTHING
) -> HandMotion:
    """A motion for this hand; by default the first posture is the open one. Only the first and last time shape it."""
    angles, gestures = free_angles(rng, shaped, time_s, habits)
    fingers = articulate(shaped.joints, torch.from_numpy(angles))
    turned = orientation(rng, time_s, habits)
    middle = torch.from_numpy(wander(rng, time_s, 3, WANDER_PERIODS_S) * WANDER_M + [0.0, 0.0, habits.distance_m])
    tremor = torch.from_numpy(wander(rng, time_s, 3, TREMOR_PERIODS_S) * TREMOR_M)
    centre = 0.5 * (shaped.joints[0] + shaped.joints[12])
    wrist = middle + tremor - turned @ (centre - shaped.joints[0])
    return HandMotion(torch.cat([turned.unsqueeze(1), fingers], dim=1), wrist, gestures)


def free_angles(
    rng: np.random.Generator, shaped: ShapedHand, time_s: Float[np.ndarray, "frames"], habits: Habits
) -> tuple[Float[np.ndarray, "frames 5 5"], tuple[str, ...]]:
    """As `posture_angles`, with the fingers of this hand kept out of each other."""
    samples = 1 + int(np.ceil((time_s[-1] - time_s[0]) * SAMPLES_PER_S))
    sampled_s = np.linspace(time_s[0], time_s[-1], samples)
    drawn, gestures = posture_angles(rng, np.concatenate([sampled_s, time_s, time_s[-1:]]), habits)
    apart = Apart.of(shaped, drawn[:samples], sampled_s)
    return np.clip(drawn[samples:-1] + apart.correction(time_s), LOWEST_DEG, HIGHEST_DEG), gestures


def posture_angles(
    rng: np.random.Generator, time_s: Float[np.ndarray, "frames"], habits: Habits = ANYTHING
) -> tuple[Float[np.ndarray, "frames 5 5"], tuple[str, ...]]:
    """Joint angles in degrees over time, as in `gestures`, and the names of the gestures in turn."""
    names, ends = [habits.gestures[0]], [float(time_s[0]) + rng.uniform(*HOLD_S)]
    counted = [name for name in COUNT if name in habits.gestures]
    pending: list[str] = []
    angles = np.broadcast_to(vary(rng, GESTURES[names[0]]), (len(time_s), 5, 5)).copy()
    while ends[-1] < time_s[-1]:
        if not pending:
            others = [name for name in habits.gestures if name != names[-1]] or names[-1:]
            counts = rng.random() < COUNT_SHARE and len(counted) > 0
            pending = counted.copy() if counts else [str(rng.choice(others))]
        names.append(pending.pop(0))
        duration = rng.uniform(*REACH_S)
        starts = ends[-1] + rng.uniform(0.0, FINGER_LAG_S, 5)
        progress = minimum_jerk((time_s[:, None] - starts) / duration)[..., None]
        angles += progress * (vary(rng, GESTURES[names[-1]]) - angles[-1])
        ends.append(ends[-1] + duration + FINGER_LAG_S + rng.uniform(*HOLD_S))
    tremor = wander(rng, time_s, 25, TREMOR_PERIODS_S).reshape(-1, 5, 5) * TREMOR_DEG
    return np.clip(angles + tremor, LOWEST_DEG, HIGHEST_DEG), tuple(names)


def vary(rng: np.random.Generator, gesture: Float[np.ndarray, "5 5"]) -> Float[np.ndarray, "5 5"]:
    """The same gesture as another person, or the same at another time, would make it.

    Flexion varies together over the hand and along each finger, as synergies do (Santello et al. 1998).
    """
    closing = rng.normal(0.0, WHOLE_HAND_DEG) + rng.normal(0.0, FINGER_DEG, 5)
    varied = gesture.copy()
    for joint, share in ((ROOT_FLEXION, 0.7), (MIDDLE_FLEXION, 1.0), (END_FLEXION, 0.6)):
        varied[:, joint] += share * closing
    varied[0, MIDDLE_FLEXION] -= 0.5 * closing[0]
    varied[:, ROOT_SPREAD] += rng.normal(0.0, SPREAD_DEG, 5)
    return np.clip(varied, LOWEST_DEG, HIGHEST_DEG)


def orientation(
    rng: np.random.Generator, time_s: Float[np.ndarray, "frames"], habits: Habits = ANYTHING
) -> Float[Tensor, "frames 3 3"]:
    """The hand's rotation from rest axes to camera axes over time, from turn to turn along geodesics."""
    current = random_turn(rng, back=False, habits=habits)
    turned = current.repeat(len(time_s), 1, 1)
    start = float(time_s[0]) + rng.uniform(*REST_S)
    while start < time_s[-1]:
        following = random_turn(rng, bool(rng.random() < habits.back_share), habits)
        way = roma.rotmat_to_rotvec(current.T @ following)
        duration = rng.uniform(*TURN_S) * (1.0 + float(way.norm()) / math.pi)
        progress = torch.from_numpy(minimum_jerk((time_s - start) / duration))
        turned = turned @ roma.rotvec_to_rotmat(progress[:, None] * way)
        current, start = following, start + duration + rng.uniform(*REST_S)
    return turned


def random_turn(rng: np.random.Generator, back: bool, habits: Habits = ANYTHING) -> Float[Tensor, "3 3"]:
    """An orientation around the upright hand that shows its palm, or its back; or else what `habits` has it face."""
    spread = np.array([habits.yaw_deg, PITCH_DEG, ROLL_DEG])
    yaw, pitch, roll = np.clip(rng.normal(0.0, spread), -STEEPEST_DEG, STEEPEST_DEG)
    angles = torch.tensor([roll, pitch, yaw + habits.facing_deg + 180.0 * back], dtype=torch.float64)
    return roma.euler_to_rotmat("ZXY", angles, degrees=True) @ UPRIGHT_PALM


def minimum_jerk(progress: Float[np.ndarray, "*any"]) -> Float[np.ndarray, "*any"]:
    """0 before 0, 1 after 1, and between them the smoothest reach."""
    s = np.clip(progress, 0.0, 1.0)
    return s**3 * (10.0 - 15.0 * s + 6.0 * s**2)


def wander(
    rng: np.random.Generator, time_s: Float[np.ndarray, "frames"], channels: int, periods_s: tuple[float, float]
) -> Float[np.ndarray, "frames channels"]:
    """Smooth aimless signals of variance 1: sums of sinusoids with periods in the given range."""
    waves = 6
    frequency = 2.0 * np.pi / rng.uniform(*periods_s, (waves, channels))
    phase = rng.uniform(0.0, 2.0 * np.pi, (waves, channels))
    return np.sin(time_s[:, None, None] * frequency + phase).sum(1) * math.sqrt(2.0 / waves)
