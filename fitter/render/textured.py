"""Antialiased pictures of a textured, lit surface: what an `Appearance` looks like, for people to look at.

    mesh = TexturedMesh.of(n_vertices, faces, uv, uv_faces, albedo)
    layer = paint_textured(screen, mesh, vertex_light, (640, 480))  # linear RGB times alpha, and alpha
    blend_light(picture, layer)                                     # over an 8-bit sRGB picture, in place

As `fitter.render.paint`, with albedo(u, v) * light in place of a colour per vertex; nothing here is differentiable.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import no_type_check

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, Int32, UInt8
from numba import njit
from torch import Tensor

from fitter.render.paint import SAMPLES, samples_of


@dataclass(frozen=True)
class TexturedMesh:
    """Triangles, outward, each with its UVs (v pointing up) and which of the `textures` (linear albedo) it wears."""

    n_vertices: int
    faces: Int32[np.ndarray, "faces 3"]
    uv: Float32[np.ndarray, "corners 2"]
    uv_faces: Int32[np.ndarray, "faces 3"]
    texture_of_face: Int32[np.ndarray, "faces"]
    textures: Float32[np.ndarray, "textures size size 3"]

    @staticmethod
    def of(
        n_vertices: int,
        faces: Int[np.ndarray, "faces 3"],
        uv: Float[np.ndarray, "corners 2"],
        uv_faces: Int[np.ndarray, "faces 3"],
        albedo: Float[np.ndarray, "size size 3"],
    ) -> "TexturedMesh":
        """One surface with one texture: linear RGB, first row at v = 1, as `Appearance` has it."""
        return TexturedMesh(
            n_vertices=n_vertices,
            faces=np.ascontiguousarray(faces, dtype=np.int32),
            uv=np.ascontiguousarray(uv, dtype=np.float32),
            uv_faces=np.ascontiguousarray(uv_faces, dtype=np.int32),
            texture_of_face=np.zeros(len(faces), np.int32),
            textures=np.ascontiguousarray(albedo, dtype=np.float32)[None],
        )


def joined(meshes: Sequence[TexturedMesh]) -> TexturedMesh:
    """Several surfaces as one, so that they hide each other; their textures must be of one size."""
    vertices, corners, textures = (
        np.cumsum([0, *counts[:-1]], dtype=np.int32)
        for counts in (
            [mesh.n_vertices for mesh in meshes],
            [len(mesh.uv) for mesh in meshes],
            [len(mesh.textures) for mesh in meshes],
        )
    )
    return TexturedMesh(
        n_vertices=sum(mesh.n_vertices for mesh in meshes),
        faces=np.concatenate([mesh.faces + start for mesh, start in zip(meshes, vertices, strict=True)]),
        uv=np.concatenate([mesh.uv for mesh in meshes]),
        uv_faces=np.concatenate([mesh.uv_faces + start for mesh, start in zip(meshes, corners, strict=True)]),
        texture_of_face=np.concatenate(
            [mesh.texture_of_face + start for mesh, start in zip(meshes, textures, strict=True)]
        ),
        textures=np.concatenate([mesh.textures for mesh in meshes]),
    )


def paint_textured(
    screen: Float[Tensor, "vertices 3"],
    mesh: TexturedMesh,
    light: Float[Tensor, "vertices 3"],
    size: tuple[int, int],
) -> Float32[np.ndarray, "height width 4"]:
    """Linear RGB times alpha, and alpha, averaged over each pixel's samples; size is (width, height) pixels.

    `screen` as `Rasterizer` takes it, `light` what a white matt surface would send back, gain included.
    """
    seen = samples_of(screen, torch.from_numpy(mesh.faces), size)
    layer = np.zeros((size[1], size[0], 4), np.float32)
    average_textured(
        *(seen.triangle_id[0].numpy(), seen.barycentric[0].numpy()),
        *(mesh.faces, mesh.uv, mesh.uv_faces, mesh.texture_of_face, mesh.textures),
        np.ascontiguousarray(light.detach().cpu().numpy(), dtype=np.float32),
        layer,
    )
    return layer


@njit(cache=True, inline="always")
@no_type_check
def sample_bilinear(texture, u, v, colour):
    """Write the texture's colour at (u, v) into `colour`; beyond the outermost texels' centres these are repeated."""
    height, width = texture.shape[0], texture.shape[1]
    x = min(max(u * width - np.float32(0.5), np.float32(0.0)), np.float32(width - 1))
    y = min(max((np.float32(1.0) - v) * height - np.float32(0.5), np.float32(0.0)), np.float32(height - 1))
    left, top = min(int(x), width - 2), min(int(y), height - 2)
    fx, fy = x - np.float32(left), y - np.float32(top)
    for k in range(3):
        upper = texture[top, left, k] + fx * (texture[top, left + 1, k] - texture[top, left, k])
        lower = texture[top + 1, left, k] + fx * (texture[top + 1, left + 1, k] - texture[top + 1, left, k])
        colour[k] = upper + fy * (lower - upper)


@njit(cache=True, nogil=True)
@no_type_check
def average_textured(triangle_id, barycentric, faces, uv, uv_faces, texture_of_face, textures, light, layer):
    """Add every covered sample's share of reflected light and coverage to its pixel of `layer`."""
    share = np.float32(1.0 / (SAMPLES * SAMPLES))
    albedo = np.empty(3, np.float32)
    for row in range(triangle_id.shape[0]):
        for column in range(triangle_id.shape[1]):
            triangle = triangle_id[row, column]
            if triangle < 0:
                continue
            a, b, c = faces[triangle, 0], faces[triangle, 1], faces[triangle, 2]
            ta, tb, tc = uv_faces[triangle, 0], uv_faces[triangle, 1], uv_faces[triangle, 2]
            wa, wb = barycentric[row, column, 0], barycentric[row, column, 1]
            wc = np.float32(1.0) - wa - wb
            u = wa * uv[ta, 0] + wb * uv[tb, 0] + wc * uv[tc, 0]
            v = wa * uv[ta, 1] + wb * uv[tb, 1] + wc * uv[tc, 1]
            sample_bilinear(textures[texture_of_face[triangle]], u, v, albedo)
            pixel = layer[row // SAMPLES, column // SAMPLES]
            for k in range(3):
                pixel[k] += share * albedo[k] * (wa * light[a, k] + wb * light[b, k] + wc * light[c, k])
            pixel[3] += share


def blend_light(picture: UInt8[np.ndarray, "height width 3"], layer: Float32[np.ndarray, "height width 4"]) -> None:
    """Lay a layer of linear light, as `paint_textured` returns it, over an 8-bit sRGB picture, in place."""
    blend_light_pixels(picture, layer)


@njit(cache=True, nogil=True)
@no_type_check
def blend_light_pixels(picture, layer):
    """See `blend_light`; pixels that the layer leaves alone keep their exact value. The curve is IEC 61966-2-1's."""
    for row in range(picture.shape[0]):
        for column in range(picture.shape[1]):
            alpha = layer[row, column, 3]
            if alpha <= 0.0:
                continue
            for k in range(3):
                light = layer[row, column, k]
                if alpha < 1.0:
                    behind = picture[row, column, k] / 255.0
                    behind = behind / 12.92 if behind <= 0.04045 else ((behind + 0.055) / 1.055) ** 2.4
                    light += (1.0 - alpha) * behind
                light = min(max(light, 0.0), 1.0)
                shown = 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1.0 / 2.4) - 0.055
                picture[row, column, k] = int(shown * 255.0 + 0.5)
