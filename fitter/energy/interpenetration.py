"""Two hands may touch but do not lie inside each other: a term of a pair of hands, acting between their capsules.

    term = Interpenetration(sigma_mm=2.0)
    contacts = term.contacts(volume_of(scene), volume_of(other, flipped=True))
    contacts.energy                                  # half the sum of (depth / sigma)^2
    contacts.pulls                                   # derivative of each residual by the capsules' ends and radii

A capsule is a ball that moves along a segment while its radius changes. The depth of two is the greatest of any of
their balls: the sum of the radii less the distance of the centres. Where it is not positive there is no residual, so
hands in contact are as cheap as hands apart.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fitter.hand.mirror import mirror_points
from fitter.quantity import Positive
from fitter.scene import Scene

# Axes nearer than this have no direction apart: the push is then along the line between the hands' wrists.
CROSSING_M = 1e-6
TURNS = 12  # of parallel axes, along which the depth hardly changes, the place is found slowly
STEEPEST = 0.99  # a radius that grows faster than this along its axis makes one ball of the capsule

# The two ends of a capsule in each pair (pairs, 3), and the radii there (pairs, 2), metres.
Segment = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Volume:
    """A hand's capsules: ends (frames, capsules, 2, 3) and radii (capsules, 2), metres."""

    ends: Float[Tensor, "frames capsules 2 3"]
    radii: Float[Tensor, "capsules 2"]


@dataclass(frozen=True)
class Pulls:
    """Derivative of each contact's residual by its capsule's ends and radii, per metre."""

    ends: Float[Tensor, "contacts 2 3"]
    radii: Float[Tensor, "contacts 2"]


@dataclass(frozen=True)
class Contacts:
    """Pairs of capsules, one of each hand, that lie inside each other, in the order of their frames.

    `residual` is the depth over its standard deviation; `pulls` are by the first hand's capsule and by the second's.
    """

    frame: Int[Tensor, "contacts"]
    capsule: Int[Tensor, "contacts 2"]
    residual: Float[Tensor, "contacts"]
    pulls: tuple[Pulls, Pulls]

    @property
    def energy(self) -> Float[Tensor, ""]:
        return 0.5 * self.residual.square().sum()


@dataclass(frozen=True)
class Interpenetration:
    """depth / sigma of every pair of capsules, one of each hand. Capsules are the flesh to 1 or 2 mm."""

    sigma_mm: Positive = 2.0

    def contacts(self, one: Volume, other: Volume) -> Contacts:
        """What lies inside each other, both volumes in the same axes."""
        frame, a, b = overlapping(one, other)
        start_a, end_a = one.ends[frame, a].unbind(-2)
        start_b, end_b = other.ends[frame, b].unbind(-2)
        radii_a, radii_b = one.radii[a], other.radii[b]
        s, t = deepest((start_a, end_a, radii_a), (start_b, end_b, radii_b))
        apart = torch.lerp(start_a, end_a, s.unsqueeze(-1)) - torch.lerp(start_b, end_b, t.unsqueeze(-1))
        distance = apart.norm(dim=-1)
        shares = torch.stack([1.0 - s, s], dim=-1), torch.stack([1.0 - t, t], dim=-1)
        depth = (radii_a * shares[0]).sum(-1) + (radii_b * shares[1]).sum(-1) - distance
        inside = torch.nonzero(depth > 0).squeeze(1)
        wrists = (one.ends[:, -1, 0] - other.ends[:, -1, 0])[frame]
        away = torch.where((distance > CROSSING_M).unsqueeze(-1), apart, wrists)
        away = torch.nn.functional.normalize(away, dim=-1)[inside]
        per_metre = 1000.0 / self.sigma_mm
        pulls = [
            Pulls(-sign * per_metre * share[inside].unsqueeze(-1) * away.unsqueeze(1), per_metre * share[inside])
            for sign, share in ((1.0, shares[0]), (-1.0, shares[1]))
        ]
        return Contacts(
            frame[inside], torch.stack([a, b], dim=-1)[inside], per_metre * depth[inside], (pulls[0], pulls[1])
        )


def volume_of(scene: Scene, flipped: bool = False) -> Volume:
    """The capsules of a scene's hand in its camera's axes; `flipped`: in those of the mirrored camera."""
    capsules = scene.model.capsules
    ends = capsules.ends(scene.posed)
    return Volume(mirror_points(ends) if flipped else ends, capsules.radii(scene.state.betas))


def overlapping(one: Volume, other: Volume) -> tuple[Int[Tensor, "pairs"], Int[Tensor, "pairs"], Int[Tensor, "pairs"]]:
    """Frame and capsules of the pairs whose bounding spheres overlap; most frames have none."""
    middles = [volume.ends.mean(dim=-2) for volume in (one, other)]
    reaches = [
        0.5 * (volume.ends[..., 1, :] - volume.ends[..., 0, :]).norm(dim=-1) + volume.radii.amax(dim=-1)
        for volume in (one, other)
    ]
    near = torch.cdist(middles[0], middles[1]) < reaches[0].unsqueeze(-1) + reaches[1].unsqueeze(-2)
    frame, a, b = torch.nonzero(near, as_tuple=True)
    return frame, a, b


def deepest(one: Segment, other: Segment) -> tuple[Float[Tensor, "pairs"], Float[Tensor, "pairs"]]:
    """Where along two capsules, 0 to 1, their deepest balls are: each in turn, for that of the other.

    The depth is concave in both places, so going up in turns ends at the top.
    """
    s = t = one[2].new_full(one[2].shape[:1], 0.5)
    for _ in range(TURNS):
        s = deepest_along(one, torch.lerp(other[0], other[1], t.unsqueeze(-1)))
        t = deepest_along(other, torch.lerp(one[0], one[1], s.unsqueeze(-1)))
    return s, t


def deepest_along(capsule: Segment, point: Float[Tensor, "pairs 3"]) -> Float[Tensor, "pairs"]:
    """Where along a capsule, 0 to 1, its ball is that a point lies deepest in.

    At a distance h from the axis and with a radius that grows by the share k of the way, that is h k / sqrt(1 - k^2)
    further on than the foot of the point.
    """
    start, end, radii = capsule
    length = (end - start).norm(dim=-1).clamp_min(CROSSING_M)
    axis = (end - start) / length.unsqueeze(-1)
    foot = ((point - start) * axis).sum(-1)
    height = (point - start - foot.unsqueeze(-1) * axis).norm(dim=-1)
    growth = ((radii[:, 1] - radii[:, 0]) / length).clamp(-STEEPEST, STEEPEST)
    return ((foot + height * growth / (1.0 - growth.square()).sqrt()) / length).clamp(0.0, 1.0)
