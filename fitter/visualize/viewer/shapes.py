"""What a viewer draws, as arrays: coloured triangles, coloured lines, pictures in space and panels on the glass.

    Drawn("hand right", faces, points_m, colours)        # cells of three points are triangles, of two points lines
    Picture("frame", corners_m, rgb)
    View([...], [...], [...], viewpoint)

Light is already in the colours. A canvas draws a `View`; where `cells` are the very same array as before, it only moves
points and changes colours, which is what makes playing and scrubbing smooth.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from fitter.visualize.viewer.viewpoint import Viewpoint

# 8-bit sRGB of the backdrop's middle and corners.
BACKDROP_LIGHT, BACKDROP_DARK = (74.0, 80.0, 92.0), (27.0, 29.0, 36.0)
COARSE, GRAIN_PX = 64, 128  # of the backdrop: where its slope is worked out, and how often its grain repeats
# Pictures nearer to the eye than this are left as they are; others are scaled to multiples of a few pixels.
NEAREST_M = 0.01
STEP_PX, LARGEST_PX = 16, 4096


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
    """Draws views; `name` says how, in words for the user; `size` is width and height in pixels."""

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> tuple[int, int]: ...

    def picture(self, view: View) -> UInt8[np.ndarray, "height width 3"]:
        """The view as an image of the canvas' size."""
        ...


def backdrop(size: tuple[int, int]) -> UInt8[np.ndarray, "height width 3"]:
    """What is behind everything: dark, a little lighter where the hand is; width and height in pixels."""
    width, height = size
    x, y = np.meshgrid(np.linspace(-1.0, 1.0, COARSE), np.linspace(-1.0, 1.0, COARSE))
    away = np.clip(np.hypot(0.75 * x, y + 0.1) / 1.25, 0.0, 1.0)[..., None] ** 1.5
    coarse = (np.array(BACKDROP_LIGHT) * (1.0 - away) + np.array(BACKDROP_DARK) * away).astype(np.float32)
    smooth = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    # Up to a grey level of noise: the slope is so gentle that its steps would show as rings.
    grain = np.random.default_rng(0).uniform(0.0, 1.0, (GRAIN_PX, GRAIN_PX)).astype(np.float32)
    tiled = np.tile(grain, (-(-height // GRAIN_PX), -(-width // GRAIN_PX)))[:height, :width]
    return (smooth + tiled[..., None]).astype(np.uint8)


def paste(rgb: UInt8[np.ndarray, "height width 3"], panels: Sequence[Panel]) -> UInt8[np.ndarray, "height width 3"]:
    """The image with the panels on it, in place; what sticks out is cut off."""
    height, width = rgb.shape[:2]
    for panel in panels:
        part = panel.rgb[: max(height - panel.top, 0), : max(width - panel.left, 0)]
        rgb[panel.top : panel.top + part.shape[0], panel.left : panel.left + part.shape[1]] = part
    return rgb


def fitted(picture: Picture, eye: Viewpoint, size: tuple[int, int]) -> Picture:
    """The picture in about as many pixels as it takes on the glass: canvases do not filter."""
    seen = eye.seen(picture.corners_m)
    if (seen[:, 2] < NEAREST_M).any():
        return picture
    camera = eye.camera(size)
    pixels = seen[:, :2] / seen[:, 2:] * [camera.fx, camera.fy]
    sides = np.linalg.norm(pixels - np.roll(pixels, -1, axis=0), axis=1)
    wanted = (_round_px(max(sides[0], sides[2])), _round_px(max(sides[1], sides[3])))
    height, width = picture.rgb.shape[:2]
    if wanted == (width, height):
        return picture
    smaller = wanted[0] < width and wanted[1] < height
    method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return replace(picture, rgb=cv2.resize(picture.rgb, wanted, interpolation=method))


def _round_px(length: float) -> int:
    """Whole steps, so that a picture seen from nearly as far is not made anew."""
    return int(min(max(round(length / STEP_PX) * STEP_PX, STEP_PX), LARGEST_PX))


def on_glass(panel: Panel, eye: Viewpoint, size: tuple[int, int], depth_m: float) -> Picture:
    """The panel as a rectangle in space, at a depth before the eye, that covers exactly its pixels."""
    camera = eye.camera(size)
    height, width = panel.rgb.shape[:2]
    x = np.array([panel.left, panel.left + width, panel.left + width, panel.left]) - camera.cx
    y = np.array([panel.top, panel.top, panel.top + height, panel.top + height]) - camera.cy
    seen = np.stack([x / camera.fx, y / camera.fy, np.ones(4)], axis=1) * depth_m
    return Picture(panel.name, seen @ eye.rotation + eye.eye_m, panel.rgb)
