"""What the windows around a hand show: the pixels that the rendering is compared with.

pictures.linear(frame)            # (size, size, 3) linear RGB of one frame
"""

from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from fitter.render.shading import srgb_to_linear


@dataclass(frozen=True)
class Pictures:
    """The windows of one right hand (a left one's frames are mirrored first).

    rgb     as filmed, sRGB
    weight  0..1 per pixel: 0 outside the image and where a given mask says it is not the hand
    trust   0..1 per frame: how far the keypoints there are believed; 0 leaves the frame out
    level   mean linear brightness of the hand in the clip: colour differences count relative to it
    """

    rgb: UInt8[Tensor, "frames size size 3"]
    weight: Float[Tensor, "frames size size"]
    trust: Float[Tensor, "frames"]
    level: Float[Tensor, ""]

    @property
    def size(self) -> int:
        return self.rgb.shape[1]

    def linear(self, frames: int | slice = slice(None)) -> Float[Tensor, "*frames size size 3"]:
        """Linear RGB 0..1 in the type of `weight`, of some frames."""
        return srgb_to_linear(self.rgb[frames].to(self.weight.dtype) / 255.0)

    def to(self, device: torch.device | str) -> "Pictures":
        return replace(self, **{f.name: getattr(self, f.name).to(device) for f in fields(self)})


@dataclass(frozen=True)
class Silhouettes:
    """Where a mask says that the hand ends, in window pixels.

    distance  signed distance of every pixel centre to the mask's outline, positive outside the mask
    outline   points on the outline and its outward normal there (x, y, normal x, normal y), `points` rows per frame
    count     how many rows of `outline` are meant; the others are 0
    trust     0..1 per frame; 0 where there is no mask or it was dropped
    inside    the window pixels that lie in the image: of the others no distance is known
    """

    distance: Float[Tensor, "frames size size"]
    outline: Float[Tensor, "frames points 4"]
    count: Int[Tensor, "frames"]
    trust: Float[Tensor, "frames"]
    inside: Bool[Tensor, "frames size size"]

    @property
    def size(self) -> int:
        return self.distance.shape[1]

    def to(self, device: torch.device | str) -> "Silhouettes":
        return replace(self, **{f.name: getattr(self, f.name).to(device) for f in fields(self)})
