"""The mesh ends where the mask of the hand does: no part of it outside, and no part of the mask without mesh.

    Silhouette(sigma_px=1.5).given(evidence)       # acts where the evidence has silhouettes

Two directions make one energy: every crossing of the mesh's outline lies at the mask's outline (its distance is 0), and
every point of the mask's outline has the mesh's next to it, measured along the mask's normal (a point to a line, as in
Chen and Medioni 1992). The first alone would let the hand shrink, the second alone let it grow.

At the wrist the mesh ends and the mask goes on into the forearm: crossings there do not count, nor do the mask's points
that are nearest to them. What lies outside of the image does not count either.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from fitter.energy.silhouette_kernels import add_frames
from fitter.energy.silhouette_pairs import at_wrist, compare, first_crossings, matched
from fitter.energy.term import Samples, SurfaceRows, robust_weight, sampled_energies
from fitter.observe.evidence import Evidence
from fitter.observe.pictures import Silhouettes
from fitter.observe.silhouettes import BOUND
from fitter.quantity import Positive
from fitter.render.window import Windows
from fitter.render.workers import over_frames
from fitter.scene import Scene


@dataclass(frozen=True)
class Silhouette:
    """Distances between the outlines of mesh and mask over sigma; a frame's energy is trust^2 independent_points / 2
    times the mean of both directions' mean losses, so that it does not matter how many samples there are.

    `sigma_px` holds for a hand that spans `Evidence.REFERENCE_SPAN_PX` in the image and grows with it.
    `independent_points`: neighbouring places of an outline err together.
    """

    sigma_px: Positive = 1.0
    independent_points: Positive = 120.0
    robust_width: Positive | None = 1.5

    def given(self, evidence: Evidence) -> bool:
        return evidence.silhouettes is not None

    def samples(self, scene: Scene, evidence: Evidence) -> Samples:
        """The mesh's crossings against the mask, then the mask's points against the mesh; one component."""
        masks = silhouettes_in(evidence)
        compared = compare(scene, masks, self.together(masks))
        residual = compared.residual(compared.places(crossing_positions(scene)), masks, self.sigma(scene, evidence))
        return Samples(residual.unsqueeze(-1), compared.weight, compared.frame)

    def frame_energies(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "frames"]:
        if scene.vertices.device.type == "cpu":
            return self.compiled(scene, evidence, with_rows=False)[0]
        return sampled_energies(self, scene, evidence)

    def rows(self, scene: Scene, evidence: Evidence) -> SurfaceRows:
        if scene.vertices.device.type == "cpu":
            return self.compiled(scene, evidence, with_rows=True)[1]
        return self.differentiated(scene, evidence)

    def differentiated(self, scene: Scene, evidence: Evidence) -> SurfaceRows:
        """The rows from the definition by automatic differentiation, on any device."""
        masks, outline, vertices = silhouettes_in(evidence), scene.outline, scene.vertices.detach()
        compared = compare(scene, masks, self.together(masks))
        place = compared.places(crossing_positions(scene).detach()).requires_grad_()
        residual = compared.residual(place, masks, self.sigma(scene, evidence))
        (slope,) = torch.autograd.grad(residual.sum(), place)
        residual, linked = residual.detach(), compared.crossing >= 0
        strength = compared.weight * robust_weight(residual.square(), self.robust_width)
        frame, crossing = compared.frame[linked], compared.crossing[linked]
        jacobian = in_camera_axes(slope[linked], scene, crossing)
        pull = (strength * residual)[linked, None] * jacobian
        products = torch.stack([jacobian[:, i] * jacobian[:, k] for i in range(3) for k in range(i, 3)], dim=-1)
        products = strength[linked, None] * products
        gradient, information = torch.zeros_like(vertices), vertices.new_zeros(*vertices.shape[:2], 6)
        for k in range(2):
            vertex, share = outline.corners[crossing, k], outline.weights[crossing, k, None]
            gradient.index_put_((frame, vertex), share * pull, accumulate=True)
            information.index_put_((frame, vertex), share * products, accumulate=True)
        return SurfaceRows(gradient, information)

    def sigma(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "frames"]:
        """One standard deviation in each frame's window pixels."""
        return self.sigma_px * evidence.pixel_scale * windows_of(scene).scale

    def together(self, masks: Silhouettes) -> Float[Tensor, "frames"]:
        """What the samples of one direction weigh in all, per frame."""
        return 0.5 * self.independent_points * masks.trust.square()

    def compiled(
        self, scene: Scene, evidence: Evidence, with_rows: bool
    ) -> tuple[Float[Tensor, "frames"], SurfaceRows]:
        """Energy of every frame and, where they are wanted, its rows."""
        masks, outline, wrist = silhouettes_in(evidence), scene.outline, at_wrist(scene)
        vertices = np.ascontiguousarray(scene.vertices.detach().numpy(), dtype=np.float64)
        n_frames = len(vertices)
        width = np.inf if self.robust_width is None else self.robust_width
        rules = np.stack(
            [self.sigma(scene, evidence).numpy(), np.full(n_frames, width), self.together(masks).numpy()], axis=1
        ).astype(np.float64)
        lenses = (scene.focal.detach() * windows_of(scene).scale.unsqueeze(1)).double().numpy()
        energy = np.zeros(n_frames)
        shape = vertices.shape[:2] if with_rows else (n_frames, 0)
        gradient, information = np.zeros((*shape, 3)), np.zeros((*shape, 6))
        first, match = first_crossings(outline, n_frames), matched(outline, wrist, masks)
        crossings = outline.position.double().numpy(), outline.corners.numpy(), outline.weights.double().numpy()
        pixels = masks.distance.numpy(), masks.inside.numpy(), masks.outline.numpy(), masks.count.numpy()

        def add(chunk: slice) -> None:
            add_frames(
                first[chunk.start : chunk.stop + 1],
                *(crossings, wrist.numpy(), tuple(each[chunk] for each in pixels), match[chunk], rules[chunk]),
                *(BOUND * masks.size, vertices[chunk], lenses[chunk]),
                *(with_rows, energy[chunk], gradient[chunk], information[chunk]),
            )

        over_frames(add, n_frames)
        by_frame = torch.from_numpy(energy).to(scene.vertices)
        return by_frame, SurfaceRows(torch.from_numpy(gradient), torch.from_numpy(information), by_frame.sum())


