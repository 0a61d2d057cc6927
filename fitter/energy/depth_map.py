"""The surface lies where an RGB-D camera measured it: the rendered depth of every pixel against the observed one.

A pixel sees the plane of its triangle, n . (z r) = n . A with the ray r of depth 1, so z = n . A / n . r. Where the
surface at the pixel moves by dX, its depth on that ray moves by dz = n . dX / n . r: exact to first order, as the turn
of the plane about the point itself changes nothing.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from fitter.energy.depth_map_kernels import Rules, Views, depth_sums
from fitter.energy.term import Samples, SurfaceRows, robust_weight, sampled_energies
from fitter.observe.depth_maps import DepthMaps
from fitter.observe.evidence import Evidence
from fitter.quantity import Positive
from fitter.render.workers import over_frames
from fitter.scene import Scene


@dataclass(frozen=True)
class DepthMap:
    """(rendered - observed depth) / sigma of the pixels that the hand covers and the camera knows; robust per pixel.

    A pixel's weight falls with the square of the cosine at which it looks at the surface, as the precision of depth
    does there; visibility and weights are constants of an iteration. A frame's pixels together count as
    `independent_pixels`: the errors of depth cameras are shared over patches some 7 pixels wide. `sigma_mm` covers the
    camera (1 to 3 mm within arm's reach) and what the model's shape cannot follow. What is measured further than
    `reach_mm` from the rendering is something else, before or behind the hand: it costs what `reach_mm` costs, and
    pulls nothing. The rows leave out how the focal length turns the rays: with depth it should be given.
    """

    sigma_mm: Positive = 5.0
    reach_mm: Positive = 60.0
    independent_pixels: Positive = 200.0
    robust_width: Positive | None = 3.0

    def given(self, evidence: Evidence) -> bool:
        return evidence.depth_maps is not None

    def samples(self, scene: Scene, evidence: Evidence) -> Samples:
        maps = known_maps(evidence)
        seen = _Seen.of(scene, maps)
        return Samples(self.difference(seen).unsqueeze(-1), self.weight(seen, maps), seen.frame)

    def frame_energies(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "frames"]:
        if scene.vertices.device.type == "cpu":
            return torch.from_numpy(self.summed(scene, known_maps(evidence), with_rows=False)[0]).to(scene.vertices)
        return sampled_energies(self, scene, evidence)

    def rows(self, scene: Scene, evidence: Evidence) -> SurfaceRows:
        if scene.vertices.device.type != "cpu":
            return self.rows_in_torch(scene, evidence)
        both = torch.from_numpy(self.summed(scene, known_maps(evidence), with_rows=True)[1])
        return SurfaceRows(both[..., :3], both[..., 3:])

    def rows_in_torch(self, scene: Scene, evidence: Evidence) -> SurfaceRows:
        """`rows` on any device."""
        maps = known_maps(evidence)
        seen = _Seen.of(scene, maps)
        residual = self.difference(seen)
        slope = 1000.0 / self.sigma_mm / seen.approach  # of the residual, along the plane's normal
        slope = torch.where(residual.abs() < self.reach_mm / self.sigma_mm, slope, 0.0)
        weight = self.weight(seen, maps) * robust_weight(residual.square(), self.robust_width) * slope
        return lumped(seen, scene, weight * residual, weight * slope)

    def summed(self, scene: Scene, maps: DepthMaps, with_rows: bool) -> tuple[np.ndarray, np.ndarray]:
        """Each frame's energy, and gradient and information by vertex (frames, vertices, 9), by the compiled pass."""
        views, faces = views_of(scene, maps), np.ascontiguousarray(scene.model.faces.numpy(), np.int32)
        width = self.robust_width
        rules = Rules(1000.0 / self.sigma_mm, self.reach_mm / self.sigma_mm, 0.0 if width is None else 1.0 / width**2)
        n_frames, n_vertices = views.vertices.shape[:2]
        energies, totals = np.zeros(n_frames), np.zeros(n_frames)
        sums = np.zeros((n_frames if with_rows else 0, n_vertices, 9))

        def sum_up(frames: slice) -> None:
            depth_sums(
                Views(*(part[frames] for part in views)), faces, rules, energies[frames], totals[frames], sums[frames]
            )

        over_frames(sum_up, n_frames)
        share = views.trust * self.independent_pixels / np.maximum(totals, self.independent_pixels)
        sums *= share[: len(sums), None, None]
        return energies * share, sums

    def difference(self, seen: "_Seen") -> Float[Tensor, "samples"]:
        reach = self.reach_mm / self.sigma_mm
        return ((seen.offset / seen.approach - seen.observed_m) * (1000.0 / self.sigma_mm)).clamp(-reach, reach)

    def weight(self, seen: "_Seen", maps: DepthMaps) -> Float[Tensor, "samples"]:
        """No pixel counts more than once, even where few are covered."""
        squared = (seen.approach.square() / (seen.normal.square().sum(-1) * seen.ray.square().sum(-1))).detach()
        total = squared.new_zeros(len(maps.trust)).index_add(0, seen.frame, squared)
        share = self.independent_pixels / total.clamp_min(self.independent_pixels)
        return squared * (share * maps.trust)[seen.frame]


@dataclass(frozen=True)
class _Seen:
    """The covered pixels of known depth: which triangle each sees, its plane, and the ray.

    `normal` is the plane's, as long as twice the triangle's area; `approach` n . r, `offset` n . A.
    """

    frame: Int[Tensor, "samples"]
    triangle: Int[Tensor, "samples"]
    weights: Float[Tensor, "samples 3"]
    observed_m: Float[Tensor, "samples"]
    ray: Float[Tensor, "samples 3"]
    normal: Float[Tensor, "samples 3"]
    approach: Float[Tensor, "samples"]
    offset: Float[Tensor, "samples"]

    @staticmethod
    def of(scene: Scene, maps: DepthMaps) -> "_Seen":
        fragments = scene.fragments
        usable = fragments.covered & (maps.depth_m > 0) & (maps.trust > 0)[:, None, None]
        frame, row, column = usable.nonzero(as_tuple=True)
        triangle = fragments.triangle_id[frame, row, column].long()
        normals, offsets = planes(scene)
        place = frame * len(scene.model.faces) + triangle
        normal, offset = normals.flatten(0, 1)[place], offsets.flatten()[place]
        lens = lens_of(scene, maps)[frame]
        flat = (torch.stack([column, row], dim=-1) + 0.5 - lens[:, 2:]) / lens[:, :2]
        ray = torch.cat([flat, torch.ones_like(flat[:, :1])], dim=-1)
        return _Seen(
            frame=frame,
            triangle=triangle,
            weights=fragments.weights[frame, row, column].to(normal),
            observed_m=maps.depth_m[frame, row, column].to(normal),
            ray=ray,
            normal=normal,
            approach=(normal * ray).sum(-1),
            offset=offset,
        )


def planes(scene: Scene) -> tuple[Float[Tensor, "frames faces 3"], Float[Tensor, "frames faces"]]:
    """Normal n of every triangle's plane (not of unit length) and n . A: the plane is where n . X = n . A."""
    a, b, c = (scene.vertices[:, scene.model.faces[:, corner].long()] for corner in range(3))
    normal = torch.linalg.cross(b - a, c - a)
    return normal, (normal * a).sum(-1)


def lens_of(scene: Scene, maps: DepthMaps) -> Float[Tensor, "frames 4"]:
    """Focal lengths and principal point of every frame's window, in its pixels."""
    windows = scene.windows
    if windows is None or windows.size != maps.size:
        raise AssertionError(f"depth maps of {maps.size} pixels need a scene with windows of that size")
    centre = scene.vertices.new_tensor([scene.camera.cx, scene.camera.cy])
    lens = torch.cat([scene.focal.expand(len(windows.scale), 2), centre - windows.origin_px], dim=-1)
    return lens * windows.scale.unsqueeze(-1)


def views_of(scene: Scene, maps: DepthMaps) -> Views:
    """What the compiled pass takes."""
    lens = lens_of(scene, maps).detach()
    return Views(
        triangle_id=scene.fragments.triangle_id.numpy(),
        barycentric=scene.fragments.barycentric.numpy(),
        depth_m=maps.depth_m.contiguous().numpy(),
        vertices=scene.vertices.detach().double().contiguous().numpy(),
        lens=lens.double().contiguous().numpy(),
        trust=maps.trust.double().contiguous().numpy(),
    )


def lumped(
    seen: _Seen, scene: Scene, gradient: Float[Tensor, "samples"], information: Float[Tensor, "samples"]
) -> SurfaceRows:
    """Rows of samples whose gradient and information lie along their triangle's normal, shared by its corners.

    Summed over each triangle's pixels first: all of them have one normal.
    """
    n_frames, n_vertices = scene.vertices.shape[:2]
    faces = scene.model.faces.long()
    n_faces = len(faces)
    place = seen.frame * n_faces + seen.triangle
    normal, _ = planes(scene)
    x, y, z = normal.unbind(-1)
    products = torch.stack([x * x, x * y, x * z, y * y, y * z, z * z], dim=-1)
    total = normal.new_zeros(n_frames, n_vertices, 9)
    for corner in range(3):
        share = seen.weights[:, corner]
        along = torch.bincount(place, gradient * share, n_frames * n_faces).view(n_frames, n_faces, 1)
        squared = torch.bincount(place, information * share, n_frames * n_faces).view(n_frames, n_faces, 1)
        total.index_add_(1, faces[:, corner], torch.cat([along * normal, squared * products], dim=-1))
    return SurfaceRows(total[..., :3], total[..., 3:])


def known_maps(evidence: Evidence) -> DepthMaps:
    if evidence.depth_maps is None:
        raise AssertionError("no depth maps: the term is not given")
    return evidence.depth_maps
