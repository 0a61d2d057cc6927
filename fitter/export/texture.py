"""A hand's texture as pictures that other programs read: the albedo in sRGB, and how well each texel was seen.

    texture = write_texture(Path("results/clip"), "left", appearance)     # texture_left.png and coverage_left.png

Both sides use the right hand's UV layout: a left hand is the mirrored mesh with the same UVs, so that its texture is
not mirrored. The first row of the picture is v = 1.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from fitter.export.atomic import atomic_path
from fitter.observe.observations import Side
from fitter.render.appearance import Appearance
from fitter.render.shading import linear_to_srgb

if TYPE_CHECKING:
    from PIL.Image import Image

Texture = UInt8[np.ndarray, "height width 3"]


def write_texture(folder: Path, side: Side, appearance: Appearance) -> None:
    """Write `texture_SIDE.png` (RGB) and `coverage_SIDE.png` (grey, 255: well seen, 0: inpainted) into `folder`."""
    write_png(folder / f"coverage_{side}.png", levels(appearance.coverage))
    write_png(folder / f"texture_{side}.png", texture_of(appearance))


def texture_of(appearance: Appearance) -> Texture:
    """The albedo as 8-bit sRGB."""
    return levels(linear_to_srgb(appearance.albedo.double()))


def levels(values: Float[Tensor, "*any"]) -> UInt8[np.ndarray, "*any"]:
    """0..1 -> 0..255, the nearest; beyond them the ends."""
    return (values.detach().cpu().double().clamp(0.0, 1.0).numpy() * 255.0 + 0.5).astype(np.uint8)


def write_png(path: Path, picture: UInt8[np.ndarray, "height width *channels"]) -> None:
    """Write RGB or grey levels atomically; raises as `atomic_path` does."""
    with atomic_path(path) as temporary:
        image_of(picture).save(temporary)


def image_of(picture: UInt8[np.ndarray, "height width *channels"]) -> "Image":
    """Pillow is imported only where a picture is written."""
    from PIL.Image import fromarray

    return fromarray(np.ascontiguousarray(picture))
