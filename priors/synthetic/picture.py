"""The light a camera sees of a textured hand and its arm: soft shading, dark hollows, antialiased over a background.

picture = Surfaces(...).picture(vertices, camera, lighting, background)      # linear RGB
"""

from dataclasses import dataclass
from typing import no_type_check

import cv2
import numpy as np
import torch
from jaxtyping import Float, Int32
from numba import njit
from torch import Tensor

from fitter.camera import Camera
from fitter.render.rasterizer import to_screen
from fitter.render.shading import irradiance, vertex_normals
from fitter.render.zbuffer import ZBuffer

SAMPLES = 2  # along each side of a pixel
# Places that lie behind their surroundings get less light: the depth map minus its blurred self tells which
# (Luft, Colditz and Deussen 2006). Radius and full depth in metres.
HOLLOW_RADIUS_M, HOLLOW_DEPTH_M, HOLLOW_SHADE = 0.014, 0.025, 0.55
SHEEN, SHEEN_SHARPNESS = 0.05, 12.0  # skin's faint gloss, as a share of the light, and its Phong exponent


@dataclass(frozen=True)
class Surfaces:
    """One hand and one arm. Vertices are the hand's, then the arm's; `faces` alike and outward, metres.

    Faces up to len(`uv_faces`) take their albedo from `texture` (linear, first row at v = 1), the others from
    `colours` (per vertex; rows of the hand are not used).
    """

    faces: Int32[Tensor, "faces 3"]
    uv: Float[np.ndarray, "corners 2"]
    uv_faces: Int32[np.ndarray, "textured 3"]
    texture: Float[np.ndarray, "size size 3"]
    colours: Float[np.ndarray, "vertices 3"]

    def picture(
        self,
        vertices: Float[Tensor, "vertices 3"],
        camera: Camera,
        lighting: Float[Tensor, "9 3"],
        background: Float[np.ndarray, "height width 3"],
    ) -> Float[np.ndarray, "height width 3"]:
        """Linear RGB of one frame; `vertices` in camera axes, `lighting` as in `fitter.render.shading`."""
        screen = to_screen(camera, vertices)
        left, top, right, bottom = visible_box(screen[:, :2], camera)
        fine = (screen - screen.new_tensor([left, top, 0.0])) * screen.new_tensor([SAMPLES, SAMPLES, 1.0])
        seen = ZBuffer().rasterize(fine[None], self.faces, ((right - left) * SAMPLES, (bottom - top) * SAMPLES))
        layer = np.zeros((bottom - top, right - left, 5), np.float32)  # RGB, coverage, depth, all times coverage
        average_samples(
            *(seen.triangle_id[0].numpy(), seen.barycentric[0].numpy(), seen.depth[0].numpy()),
            *(self.faces.numpy(), self.uv.astype(np.float32), self.uv_faces),
            *(self.texture.astype(np.float32), self.colours.astype(np.float32)),
            self.vertex_light(vertices, lighting),
            layer,
        )
        shade = hollows(layer[..., 4], layer[..., 3], camera.fx)
        picture = background.astype(np.float32)
        picture[top:bottom, left:right] *= 1.0 - layer[..., 3:4]
        picture[top:bottom, left:right] += layer[..., :3] * shade[..., None]
        return picture

    def vertex_light(
        self, vertices: Float[Tensor, "vertices 3"], lighting: Float[Tensor, "9 3"]
    ) -> Float[np.ndarray, "vertices 4"]:
        """Light that a white matte surface would send back, and the sheen's strength."""
        normals = vertex_normals(vertices, self.faces)
        towards_eye = -torch.nn.functional.normalize(vertices, dim=-1)
        mirrored = 2.0 * (normals * towards_eye).sum(-1, keepdim=True) * normals - towards_eye
        lamp = torch.nn.functional.normalize(lighting[[3, 1, 2]].mean(-1), dim=0)  # the first-order harmonics x, y, z
        sheen = SHEEN * (mirrored @ lamp).clamp_min(0.0) ** SHEEN_SHARPNESS
        light = irradiance(normals, lighting).clamp_min(0.02)
        return torch.cat([light, sheen.unsqueeze(-1)], dim=-1).float().numpy()


