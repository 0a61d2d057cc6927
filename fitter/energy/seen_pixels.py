"""Pixels that see the hand, in torch on any device: which they are, what is rendered there, how it moves.

pixels = see(scene, pictures.weight > 0)
colours = rendered(scene, pixels, pixels.centre)       # (pixels, 3) linear RGB; differentiable
"""

from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from fitter.energy.photometric_kernels import OCCLUSION_STEP_M
from fitter.render.appearance import Appearance
from fitter.render.rasterizer import Fragments
from fitter.render.shading import irradiance
from fitter.render.window import Windows
from fitter.scene import LEAST_LIGHT, Scene


@dataclass(frozen=True)
class Pixels:
    """Pixels of all frames: where, and the vertices and texture coordinates at the corners of the triangle they see."""

    frame: Int[Tensor, "pixels"]
    row: Int[Tensor, "pixels"]
    column: Int[Tensor, "pixels"]
    corners: Int[Tensor, "pixels 3"]
    uv: Float[Tensor, "pixels 3 2"]

    @property
    def where(self) -> tuple[Tensor, Tensor, Tensor]:
        """As an index into (frames, size, size, ...)."""
        return self.frame, self.row, self.column

    @property
    def centre(self) -> Float[Tensor, "pixels 2"]:
        """Window pixels (x, y)."""
        return torch.stack([self.column, self.row], dim=-1).to(self.uv) + 0.5

    def chosen(self, kept: Bool[Tensor, "pixels"]) -> "Pixels":
        return Pixels(*(getattr(self, f.name)[kept] for f in fields(self)))


def see(scene: Scene, wanted: Bool[Tensor, "frames size size"]) -> Pixels:
    """The wanted pixels that see one surface only."""
    fragments, model = scene.fragments, scene.model
    frame, row, column = (wanted & one_surface(fragments)).nonzero(as_tuple=True)
    triangle = fragments.triangle_id[frame, row, column].long()
    uv = model.uv[model.uv_faces.long()[triangle]].to(scene.vertices.dtype)
    return Pixels(frame, row, column, model.faces.long()[triangle], uv)


def one_surface(fragments: Fragments) -> Bool[Tensor, "frames size size"]:
    """Neither the background nor a step in depth is beside the pixel: its colour is no mixture."""
    depth = fragments.depth
    around = functional.pad(depth.unsqueeze(1), (1, 1, 1, 1), mode="replicate").squeeze(1)
    beside = torch.stack([around[:, :-2, 1:-1], around[:, 2:, 1:-1], around[:, 1:-1, :-2], around[:, 1:-1, 2:]])
    covered = fragments.covered & (beside > 0).all(0)  # depth is 0 where nothing is seen
    return covered & ((beside - depth).abs() <= OCCLUSION_STEP_M).all(0)


def facing(scene: Scene, pixels: Pixels) -> Float[Tensor, "pixels"]:
    """Cosine between the triangle's outward normal and the ray from its first corner to the camera."""
    a, b, c = scene.vertices[pixels.frame.unsqueeze(-1), pixels.corners].unbind(1)
    normal = torch.linalg.cross(b - a, c - a)
    return -(normal * a).sum(-1) / (normal.norm(dim=-1) * a.norm(dim=-1))


def corner_weights(
    screen: Float[Tensor, "frames vertices 3"], pixels: Pixels, centre: Float[Tensor, "pixels 2"]
) -> Float[Tensor, "pixels 3"]:
    """Perspective-correct weights of the corners at `centre`: `Fragments.weights`, but differentiable."""
    corners = screen[pixels.frame.unsqueeze(-1), pixels.corners]
    to_corner = corners[..., :2] - centre.unsqueeze(1)
    x, y = to_corner.unbind(-1)
    opposite = x.roll(-1, 1) * y.roll(-2, 1) - y.roll(-1, 1) * x.roll(-2, 1)
    perspective = opposite / corners[..., 2]
    return perspective / perspective.sum(-1, keepdim=True)


def rendered(scene: Scene, pixels: Pixels, centre: Float[Tensor, "pixels 2"]) -> Float[Tensor, "pixels 3"]:
    """Linear RGB at `centre`, differentiable by the state and by the appearance; light is carried by the surface."""
    appearance = appearance_of(scene)
    weights = corner_weights(scene.screen, pixels, centre)
    vertex_light = irradiance(scene.normals.detach(), appearance.lighting.to(scene.vertices)).clamp_min(LEAST_LIGHT)
    light = torch.einsum("nk,nkc->nc", weights, vertex_light[pixels.frame.unsqueeze(-1), pixels.corners])
    albedo = bilinear(appearance.albedo, torch.einsum("nk,nkc->nc", weights, pixels.uv))
    return appearance.gain.to(light)[pixels.frame] * albedo * light


def coverage(scene: Scene, pixels: Pixels) -> Float[Tensor, "pixels"]:
    """How well the texels there were seen, 0..1."""
    weights = corner_weights(scene.screen, pixels, pixels.centre)
    uv = torch.einsum("nk,nkc->nc", weights, pixels.uv)
    return bilinear(appearance_of(scene).coverage.unsqueeze(-1), uv).squeeze(-1)


def bilinear(texture: Float[Tensor, "size size channels"], uv: Float[Tensor, "pixels 2"]) -> Tensor:
    """`texture` at texture coordinates, first row at v = 1, its border repeated outside: (pixels, channels)."""
    grid = uv * uv.new_tensor([2.0, -2.0]) + uv.new_tensor([-1.0, 1.0])
    image = texture.to(uv).permute(2, 0, 1).unsqueeze(0)
    sampled = functional.grid_sample(image, grid[None, None], padding_mode="border", align_corners=False)
    return sampled[0, :, 0].T


def lens(scene: Scene) -> Float[Tensor, "frames 4"]:
    """Focal lengths and principal point of every frame's window, window pixels."""
    windows = windows_of(scene)
    focal = windows.scale.to(scene.focal).unsqueeze(-1) * scene.focal
    centre = focal.new_tensor([scene.camera.cx, scene.camera.cy]).expand(len(focal), 1, 2)
    return torch.cat([focal, windows.of_image(centre).squeeze(1)], dim=-1)


def pixel_jacobian(scene: Scene, pixels: Pixels, weights: Float[Tensor, "pixels 3"]) -> Float[Tensor, "pixels 2 3"]:
    """Window pixels per metre that the surface moves in camera axes."""
    depth = (weights * scene.vertices[pixels.frame.unsqueeze(-1), pixels.corners, 2]).sum(-1)
    focal, centre = lens(scene)[pixels.frame].split(2, dim=-1)
    moved = torch.diag_embed(focal)
    return torch.cat([moved, (centre - pixels.centre).unsqueeze(-1)], dim=-1) / depth[:, None, None]


def appearance_of(scene: Scene) -> Appearance:
    if scene.appearance is None:
        raise AssertionError("a scene without an appearance has no colours")
    return scene.appearance


def windows_of(scene: Scene) -> Windows:
    if scene.windows is None:
        raise AssertionError("a scene without windows has no pixels")
    return scene.windows
