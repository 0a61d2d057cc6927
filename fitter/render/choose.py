"""The rasterizer of a device: numba on the CPU; on CUDA nvdiffrast, and where it is missing the CPU's.

fragments = rasterizer_for(vertices.device).rasterize(screen, faces, (224, 224))
"""

import logging
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fitter.render import nvdiffrast
from fitter.render.rasterizer import Fragments, Rasterizer
from fitter.render.zbuffer import ZBuffer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OnTheCpu:
    """Another device's rasterizer where it has none of its own: drawn by the CPU, fragments moved to the device."""

    rasterizer: Rasterizer
    device: torch.device

    def rasterize(
        self, screen: Float[Tensor, "frames vertices 3"], faces: Int[Tensor, "faces 3"], size: tuple[int, int]
    ) -> Fragments:
        drawn = self.rasterizer.rasterize(screen.cpu(), faces.cpu(), size)
        return Fragments(*(part.to(self.device) for part in (drawn.triangle_id, drawn.barycentric, drawn.depth)))


@lru_cache(maxsize=8)  # asked for in every step; and the warning is given once
def rasterizer_for(device: torch.device) -> Rasterizer:
    """The fastest rasterizer for tensors on `device`."""
    if device.type == "cpu":
        return ZBuffer()
    if device.type == "cuda" and nvdiffrast.available():
        return nvdiffrast.NvdiffrastRasterizer()
    log.warning("nvdiffrast is not installed (setup.py tells how): what is visible is decided on the CPU, slowly")
    return OnTheCpu(ZBuffer(), device)
