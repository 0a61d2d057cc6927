"""Many hands drawn as layers of light, one kernel for normals, shading, z-buffer and texture.

    layers = draw(surface, vertices_m, cameras, looks)     # (n, size, size, 5): linear RGB, coverage, depth

Everything that lies behind, in front or in the camera is added later; see `crops`.
"""

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, Int32, UInt8
from numba import njit

from fitter.hand import HandModel
from fitter.render.shading import LAMBERT, SH_CONSTANT, SH_LINEAR, SH_PRODUCT, SH_SQUARE
from fitter.render.zbuffer import NEAR_M, fill_frames
from priors.synthetic.forearms import tube_faces
from priors.synthetic.picture import SAMPLES, SHEEN_SHARPNESS

assert LAMBERT[0] > LAMBERT[1] > LAMBERT[2]  # lighting comes with the cosine lobe applied, as `irradiance` takes it
DARKEST = 0.02  # light that reaches even what second-order harmonics would make black


@dataclass(frozen=True)
class Surface:
    """Triangles of hand and forearm, outward: the hand's vertices first; its faces first, and textured."""

    faces: Int32[np.ndarray, "faces 3"]
    uv: Float32[np.ndarray, "corners 2"]
    uv_faces: Int32[np.ndarray, "textured 3"]
    n_hand: int

    @staticmethod
    def of(model: HandModel) -> "Surface":
        n_hand = len(model.template)
        return Surface(
            faces=np.concatenate([model.faces.numpy().astype(np.int32), tube_faces() + np.int32(n_hand)]),
            uv=np.ascontiguousarray(model.uv.numpy(), dtype=np.float32),
            uv_faces=np.ascontiguousarray(model.uv_faces.numpy(), dtype=np.int32),
            n_hand=n_hand,
        )


@dataclass(frozen=True)
class Looks:
    """How each of n hands looks: which of the `textures` (square roots of linear albedo, 0..255) it wears.

    `colours` are the forearm's linear albedo per vertex; `lighting` is in the axes of the vertices; `sheen` is the
    strength of skin's faint gloss as a share of the light, and `lamp` the unit direction it comes from.
    """

    textures: UInt8[np.ndarray, "people texels texels 3"]
    who: Int[np.ndarray, "n"]
    colours: Float32[np.ndarray, "n forearm 3"]
    lighting: Float32[np.ndarray, "n 9 3"]
    sheen: Float32[np.ndarray, "n"]
    lamp: Float32[np.ndarray, "n 3"]


def draw(
    surface: Surface,
    vertices_m: Float[np.ndarray, "n vertices 3"],
    cameras: Float[np.ndarray, "n 3 3"],
    looks: Looks,
    size: int,
) -> tuple[Float32[np.ndarray, "n size size 5"], Bool[np.ndarray, "n size size"]]:
    """Light and coverage and depth (metres), each times coverage; and the pixels that show the hand.

    `vertices_m` (hand, then forearm) are in the axes of the camera whose matrix is in `cameras`, pixels of the crop.
    """
    n = len(vertices_m)
    layers = np.zeros((n, size, size, 5), np.float32)
    masks = np.zeros((n, size, size), np.bool_)
    pixels = vertices_m @ cameras.swapaxes(1, 2)
    screen = np.empty(vertices_m.shape, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):  # the z-buffer drops what is not before the camera
        screen[..., :2] = pixels[..., :2] / pixels[..., 2:] * SAMPLES
    screen[..., 2] = vertices_m[..., 2]
    draw_all(
        *(screen, vertices_m.astype(np.float32), surface.faces, surface.uv, surface.uv_faces, surface.n_hand),
        *(looks.textures, looks.who.astype(np.int64), looks.colours, looks.lighting, looks.sheen, looks.lamp),
        *(layers, masks),
    )
    return layers, masks


@njit(cache=True, nogil=True)
@no_type_check
def draw_all(
    screen, vertices, faces, uv, uv_faces, n_hand, textures, who, colours, lighting, sheen, lamp, layers, masks
):
    """See `draw`; one picture after the other, so that the fragments of one stay in the processor's cache."""
    fine = layers.shape[1] * SAMPLES
    triangle_id = np.empty((1, fine, fine), np.int32)
    barycentric = np.empty((1, fine, fine, 2), np.float32)
    depth = np.empty((1, fine, fine), np.float32)
    light = np.empty((screen.shape[1], 4), np.float32)
    for n in range(len(screen)):
        vertex_light(vertices[n], faces, lighting[n], sheen[n], lamp[n], light)
        fill_frames(screen[n : n + 1], faces, True, NEAR_M, triangle_id, barycentric, depth)
        average(
            *(triangle_id[0], barycentric[0], depth[0], faces, uv, uv_faces, n_hand, textures[who[n]]),
            *(colours[n], light, layers[n], masks[n]),
        )


