"""Synthetic test clips by difficulty: what makes a start hard is the posture, the side that is seen, what is missing.

    for group in GROUPS:
        clip = group_clip(model, group, index=0)      # a `SyntheticClip`; the same index is the same clip
    without_cues(clip)                                # the same detections, but only x, y and confidence

Seeds FIRST_SEED to FIRST_SEED + 4999 belong to these clips: nothing may be trained or tuned on them.
"""

from dataclasses import dataclass, replace

import torch

from benchmarks.synthetic import SyntheticClip, synthetic_clip
from fitter.hand import HandModel
from fitter.observe.evidence import Evidence, prepare_evidence
from priors.synthetic.detector import SyntheticDetector
from priors.synthetic.gestures import GESTURES
from priors.synthetic.motion import Habits

N_FRAMES, CLIPS_PER_GROUP, SEEDS_PER_GROUP = 60, 40, 1000
FIRST_SEED = 50_000

# The detector of every group.
DETECTOR = SyntheticDetector()
# Of the frames, and of the joints in the others: about half of all points are missing.
MISSING = 0.3


@dataclass(frozen=True)
class Group:
    """One difficulty. Clips take turns at `facing_deg`, and at which of the gestures comes first."""

    name: str
    gestures: tuple[str, ...] = tuple(GESTURES)
    facing_deg: tuple[float, ...] = (0.0,)
    yaw_deg: float = Habits.yaw_deg
    back_share: float = Habits.back_share
    missing: float = 0.0

    def habits(self, index: int) -> Habits:
        """How the hand of a clip moves."""
        turn = index % len(self.gestures)
        gestures = self.gestures[turn:] + self.gestures[:turn]
        return Habits(gestures, self.facing_deg[index % len(self.facing_deg)], self.yaw_deg, self.back_share)

    def detector(self) -> SyntheticDetector:
        """Who looks at it."""
        return replace(DETECTOR, missing_frames=self.missing, missing_joints=self.missing)

    def seed(self, index: int) -> int:
        """Of the clip of that number, from 0."""
        if not 0 <= index < SEEDS_PER_GROUP:
            raise AssertionError(f"clip {index} of a group: expected one of {SEEDS_PER_GROUP}")
        return FIRST_SEED + SEEDS_PER_GROUP * GROUPS.index(self) + index


GROUPS = (
    Group("open", ("open", "spread", "four")),
    Group("curled", ("relaxed", "pinch", "three", "victory", "point")),
    Group("fist", ("fist", "thumb_up")),
    # The thumb's side or the little finger's towards the camera, never the palm's or the back's.
    Group("side view", facing_deg=(90.0, -90.0), yaw_deg=12.0, back_share=0.0),
    Group("30 % missing", missing=MISSING),
)


def group_clip(model: HandModel, group: Group, index: int) -> SyntheticClip:
    """One clip of a group, N_FRAMES at 30 fps."""
    return synthetic_clip(model, group.seed(index), N_FRAMES, group.detector(), group.habits(index))


def without_cues(clip: SyntheticClip) -> SyntheticClip:
    """The same clip from a source that gives x, y and confidence, as OpenPose does."""
    seen = replace(clip.seen, depth_px=None, landmarks_m=None)
    evidence = prepare_evidence(seen, clip.given.camera, clip.given.model)
    evidence = replace(evidence, pose_prior=clip.given.evidence.pose_prior)
    return replace(clip, seen=seen, given=replace(clip.given, evidence=evidence, starts=()))


def has_cues(evidence: Evidence) -> bool:
    """Whether anything says how deep the hand's parts are."""
    return bool(torch.any(evidence.depth_weight > 0) or torch.any(evidence.bone_weight > 0))
