"""Which triangle does each pixel see, and where on it? The one question every renderer back end answers.

    fragments = ZBuffer().rasterize(to_screen(camera, vertices), faces, (224, 224))
    fragments.covered                              # (T, 224, 224) bool

Rasterizing is not differentiable: terms take `triangle_id` and `barycentric` as constants of one iteration and
differentiate what they interpolate with them.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from jaxtyping import Bool, Float, Int32
from torch import Tensor

from fitter.camera import Camera


@dataclass(frozen=True)
class Fragments:
    """What the pixel centres (x + 0.5, y + 0.5) of T frames see.

    `triangle_id` is -1 where no triangle is seen. `barycentric` holds the perspective-correct weights of the triangle's
    first and second corner (the third is what is missing to 1), `depth` the z of the camera's axes in metres; both
    are 0 where no triangle is seen.
    """

    triangle_id: Int32[Tensor, "frames height width"]
    barycentric: Float[Tensor, "frames height width 2"]
    depth: Float[Tensor, "frames height width"]

    @property
    def covered(self) -> Bool[Tensor, "frames height width"]:
        return self.triangle_id >= 0

    @property
    def weights(self) -> Float[Tensor, "frames height width 3"]:
        """All three corner weights; they sum to 1 where covered and are 0, 0, 1 elsewhere."""
        return torch.cat([self.barycentric, 1.0 - self.barycentric.sum(-1, keepdim=True)], dim=-1)


class Rasterizer(Protocol):
    """A back end. `screen` holds x and y in pixels and z in metres; faces are wound counter-clockwise from outside.

    Vertices that are NaN or closer than the back end's near plane take their triangles with them.
    """

    def rasterize(
        self, screen: Float[Tensor, "frames vertices 3"], faces: Int32[Tensor, "faces 3"], size: tuple[int, int]
    ) -> Fragments:
        """Fragments of `size` = (width, height) pixels."""
        ...


def to_screen(camera: Camera, vertices: Float[Tensor, "*any 3"]) -> Float[Tensor, "*any 3"]:
    """Vertices in camera axes (metres) -> undistorted pixels and depth (metres), as `Rasterizer` takes them."""
    return torch.cat([camera.project(vertices), vertices[..., 2:]], dim=-1)