@njit(cache=True, nogil=True)
@no_type_check
def vertex_light(vertices, faces, lighting, sheen, lamp, light):
    """Light that a white matt surface would send back at every vertex, and the strength of its sheen."""
    light[:] = 0.0
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        ax, ay, az = vertices[a, 0], vertices[a, 1], vertices[a, 2]
        ux, uy, uz = vertices[b, 0] - ax, vertices[b, 1] - ay, vertices[b, 2] - az
        vx, vy, vz = vertices[c, 0] - ax, vertices[c, 1] - ay, vertices[c, 2] - az
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for corner in (a, b, c):
            light[corner, 0] += nx
            light[corner, 1] += ny
            light[corner, 2] += nz
    for v in range(len(vertices)):
        x, y, z = light[v, 0], light[v, 1], light[v, 2]
        length = np.sqrt(x * x + y * y + z * z) + np.float32(1e-20)
        x, y, z = x / length, y / length, z / length
        px, py, pz = vertices[v, 0], vertices[v, 1], vertices[v, 2]
        distance = np.sqrt(px * px + py * py + pz * pz) + np.float32(1e-20)
        px, py, pz = -px / distance, -py / distance, -pz / distance
        facing = x * px + y * py + z * pz
        gloss = 2.0 * facing * (x * lamp[0] + y * lamp[1] + z * lamp[2]) - (px * lamp[0] + py * lamp[1] + pz * lamp[2])
        light[v, 3] = sheen * max(gloss, 0.0) ** SHEEN_SHARPNESS
        for k in range(3):
            value = SH_CONSTANT * lighting[0, k]
            value += SH_LINEAR * (y * lighting[1, k] + z * lighting[2, k] + x * lighting[3, k])
            value += SH_PRODUCT * (x * y * lighting[4, k] + y * z * lighting[5, k] + x * z * lighting[7, k])
            value += SH_SQUARE * (3.0 * z * z - 1.0) * lighting[6, k]
            value += 0.5 * SH_PRODUCT * (x * x - y * y) * lighting[8, k]
            light[v, k] = max(value, DARKEST)


@njit(cache=True, nogil=True)
@no_type_check
def average(triangle_id, barycentric, depth, faces, uv, uv_faces, n_hand, texture, colours, light, layer, mask):
    """Add every covered sample's share of light, coverage and depth to its pixel of `layer`."""
    share = np.float32(1.0 / (SAMPLES * SAMPLES))
    decode = np.float32(1.0 / 255.0)
    size = texture.shape[0]
    one, half, zero = np.float32(1.0), np.float32(0.5), np.float32(0.0)
    for row in range(layer.shape[0]):
        for column in range(layer.shape[1]):
            of_hand = 0
            pixel = layer[row, column]
            for sample in range(SAMPLES * SAMPLES):
                y, x = row * SAMPLES + sample // SAMPLES, column * SAMPLES + sample % SAMPLES
                triangle = triangle_id[y, x]
                if triangle < 0:
                    continue
                a, b, c = faces[triangle, 0], faces[triangle, 1], faces[triangle, 2]
                wa, wb = barycentric[y, x, 0], barycentric[y, x, 1]
                wc = one - wa - wb
                gloss = wa * light[a, 3] + wb * light[b, 3] + wc * light[c, 3]
                if triangle < len(uv_faces):
                    of_hand += 1
                    ta, tb, tc = uv_faces[triangle, 0], uv_faces[triangle, 1], uv_faces[triangle, 2]
                    u = wa * uv[ta, 0] + wb * uv[tb, 0] + wc * uv[tc, 0]
                    v = wa * uv[ta, 1] + wb * uv[tb, 1] + wc * uv[tc, 1]
                    tx = min(max(u * size - half, zero), np.float32(size - 1))
                    ty = min(max((one - v) * size - half, zero), np.float32(size - 1))
                    left, top = min(int(tx), size - 2), min(int(ty), size - 2)
                    fx, fy = tx - np.float32(left), ty - np.float32(top)
                    for k in range(3):
                        upper = (one - fx) * texture[top, left, k] + fx * texture[top, left + 1, k]
                        lower = (one - fx) * texture[top + 1, left, k] + fx * texture[top + 1, left + 1, k]
                        root = ((one - fy) * upper + fy * lower) * decode
                        lit = wa * light[a, k] + wb * light[b, k] + wc * light[c, k]
                        pixel[k] += share * (root * root * lit + gloss)
                else:
                    i, j, m = a - n_hand, b - n_hand, c - n_hand
                    for k in range(3):
                        albedo = wa * colours[i, k] + wb * colours[j, k] + wc * colours[m, k]
                        lit = wa * light[a, k] + wb * light[b, k] + wc * light[c, k]
                        pixel[k] += share * albedo * lit
                pixel[3] += share
                pixel[4] += share * depth[y, x]
            mask[row, column] = 2 * of_hand >= SAMPLES * SAMPLES
