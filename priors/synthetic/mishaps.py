"""What goes wrong besides noise: joints and fingers that are missing, joints thrown off, fingers taken for others.

    drawn = Mishaps(missing_joints=0.1).sample(torch.Generator().manual_seed(0), n=64, frames=8)
    seen, confidence = with_mishaps(seen, confidence, drawn)

What goes wrong now mostly goes wrong in the next frame, too. Depth and bones of a thrown joint stay as they are: they
are other outputs of a detector.
"""

from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fitter.errors import InputError
from priors.synthetic.error_axes import HandCues, span_px
from priors.synthetic.error_model import persistent_noise

FINGER_OF_POINT = torch.tensor([-1, *([0] * 4), *([1] * 4), *([2] * 4), *([3] * 4), *([4] * 4)])
LAG = 0.9  # of what decides that something goes wrong: runs of about five frames
THROWN_SPANS = (0.05, 0.2)  # how far a joint is thrown, in shares of the span
THROWN_TRUST = 0.3  # detectors often know: a thrown joint keeps this much to all of its confidence


@dataclass(frozen=True)
class DrawnMishaps:
    """`trust` multiplies confidences (0: missing), `thrown` is added (shares of the span), `order` says which point's
    place each point is given.
    """

    trust: Float[Tensor, "*batch 21"]
    thrown: Float[Tensor, "*batch 21 2"]
    order: Int[Tensor, "*batch 21"]


@dataclass(frozen=True)
class Mishaps:
    """Shares of joints, fingers, joints and frames: missing, missing as a whole, thrown off, with two neighbouring
    fingers exchanged.
    """

    missing_joints: float = 0.03
    missing_fingers: float = 0.02
    thrown_joints: float = 0.03
    swapped_fingers: float = 0.01

    def __post_init__(self) -> None:
        for field in fields(self):
            share = getattr(self, field.name)
            if not 0.0 <= share < 1.0:
                raise InputError(f"Mishaps: {field.name} is {share}, expected a share from 0 to below 1")

    def sample(self, generator: torch.Generator, n: int, frames: int) -> DrawnMishaps:
        """Mishaps of `n` clips of `frames`, (n, frames, ...), float64 on the generator's device."""
        finger = FINGER_OF_POINT.to(generator.device)
        lost = happens(generator, (n, frames, 21), self.missing_joints)
        fingers = happens(generator, (n, frames, 5), self.missing_fingers)
        lost |= fingers[..., finger.clamp_min(0)] & (finger >= 0)
        thrown = happens(generator, (n, frames, 21), self.thrown_joints)
        draws = torch.rand(n, 1, 21, 3, generator=generator, dtype=torch.float64, device=generator.device)
        near, far = THROWN_SPANS
        distance, angle = near + (far - near) * draws[..., 0], 2.0 * torch.pi * draws[..., 1]
        offset = torch.stack([distance * angle.cos(), distance * angle.sin()], dim=-1)
        trust = torch.where(thrown, THROWN_TRUST + (1.0 - THROWN_TRUST) * draws[..., 2], 1.0)
        return DrawnMishaps(
            trust=torch.where(lost, 0.0, trust),
            thrown=torch.where(thrown[..., None], offset, 0.0),
            order=self.order(generator, n, frames),
        )

    def order(self, generator: torch.Generator, n: int, frames: int) -> Int[Tensor, "n frames 21"]:
        """Point indices, with two neighbouring fingers (not the thumb) exchanged where it happens."""
        index = torch.arange(21, device=generator.device)
        first = torch.randint(1, 4, (n, 1, 1), generator=generator, device=generator.device)
        finger = FINGER_OF_POINT.to(generator.device)
        exchanged = index + 4 * (finger == first).long() - 4 * (finger == first + 1).long()
        return torch.where(happens(generator, (n, frames, 1), self.swapped_fingers), exchanged, index)


def happens(generator: torch.Generator, shape: tuple[int, int, int], share: float) -> Tensor:
    """Where something of this share happens, in runs over the second axis."""
    lag = torch.tensor(LAG, dtype=torch.float64, device=generator.device)
    return torch.special.ndtr(persistent_noise(generator, shape, lag)) < share


def with_mishaps(
    seen: HandCues, confidence: Float[Tensor, "*batch 21"], drawn: DrawnMishaps
) -> tuple[HandCues, Float[Tensor, "*batch 21"]]:
    """Cues and confidences after the mishaps; missing points are 0 with confidence 0."""
    trust = confidence * drawn.trust.to(confidence)
    span = span_px(seen.pixels)[..., None, None]
    pixels = torch.take_along_dim(seen.pixels, drawn.order[..., None], dim=-2) + drawn.thrown.to(seen.pixels) * span
    depth = torch.take_along_dim(seen.depth_px, drawn.order, dim=-1)
    there = trust > 0.0
    kept = replace(seen, pixels=torch.where(there[..., None], pixels, 0.0), depth_px=torch.where(there, depth, 0.0))
    return kept, trust
