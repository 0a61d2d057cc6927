"""A doubt lasts: a detector that guesses goes on guessing, so that many frames of one guess are one measurement.

    less = lasting(evidence, 0.6)               # the same points; every weight is the least within 0.6 s of its frame

Where a thing hides a joint, MediaPipe's detections leap now and then and are steady between, at the wrong place.
`fitter.observe.doubt` sees the leaps only, and a fit is right to use what lies between for want of better. How sure the
fit is, is another matter: errors that persist do not average out.
"""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from fitter.observe.evidence import Evidence


def lasting(evidence: Evidence, within_s: float) -> Evidence:
    """The evidence with each weight the least of its joint, or bone, within `within_s`; unseen points have no say."""
    return replace(
        evidence,
        confidence=least_near(evidence.confidence, evidence.time_s, within_s),
        depth_weight=least_near(evidence.depth_weight, evidence.time_s, within_s),
        bone_weight=least_near(evidence.bone_weight, evidence.time_s, within_s),
    )


def least_near(
    weight: Float[Tensor, "frames points"], time_s: Float[Tensor, "frames"], within_s: float
) -> Float[Tensor, "frames points"]:
    """The least positive weight of each point at times no further away; 0 stays 0. Times ascend."""
    seen = weight > 0.0
    counted = torch.where(seen, weight, torch.inf)
    least = counted.clone()
    for apart in range(1, len(time_s)):
        near = (time_s[apart:] - time_s[:-apart] <= within_s).unsqueeze(-1)
        if not bool(near.any()):
            break
        least[apart:] = torch.minimum(least[apart:], torch.where(near, counted[:-apart], torch.inf))
        least[:-apart] = torch.minimum(least[:-apart], torch.where(near, counted[apart:], torch.inf))
    return torch.where(seen, least, 0.0)