def visible_box(pixels: Float[Tensor, "points 2"], camera: Camera) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the points' part of the picture, the last two exclusive; at least one pixel."""
    low, high = pixels.amin(0).tolist(), pixels.amax(0).tolist()
    left, top = (int(min(max(v, 0.0), n - 1.0)) for v, n in zip(low, (camera.width, camera.height), strict=True))
    right, bottom = (int(min(max(v + 1.0, 1.0), n)) for v, n in zip(high, (camera.width, camera.height), strict=True))
    return left, top, max(right, left + 1), max(bottom, top + 1)


def hollows(
    depth: Float[np.ndarray, "height width"], coverage: Float[np.ndarray, "height width"], focal_px: float
) -> Float[np.ndarray, "height width"]:
    """A factor 0..1 on the light; `depth` is multiplied by `coverage`."""
    if not coverage.any():
        return np.ones_like(coverage)
    distance = float(depth.sum() / coverage.sum())
    radius = max(1.0, HOLLOW_RADIUS_M * focal_px / distance)
    around = cv2.GaussianBlur(depth, (0, 0), radius) / np.maximum(cv2.GaussianBlur(coverage, (0, 0), radius), 1e-3)
    behind = depth / np.maximum(coverage, 1e-3) - around
    return 1.0 - HOLLOW_SHADE * np.clip(behind / HOLLOW_DEPTH_M, 0.0, 1.0) * (coverage > 0)


@njit(cache=True, nogil=True)
@no_type_check
def average_samples(triangle_id, barycentric, depth, faces, uv, uv_faces, texture, colours, light, layer):
    """Add every covered sample's share of colour, coverage and depth to its pixel of `layer`."""
    share = np.float32(1.0 / (SAMPLES * SAMPLES))
    size = texture.shape[0]
    albedo = np.empty(3, np.float32)
    for row in range(triangle_id.shape[0]):
        for column in range(triangle_id.shape[1]):
            triangle = triangle_id[row, column]
            if triangle < 0:
                continue
            a, b, c = faces[triangle, 0], faces[triangle, 1], faces[triangle, 2]
            wa, wb = barycentric[row, column, 0], barycentric[row, column, 1]
            wc = np.float32(1.0) - wa - wb
            if triangle < len(uv_faces):
                ta, tb, tc = uv_faces[triangle, 0], uv_faces[triangle, 1], uv_faces[triangle, 2]
                u = wa * uv[ta, 0] + wb * uv[tb, 0] + wc * uv[tc, 0]
                v = wa * uv[ta, 1] + wb * uv[tb, 1] + wc * uv[tc, 1]
                x = min(max(u * size - 0.5, 0.0), size - 1.001)
                y = min(max((1.0 - v) * size - 0.5, 0.0), size - 1.001)
                left, top = int(x), int(y)
                fx, fy = x - left, y - top
                for k in range(3):
                    upper = (1.0 - fx) * texture[top, left, k] + fx * texture[top, left + 1, k]
                    lower = (1.0 - fx) * texture[top + 1, left, k] + fx * texture[top + 1, left + 1, k]
                    albedo[k] = (1.0 - fy) * upper + fy * lower
            else:
                for k in range(3):
                    albedo[k] = wa * colours[a, k] + wb * colours[b, k] + wc * colours[c, k]
            sheen = wa * light[a, 3] + wb * light[b, 3] + wc * light[c, 3]
            pixel = layer[row // SAMPLES, column // SAMPLES]
            for k in range(3):
                lit = wa * light[a, k] + wb * light[b, k] + wc * light[c, k]
                pixel[k] += share * (albedo[k] * lit + sheen)
            pixel[3] += share
            pixel[4] += share * depth[row, column]