def crossing_positions(scene: Scene) -> Float[Tensor, "crossings 2"]:
    """Window pixels of the crossings, differentiable as points of the surface."""
    outline, windows = scene.outline, windows_of(scene)
    centre = scene.vertices.new_tensor([scene.camera.cx, scene.camera.cy])
    points = crossing_points(scene)
    pixels = points[:, :2] / points[:, 2:] * scene.focal + centre
    return (pixels - windows.origin_px[outline.frame]) * windows.scale[outline.frame, None]


def crossing_points(scene: Scene) -> Float[Tensor, "crossings 3"]:
    """The crossings on the mesh, metres, camera axes."""
    outline = scene.outline
    corners = scene.vertices[outline.frame.unsqueeze(1), outline.corners]
    return (outline.weights.unsqueeze(-1) * corners).sum(dim=1)


def in_camera_axes(
    slope: Float[Tensor, "samples 2"], scene: Scene, crossing: Int[Tensor, "samples"]
) -> Float[Tensor, "samples 3"]:
    """Derivatives per window pixel -> per metre of the crossing's point."""
    points = crossing_points(scene)[crossing].detach()
    scale = windows_of(scene).scale[scene.outline.frame[crossing]]
    sideways = slope * scene.focal.detach() * scale.unsqueeze(1) / points[:, 2:]
    away = -(sideways * points[:, :2]).sum(-1, keepdim=True) / points[:, 2:]
    return torch.cat([sideways, away], dim=-1)


def silhouettes_in(evidence: Evidence) -> Silhouettes:
    if evidence.silhouettes is None:
        raise AssertionError("the silhouette term acts only where evidence.silhouettes is given")
    return evidence.silhouettes


def windows_of(scene: Scene) -> Windows:
    if scene.windows is None:
        raise AssertionError("a scene without windows has no silhouette")
    return scene.windows
