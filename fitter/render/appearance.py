"""How a hand looks, the same in the whole clip: albedo and light; and how bright each frame was exposed.

    colour = gain[t] * albedo(u, v) * irradiance(normal, lighting)           # linear RGB

It is not a part of the `State`: textures and lights follow the pose slowly, see `fitter.appearance`.
"""

from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fitter.hand.mirror import mirror_lighting


@dataclass(frozen=True)
class Appearance:
    """Albedo of one hand, one light, and a gain per frame and channel; all linear.

    albedo    reflectance 0..1, first row at v = 1: texel centres at ((column + 0.5) / size, 1 - (row + 0.5) / size)
    coverage  0..1, how well each texel was seen; 0 where its colour is inpainted from its neighbours
    lighting  second-order spherical harmonics in camera axes, as `fitter.render.shading.irradiance` takes them
    gain      exposure and white balance of each frame, about 1
    """

    albedo: Float[Tensor, "size size 3"]
    coverage: Float[Tensor, "size size"]
    lighting: Float[Tensor, "9 3"]
    gain: Float[Tensor, "frames 3"]

    @property
    def size(self) -> int:
        return self.albedo.shape[0]

    def at(self, frames: "slice | Int[Tensor, 'chosen']") -> "Appearance":
        """The same with the gains of some frames."""
        return replace(self, gain=self.gain[frames].clone())

    def mirrored(self) -> "Appearance":
        """What the mirrored hand wears in the mirrored frames: the same texels, the light from the other side."""
        return replace(self, lighting=mirror_lighting(self.lighting))

    def to(self, *, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> "Appearance":
        return replace(self, **{f.name: getattr(self, f.name).to(device=device, dtype=dtype) for f in fields(self)})
