"""What the estimates of appearance read of a scene and its pictures: arrays on the CPU, made once per scene.

    view = view_of(scene, pictures)
    view.sight[t, row, column]      # 0..1: how far this pixel is believed to show the hand's own skin, unblended

Pixels next to an outline or a step in depth mix two surfaces, and are the first to be wrong when the fit is off by a
pixel: they get no say.
"""

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Float, Int, UInt8
from numba import njit

from fitter.observe.pictures import Pictures
from fitter.render.workers import over_frames
from fitter.scene import Scene

# Creases of one surface are shallower, a finger in front of another part is further from it.
DEPTH_STEP_M = 0.006
# The sensor's ceiling: what is brighter reads the same. Such pixels count a little, so that overexposed clips get a
# texture at all.
CLIPPED, CLIPPED_SHARE = 253, 0.1


@dataclass(frozen=True)
class View:
    """T frames of V vertices seen in square windows.

    screen   window pixels, and depth in metres
    facing   cosine between normal and the direction to the camera, negative on the far side
    basis    spherical harmonics of the normals: light = basis @ lighting
    sight    0..1 per pixel, see above; includes the pictures' weight and trust
    """

    screen: Float[np.ndarray, "frames vertices 3"]
    facing: Float[np.ndarray, "frames vertices"]
    basis: Float[np.ndarray, "frames vertices 9"]
    rgb: UInt8[np.ndarray, "frames size size 3"]
    sight: Float[np.ndarray, "frames size size"]
    triangle_id: Int[np.ndarray, "frames size size"]
    barycentric: Float[np.ndarray, "frames size size 2"]
    depth: Float[np.ndarray, "frames size size"]
    trust: Float[np.ndarray, "frames"]

    @property
    def n_frames(self) -> int:
        return len(self.screen)


def view_of(scene: Scene, pictures: Pictures) -> View:
    """Copy what is needed to the CPU and weigh every covered pixel."""
    fragments, vertices, normals = scene.fragments, scene.vertices.detach(), scene.normals.detach()
    drawn, given = tuple(fragments.triangle_id.shape), tuple(pictures.rgb.shape[:3])
    if given != drawn:
        raise AssertionError(f"the scene's windows are {drawn}, the pictures {given}")
    facing = -(normals * vertices).sum(-1) / vertices.norm(dim=-1)
    triangle_id = fragments.triangle_id.cpu().numpy()
    depth = fragments.depth.cpu().numpy().astype(np.float32, copy=False)
    rgb = np.ascontiguousarray(pictures.rgb.cpu().numpy())
    weight = pictures.weight.cpu().numpy().astype(np.float32, copy=False)
    trust = pictures.trust.cpu().numpy().astype(np.float32)
    sight = np.zeros(depth.shape, np.float32)
    over_frames(lambda t: weigh_pixels(triangle_id[t], depth[t], rgb[t], weight[t], trust[t], sight[t]), len(sight))
    return View(
        screen=scene.screen.detach().cpu().numpy().astype(np.float32),
        facing=facing.cpu().numpy().astype(np.float32),
        basis=scene.harmonics.detach().cpu().numpy().astype(np.float32),
        rgb=rgb,
        sight=sight,
        triangle_id=triangle_id,
        barycentric=fragments.barycentric.cpu().numpy().astype(np.float32, copy=False),
        depth=depth,
        trust=trust,
    )


@njit(cache=True, nogil=True)
@no_type_check
def weigh_pixels(triangle_id, depth, rgb, weight, trust, sight):
    """Fill `sight`: of covered pixels whose eight neighbours are covered too, at about the same depth."""
    frames, height, width = triangle_id.shape
    for t in range(frames):
        if not trust[t] > 0.0:
            continue
        for row in range(1, height - 1):
            for column in range(1, width - 1):
                if triangle_id[t, row, column] < 0:
                    continue
                here, least = depth[t, row, column], weight[t, row, column]
                for i in range(row - 1, row + 2):
                    for j in range(column - 1, column + 2):
                        if triangle_id[t, i, j] < 0 or abs(depth[t, i, j] - here) > DEPTH_STEP_M:
                            least = np.float32(0.0)
                        least = min(least, weight[t, i, j])
                brightest = max(rgb[t, row, column, 0], rgb[t, row, column, 1], rgb[t, row, column, 2])
                if brightest >= CLIPPED:
                    least *= np.float32(CLIPPED_SHARE)
                sight[t, row, column] = least * trust[t]
