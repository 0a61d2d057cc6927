"""The rendered hand has the colours that the pictures show.

    term = Photometric(sigma=0.1)
    term.frame_energies(scene, evidence)     # scene with windows and an appearance, evidence with pictures
    term.rows(scene, evidence)               # gradient and information by vertex

A pixel that sees triangle i with corner weights b is rendered as gain * albedo(uv_i(b)) * sum_k b_k light_k, linear
RGB; its residual is the picture's colour minus that. The pixel stays where it is while the surface moves under it, so
the derivative is the colour's gradient across the screen, exact inside the triangle, times the surface's motion.

Light is carried by the surface: that shading changes as normals turn is left out of the derivative (not of the
energy). On a rendered hand the gradient by its rotations is 12 % off for that at 5 mm from the truth, at a cosine of
0.99 (`pytest tests/test_photometric.py -k normals_turn -s`). Rows know no change of the focal length.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from fitter.energy.photometric_kernels import (
    BRIGHT,
    CLIPPED_WEIGHT,
    DARK,
    UNSEEN_WEIGHT,
    Rules,
    Surface,
    Views,
    photometric_energies,
    photometric_rows,
)
from fitter.energy.seen_pixels import (
    Pixels,
    appearance_of,
    corner_weights,
    coverage,
    facing,
    lens,
    pixel_jacobian,
    rendered,
    see,
)
from fitter.energy.term import Samples, SurfaceRows, robust_loss, robust_weight, sampled_energies
from fitter.observe.evidence import Evidence
from fitter.observe.pictures import Pictures
from fitter.quantity import Positive
from fitter.render.shading import srgb_to_linear
from fitter.render.workers import over_frames
from fitter.scene import Scene

# A patch reaches from its middle to its sides by this share of the window: 9 pixels of 224. Wide enough to average a
# texture's misfit, narrower than a finger.
REACH = 4.0 / 224.0
CHANNELS = 3  # a pixel's residual has one component for each


@dataclass(frozen=True)
class Photometric:
    """(picture - rendering) / (sigma * level), three components; robust per pixel.

    `sigma` is the standard deviation of a channel over the hand's mean brightness. The energy of a frame is the mean
    over its weighted pixels times `independent_pixels`: neighbours share their errors (light, texture, model), and the
    number of covered pixels changes as the hand moves. Weights, constants of an iteration:

    - the frame's trust squared, and the picture's own weight of each pixel;
    - the square of the cosine at which its triangle is seen, 0 beyond `grazing_limit_deg`: colours change across the
      screen with 1 / cos, so this bounds what one pixel can claim;
    - 0 beside the background and across a step in depth: the colour there is a mixture;
    - little for clipped values and for texels that were never seen.

    What hides the hand (an object, the other hand, blur) is wrong in whole patches. So the energy is that of patches:
    with m the mean loss in the square around a pixel, the pixel costs m / sqrt(1 + (m / h)^2), where h is the loss of
    a residual of `occlusion_width`. Patches hardly pull beyond it, but a state that makes more of the hand look hidden
    is never cheaper. null: each pixel costs its own loss.
    """

    sigma: Positive = 0.05
    robust_width: Positive | None = 1.5
    independent_pixels: Positive = 100.0
    grazing_limit_deg: Positive = 75.0
    occlusion_width: Positive | None = 5.0

    def given(self, evidence: Evidence) -> bool:
        return evidence.pictures is not None

    def samples(self, scene: Scene, evidence: Evidence) -> Samples:
        """One sample per pixel that counts. With `occlusion_width`, then one per frame that makes up for the patches'
        cost being less than linear. Differentiable by the state and by the appearance.
        """
        pictures = pictures_of(evidence)
        pixels, weight = self.weighted_pixels(scene, pictures)
        return self.weighted(self.residual(scene, pictures, pixels, pixels.centre), weight, pixels, pictures)

    def frame_energies(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "frames"]:
        if scene.vertices.device.type != "cpu":
            return sampled_energies(self, scene, evidence)
        views, surface, rules = self.arrays(scene, pictures_of(evidence))
        energies = np.zeros(len(views.share))

        def sum_up(frames: slice) -> None:
            photometric_energies(Views(*(part[frames] for part in views)), surface, rules, energies[frames])

        over_frames(sum_up, len(energies))
        return torch.from_numpy(energies).to(scene.vertices)

    def deviation(self, energies: Float[np.ndarray, "frames"], evidence: Evidence) -> Float[np.ndarray, "frames"]:
        """Root mean robust square of a channel's residual in standard deviations, from `frame_energies`; NaN where no
        pixel counts.
        """
        weight = pictures_of(evidence).trust.double().square().cpu().numpy() * self.independent_pixels
        counted = (weight > 0) & (energies > 0)
        squared = np.divide(2.0 * energies, CHANNELS * weight, out=np.full(len(energies), np.nan), where=counted)
        return np.sqrt(squared)

    def rows(self, scene: Scene, evidence: Evidence) -> SurfaceRows:
        if scene.vertices.device.type != "cpu":
            return self.rows_in_torch(scene, evidence)
        views, surface, rules = self.arrays(scene, pictures_of(evidence))
        sums, energies = np.empty((*views.vertices.shape[:2], 9)), np.empty(len(views.share))

        def sum_up(frames: slice) -> None:
            photometric_rows(Views(*(part[frames] for part in views)), surface, rules, sums[frames], energies[frames])

        over_frames(sum_up, len(sums))
        both = torch.from_numpy(sums)
        total = torch.tensor(energies.sum(), dtype=scene.vertices.dtype)
        return SurfaceRows(both[..., :3], both[..., 3:], total)

    def rows_in_torch(self, scene: Scene, evidence: Evidence) -> SurfaceRows:
        """`rows` on any device. The surface moving under a pixel is the pixel moving the other way."""
        pictures = pictures_of(evidence)
        pixels, weight = self.weighted_pixels(scene, pictures)
        with torch.enable_grad():
            centre = pixels.centre.requires_grad_()
            residual = self.residual(scene, pictures, pixels, centre)
            slopes = [-torch.autograd.grad(part.sum(), centre, retain_graph=True)[0] for part in residual.unbind(-1)]
        residual = residual.detach()
        samples = self.weighted(residual, weight, pixels, pictures)
        weights = corner_weights(scene.screen, pixels, pixels.centre)
        slope = torch.stack(slopes, dim=1) @ pixel_jacobian(scene, pixels, weights)
        weight = samples.weight[: len(residual)] * robust_weight(residual.square().sum(-1), self.robust_width)
        gradient = torch.einsum("n,nk,nkc->nc", weight, residual, slope)
        information = torch.einsum("n,nkc,nkd->ncd", weight, slope, slope).flatten(1)[:, [0, 1, 2, 4, 5, 8]]
        each = weights.unsqueeze(-1) * torch.cat([gradient, information], dim=1).unsqueeze(1)
        n_frames, n_vertices = scene.vertices.shape[:2]
        corner = pixels.frame.unsqueeze(-1) * n_vertices + pixels.corners
        sums = each.new_zeros(n_frames * n_vertices, 9).index_add(0, corner.flatten(), each.flatten(0, 1))
        sums = sums.unflatten(0, (n_frames, n_vertices))
        return SurfaceRows(sums[..., :3], sums[..., 3:])

    def weighted_pixels(self, scene: Scene, pictures: Pictures) -> tuple[Pixels, Float[Tensor, "pixels"]]:
        """The pixels that count, and by how much before anything is known to be hidden."""
        pixels = see(scene, (pictures.weight > 0) & (pictures.trust > 0)[:, None, None])
        # Detached, not without gradients: the scene would keep what it computes here, for the residuals too.
        towards, seen = facing(scene, pixels).detach(), coverage(scene, pixels).detach()
        shown = pictures.rgb[pixels.where]
        clipped = (shown >= BRIGHT).all(-1) | (shown <= DARK).all(-1)
        weight = pictures.weight[pixels.where].to(towards) * towards.square()
        weight = weight * (UNSEEN_WEIGHT + (1.0 - UNSEEN_WEIGHT) * seen) * (1.0 - (1.0 - CLIPPED_WEIGHT) * clipped)
        kept = towards >= self.least_facing
        return pixels.chosen(kept), weight[kept]

    def residual(
        self, scene: Scene, pictures: Pictures, pixels: Pixels, centre: Float[Tensor, "pixels 2"]
    ) -> Float[Tensor, "pixels 3"]:
        """What the pixels show minus what the scene shows at `centre`, in standard deviations."""
        shown = srgb_to_linear(pictures.rgb[pixels.where].to(centre.dtype) / 255.0)
        return (shown - rendered(scene, pixels, centre)) / (self.sigma * pictures.level.to(centre.dtype))

    def weighted(self, residual: Tensor, weight: Tensor, pixels: Pixels, pictures: Pictures) -> Samples:
        """The samples of these residuals; a frame's weights sum to its trust squared times the independent pixels,
        but for what the patches' cost makes of them.
        """
        n_frames = len(pictures.trust)
        totals = weight.new_zeros(n_frames).index_add(0, pixels.frame, weight)
        share = weight * (pictures.trust.to(weight).square() * self.independent_pixels / totals)[pixels.frame]
        if self.occlusion_width is None:
            return Samples(residual, share, pixels.frame)
        loss = robust_loss(residual.detach().square().sum(-1), self.robust_width)
        slope, excess = self.patches(loss, weight, pixels, pictures)
        constant = residual.new_tensor([[self.occlusion_width, 0.0, 0.0]]).expand(n_frames, 3)
        made_up = share.new_zeros(n_frames).index_add(0, pixels.frame, share * excess) / self.hidden_loss
        frame = torch.cat([pixels.frame, torch.arange(n_frames, device=share.device)])
        return Samples(torch.cat([residual, constant]), torch.cat([share * slope, made_up]), frame)

    def patches(
        self, loss: Tensor, weight: Tensor, pixels: Pixels, pictures: Pictures
    ) -> tuple[Float[Tensor, "pixels"], Float[Tensor, "pixels"]]:
        """How much each pixel's loss counts in all patches around it, and what its own patch costs beyond that."""
        reach = reach_of(pictures.size)

        def mean_around(values: Tensor) -> Tensor:
            values = values.new_zeros(pictures.weight.shape).index_put(pixels.where, values)
            return functional.avg_pool2d(values, 2 * reach + 1, stride=1, padding=reach)[pixels.where]

        around = mean_around(weight)
        mean = mean_around(weight * loss) / around
        inner = 1.0 + (mean / self.hidden_loss).square()
        slope = inner**-1.5
        return mean_around(weight * slope / around), mean * inner**-0.5 - mean * slope

    @property
    def hidden_loss(self) -> float:
        """The mean loss from which a patch counts as hidden."""
        squared = torch.tensor(np.inf if self.occlusion_width is None else self.occlusion_width**2)
        return float(robust_loss(squared.double(), self.robust_width))

    @property
    def least_facing(self) -> float:
        return float(np.cos(np.deg2rad(self.grazing_limit_deg)))

    def arrays(self, scene: Scene, pictures: Pictures) -> tuple[Views, Surface, Rules]:
        """What the compiled passes take."""
        appearance, fragments = appearance_of(scene), scene.fragments
        scale = 1.0 / (self.sigma * float(pictures.level))
        views = Views(
            triangle_id=fragments.triangle_id.numpy(),
            barycentric=fragments.barycentric.numpy(),
            depth=fragments.depth.numpy(),
            rgb=pictures.rgb.numpy(),
            weight=pictures.weight.numpy(),
            vertices=scene.vertices.detach().contiguous().numpy(),
            screen=scene.screen.detach().contiguous().numpy(),
            light=scene.vertex_light.detach().float().contiguous().numpy(),
            gain=appearance.gain.detach().double().numpy() * scale,
            lens=lens(scene).detach().double().numpy(),
            share=pictures.trust.double().square().numpy() * self.independent_pixels,
        )
        texture = torch.cat([appearance.albedo, appearance.coverage.unsqueeze(-1)], dim=-1)
        # Texture coordinates in texels: centres of the first column and row at 0.
        size, uv = appearance.size, scene.model.uv[scene.model.uv_faces.long()].double()
        places = torch.stack([uv[..., 0] * size - 0.5, (1.0 - uv[..., 1]) * size - 0.5], dim=-1)
        surface = Surface(
            faces=scene.model.faces.int().contiguous().numpy(),
            places=places.contiguous().numpy(),
            texture=texture.detach().float().contiguous().numpy(),
        )
        rules = Rules(
            linear=srgb_to_linear(torch.arange(256, dtype=torch.float64) / 255.0).numpy() * scale,
            least_facing=self.least_facing,
            inverse_squared_width=0.0 if self.robust_width is None else self.robust_width**-2,
            inverse_hidden=1.0 / self.hidden_loss,
            reach=reach_of(pictures.size),
        )
        return views, surface, rules


def reach_of(size: int) -> int:
    """Pixels from a patch's middle to its sides."""
    return max(1, round(REACH * size))


def pictures_of(evidence: Evidence) -> Pictures:
    if evidence.pictures is None:
        raise AssertionError("the photometric term needs pictures")
    return evidence.pictures
