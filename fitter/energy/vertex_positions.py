"""The model's vertices lie where a network, a scan or another fit puts them: pseudo-truth for every vertex."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from fitter.energy.term import Samples, SurfaceRows, robust_loss, robust_weight
from fitter.observe.evidence import Evidence
from fitter.observe.known_positions import KnownPositions
from fitter.quantity import Positive
from fitter.scene import Scene


@dataclass(frozen=True)
class VertexPositions:
    """(vertex - known) / sigma of every vertex; robust per vertex.

    A frame's vertices together count as `independent_vertices`: a regressor's come from a few dozen numbers, about as
    many as 21 joints hold, however fine its mesh is.
    """

    sigma_mm: Positive = 5.0
    independent_vertices: Positive = 21.0
    robust_width: Positive | None = 3.0

    def given(self, evidence: Evidence) -> bool:
        return evidence.vertices is not None

    def samples(self, scene: Scene, evidence: Evidence) -> Samples:
        known = known_vertices(evidence)
        n_frames, n_vertices = known.weight.shape
        frame = torch.arange(n_frames, device=known.weight.device).repeat_interleave(n_vertices)
        return Samples(self.difference(scene, known).flatten(0, 1), self.weight(known).flatten(), frame)

    def frame_energies(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "frames"]:
        known = known_vertices(evidence)
        loss = robust_loss(self.difference(scene, known).square().sum(-1), self.robust_width)
        return 0.5 * (self.weight(known) * loss).sum(-1)

    def rows(self, scene: Scene, evidence: Evidence) -> SurfaceRows:
        known = known_vertices(evidence)
        residual = self.difference(scene, known)
        weight = self.weight(known) * robust_weight(residual.square().sum(-1), self.robust_width)
        slope = 1000.0 / self.sigma_mm
        information = residual.new_zeros(*weight.shape, 6)
        information[..., [0, 3, 5]] = (weight * slope**2).unsqueeze(-1)
        return SurfaceRows(residual * (weight * slope).unsqueeze(-1), information)

    def difference(self, scene: Scene, known: KnownPositions) -> Float[Tensor, "frames vertices 3"]:
        return (scene.vertices - known.positions_m) * (1000.0 / self.sigma_mm)

    def weight(self, known: KnownPositions) -> Float[Tensor, "frames vertices"]:
        """No vertex counts more than once, even where a frame knows few."""
        total = known.weight.sum(dim=1, keepdim=True)
        return known.weight * (self.independent_vertices / total.clamp_min(self.independent_vertices))


def known_vertices(evidence: Evidence) -> KnownPositions:
    if evidence.vertices is None:
        raise AssertionError("vertices are not known: the term is not given")
    return evidence.vertices
