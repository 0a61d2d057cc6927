"""The pictures that a scene with an appearance predicts, in its windows: for differences, videos and figures.

    linear, covered = rendered(scene)        # (frames, size, size, 3) linear RGB, (frames, size, size)

    colour = gain[t] * albedo(u, v) * light, the light interpolated between the vertices

On the CPU wherever the scene lies; nothing here is differentiable.
"""

from typing import no_type_check

import numpy as np
from jaxtyping import Bool, Float, Int
from numba import njit

from fitter.render.workers import over_frames
from fitter.scene import Scene

ALL = slice(None)


def rendered(
    scene: Scene,
    frames: Int[np.ndarray, "frames"] | slice = ALL,
) -> tuple[Float[np.ndarray, "frames size size 3"], Bool[np.ndarray, "frames size size"]]:
    """Linear RGB (float32, 0 off the hand) and which pixels the hand covers, of some frames."""
    appearance = scene.appearance
    if appearance is None:
        raise AssertionError("a scene without an appearance has no colours")
    triangle_id = scene.fragments.triangle_id.cpu().numpy()[frames]
    barycentric = scene.fragments.barycentric.cpu().numpy()[frames].astype(np.float32, copy=False)
    model = scene.model
    faces, uv_faces = (f.cpu().numpy().astype(np.int32) for f in (model.faces, model.uv_faces))
    uv = model.uv.cpu().numpy().astype(np.float32)
    albedo = np.ascontiguousarray(appearance.albedo.detach().cpu().numpy(), dtype=np.float32)
    gain = appearance.gain.detach().cpu().numpy()[:, None]
    light = (scene.vertex_light.detach().cpu().numpy() * gain)[frames].astype(np.float32)
    picture = np.zeros((*triangle_id.shape, 3), np.float32)

    def fill(chunk: slice) -> None:
        paint_frames(triangle_id[chunk], barycentric[chunk], light[chunk], faces, uv_faces, uv, albedo, picture[chunk])

    over_frames(fill, len(picture))
    return picture, triangle_id >= 0


@njit(cache=True, nogil=True)
@no_type_check
def paint_frames(triangle_id, barycentric, light, faces, uv_faces, uv, albedo, picture):
    """Fill the covered pixels of `picture`; `light` holds the frames' gains already."""
    frames, height, width = triangle_id.shape
    size = albedo.shape[0]
    for t in range(frames):
        for row in range(height):
            for column in range(width):
                triangle = triangle_id[t, row, column]
                if triangle < 0:
                    continue
                wa, wb = barycentric[t, row, column, 0], barycentric[t, row, column, 1]
                wc = np.float32(1.0) - wa - wb
                ta, tb, tc = uv_faces[triangle, 0], uv_faces[triangle, 1], uv_faces[triangle, 2]
                u = wa * uv[ta, 0] + wb * uv[tb, 0] + wc * uv[tc, 0]
                v = wa * uv[ta, 1] + wb * uv[tb, 1] + wc * uv[tc, 1]
                x = min(max(u * size - 0.5, 0.0), size - 1.0)
                y = min(max((1.0 - v) * size - 0.5, 0.0), size - 1.0)
                left, top = min(int(x), max(size - 2, 0)), min(int(y), max(size - 2, 0))
                right, bottom = min(left + 1, size - 1), min(top + 1, size - 1)
                fx, fy = np.float32(x - left), np.float32(y - top)
                a, b, c = faces[triangle, 0], faces[triangle, 1], faces[triangle, 2]
                for k in range(3):
                    upper = albedo[top, left, k] + fx * (albedo[top, right, k] - albedo[top, left, k])
                    lower = albedo[bottom, left, k] + fx * (albedo[bottom, right, k] - albedo[bottom, left, k])
                    lit = wa * light[t, a, k] + wb * light[t, b, k] + wc * light[t, c, k]
                    picture[t, row, column, k] = lit * (upper + fy * (lower - upper))
