"""Fingers do not pass through fingers nor into the palm: capsules that stand for their flesh keep apart.

SelfCollision(softness_mm=2).residual(scene, evidence)       # (*batch, frames, PAIRS, 1), 0 where nothing overlaps
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from fitter.energy.self_collision_kernels import PARALLEL, SHORTEST_M, residuals, touching_rows
from fitter.energy.term import DenseRows
from fitter.hand import HandModel, PosedHand
from fitter.hand.capsules import CAPSULE_NAMES, CHAIN_OF_CAPSULE, PLACE_OF_CAPSULE, ROTATIONS
from fitter.observe.evidence import Evidence
from fitter.quantity import Positive
from fitter.scene import Scene
from fitter.skeleton import MANO_FINGERS, POINT_OF_ROTATION

MM_PER_M = 1000.0


def pairs() -> Int[np.ndarray, "pairs 2"]:
    """The capsules of different fingers, or of a finger and the palm, that no joint and no web ties together.

    First bones are tied to each other and to the palm by the webs; the thumb's metacarpal, which is one of them, is
    palm itself, and its second bone lies against it.
    """
    thumb = MANO_FINGERS.index("thumb")
    place = np.where(CHAIN_OF_CAPSULE == thumb, PLACE_OF_CAPSULE - 1, PLACE_OF_CAPSULE)
    found = [
        (i, j)
        for i in range(len(CAPSULE_NAMES))
        for j in range(i + 1, len(CAPSULE_NAMES))
        if CHAIN_OF_CAPSULE[i] != CHAIN_OF_CAPSULE[j] and max(place[i], place[j]) >= 2
    ]
    return np.array(found)


PAIRS = pairs()


@dataclass(frozen=True)
class SelfCollision:
    """How much further than `softness_mm` two capsules overlap, over sigma; one group per pair.

    A capsule here has the radius of its thinner end, everywhere no more than the flesh has. `softness_mm` is what flesh
    gives way and what capsules are wrong by: in 247 frames of four filmed clips whose meshes pass into each other by
    less than 1 mm, fists and pinches among them, the capsules overlap by 2.1 mm at most and by less than 1 mm in all
    but one (capsules of `capsules_of`, fits by keypoints alone).
    """

    sigma_mm: Positive = 2.0
    softness_mm: Positive = 2.0
    robust_width: Positive | None = None

    def residual(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "*batch frames pairs 1"]:
        if not torch.is_grad_enabled() and scene.state.trajectory.dim() == 2:
            return self._residual_of_one_clip(scene)
        overlap_mm = MM_PER_M * overlaps(scene.posed)
        return ((overlap_mm - self.softness_mm).clamp_min(0.0) / self.sigma_mm).unsqueeze(-1)

    def rows(self, scene: Scene, evidence: Evidence) -> DenseRows:
        """The pairs that touch, of every frame as many as of the frame with most; on the CPU, wherever the scene is."""
        posed, model, state = scene.posed, scene.model, scene.state
        capsules, thin = model.capsules, thin_radii(model)
        centres = torch.from_numpy(POINT_OF_ROTATION[ROTATIONS])
        slopes = capsules.ends_basis - model.joints_shape_basis[centres].unsqueeze(-3)
        residual, frames, betas = touching_rows(
            (_plain(posed.joints), _plain(posed.bone_rotations)),
            (_plain(offsets_from_joints(scene)), _plain(slopes), _plain(model.joints_shape_basis)),
            (_plain(thin.with_shape(state.betas)), _plain(thin.basis)),
            PAIRS,
            self._limits,
        )
        shared = np.concatenate([betas, np.zeros((*betas.shape[:2], 1))], axis=2)  # none of the focal length
        moved = [torch.from_numpy(each).to(state.trajectory) for each in (residual, frames, shared)]
        return DenseRows(*(each.unsqueeze(2) for each in moved))

    def _residual_of_one_clip(self, scene: Scene) -> Float[Tensor, "frames pairs 1"]:
        """The same, compiled, where nobody differentiates."""
        found = residuals(
            (_plain(scene.posed.joints), _plain(scene.posed.bone_rotations)),
            _plain(offsets_from_joints(scene)),
            _plain(thin_radii(scene.model).with_shape(scene.state.betas)),
            PAIRS,
            self._limits,
        )
        return torch.from_numpy(found).to(scene.state.trajectory).unsqueeze(-1)

    @property
    def _limits(self) -> tuple[float, float]:
        return self.softness_mm / MM_PER_M, self.sigma_mm / MM_PER_M


def overlaps(posed: PosedHand) -> Float[Tensor, "*batch frames pairs"]:
    """How deep the capsules of each pair lie in each other, metres; negative where they are apart."""
    shaped = posed.shaped
    ends = shaped.model.capsules.ends(posed)
    radii = thin_radii(shaped.model).with_shape(shaped.betas).unsqueeze(-2)
    one, other = PAIRS.T
    apart = nearest(ends[..., one, :, :], ends[..., other, :, :]).square().sum(-1).clamp_min(SHORTEST_M**2).sqrt()
    return radii[..., one] + radii[..., other] - apart


def offsets_from_joints(scene: Scene) -> Float[Tensor, "19 2 3"]:
    """The capsules' ends from the joints that carry them, at rest, metres."""
    centres = torch.from_numpy(POINT_OF_ROTATION[ROTATIONS])
    shaped = scene.posed.shaped
    return scene.model.capsules.shaped_ends(shaped.betas) - shaped.joints[centres].unsqueeze(-2)


@dataclass(frozen=True)
class ThinRadii:
    """Radius of every capsule's thinner end, metres, and its derivative by the betas."""

    template: Float[Tensor, "19"]
    basis: Float[Tensor, "19 betas"]

    def with_shape(self, betas: Float[Tensor, "*batch betas"]) -> Float[Tensor, "*batch 19"]:
        return self.template + torch.einsum("cs,...s->...c", self.basis, betas)


def thin_radii(model: HandModel) -> ThinRadii:
    """The end is the template's thinner one, so that the radius is linear in the betas."""
    capsules = model.capsules
    template, end = capsules.rest_radii.min(dim=-1)
    return ThinRadii(template, capsules.radii_basis[torch.arange(len(end), device=end.device), end])


def nearest(first: Float[Tensor, "*any 2 3"], second: Float[Tensor, "*any 2 3"]) -> Float[Tensor, "*any 3"]:
    """The shortest way from one segment to another (Ericson 2005, Real-Time Collision Detection, section 5.1.9)."""
    a, b = first[..., 1, :] - first[..., 0, :], second[..., 1, :] - second[..., 0, :]
    between = first[..., 0, :] - second[..., 0, :]
    with torch.no_grad():  # where it is shortest, it does not change with the places
        aa, bb, ab = (a * a).sum(-1), (b * b).sum(-1), (a * b).sum(-1)
        ac, bc = (a * between).sum(-1), (b * between).sum(-1)
        spread = aa * bb - ab * ab
        parallel = spread <= PARALLEL * aa * bb
        s = ((ab * bc - ac * bb) / torch.where(parallel, torch.ones_like(spread), spread)).clamp(0.0, 1.0)
        s = torch.where(parallel, torch.full_like(s, 0.5), s)
        free = (ab * s + bc) / bb
        t = free.clamp(0.0, 1.0)
        s = torch.where(free == t, s, ((ab * t - ac) / aa).clamp(0.0, 1.0))
    return between + s.unsqueeze(-1) * a - t.unsqueeze(-1) * b


def _plain(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().double().contiguous().numpy()
