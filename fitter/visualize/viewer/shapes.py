"""What a viewer draws, as arrays: coloured triangles, coloured lines, pictures in space and panels on the glass.

    Drawn("hand right", faces, points_m, colours)        # cells of three points are triangles, of two points lines
    Picture("frame", corners_m, rgb)
    View([...], [...], [...], viewpoint)

Light is already in the colours. A canvas draws a `View`; where `cells` are the very same array as before, it only moves
points and changes colours, which is what makes playing and scrubbing smooth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float, Int, UInt8

from fitter.visualize.viewer.viewpoint import Viewpoint

RGB = tuple[float, float, float]  # sRGB 0..1


@dataclass(frozen=True)
class Drawn:
    """Triangles or lines between `points_m` (world axes, metres) with an sRGB colour 0..1 at every point."""

    name: str
    cells: Int[np.ndarray, "cells corners"]
    points_m: Float[np.ndarray, "points 3"]
    colours: Float[np.ndarray, "points 3"]


@dataclass(frozen=True)
class Picture:
    """An image on a rectangle in space; corners: top left, top right, bottom right, bottom left of the image."""

    name: str
    corners_m: Float[np.ndarray, "4 3"]
    rgb: UInt8[np.ndarray, "height width 3"]


@dataclass(frozen=True)
class Panel:
    """An opaque image on the glass, its top left corner at this pixel of the window."""

    name: str
    left: int
    top: int
    rgb: UInt8[np.ndarray, "height width 3"]


@dataclass(frozen=True)
class View:
    """Everything in one picture, and from where it is seen."""

    drawn: Sequence[Drawn]
    pictures: Sequence[Picture]
    panels: Sequence[Panel]
    viewpoint: Viewpoint


class Canvas(Protocol):
    """Draws views; `name` says how, in words for the user."""

    @property
    def name(self) -> str: ...

    def picture(self, view: View) -> UInt8[np.ndarray, "height width 3"]:
        """The view as an image of the canvas' size."""
        ...

    def close(self) -> None: ...


def backdrop(size: tuple[int, int]) -> UInt8[np.ndarray, "height width 3"]:
    """What is behind everything: dark, a little lighter where the hand is; width and height in pixels."""
    width, height = size
    x, y = np.meshgrid(np.linspace(-1.0, 1.0, width), np.linspace(-1.0, 1.0, height))
    away = np.clip(np.hypot(0.75 * x, y + 0.1) / 1.25, 0.0, 1.0)[..., None] ** 1.5
    colour = np.array(BACKDROP_LIGHT) * (1.0 - away) + np.array(BACKDROP_DARK) * away
    # Half a grey level of noise: the slope is so gentle that its steps would show as rings.
    return np.clip(colour + np.random.default_rng(0).uniform(0.0, 1.0, (height, width, 1)), 0, 255).astype(np.uint8)


BACKDROP_LIGHT, BACKDROP_DARK = (74.0, 80.0, 92.0), (27.0, 29.0, 36.0)
