"""Views drawn by the engine's own rasterizer: for machines on which Open3D is missing or makes no context.

    canvas = Painter((1280, 800))
    rgb = canvas.picture(view)

Triangles are drawn with a z-buffer; pictures and lines are laid below them, which is where a clip's image and its
camera's lines are but for thin crossings.
"""

import cv2
import numpy as np
import torch
from jaxtyping import Float64, UInt8

from fitter.render.paint import blend, paint
from fitter.visualize.viewer.shapes import Drawn, Picture, View, backdrop, fitted, paste
from fitter.visualize.viewer.viewpoint import Viewpoint

NEAR_M = 0.01
SHIFT = 4  # OpenCV's fixed point: 1/16 pixel
FARTHEST_PX = 1e5  # ends farther out overflow OpenCV's fixed point
LINE_PX = 1


class Painter:
    """A canvas of a fixed size that needs neither Open3D nor a GPU nor a display."""

    name = "the CPU"

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self._backdrop = backdrop(size)

    def picture(self, view: View) -> UInt8[np.ndarray, "height width 3"]:
        rgb = self._backdrop.copy()
        for picture in view.pictures:
            lay_picture(rgb, fitted(picture, view.viewpoint, self.size), view.viewpoint)
        for drawn in view.drawn:
            if drawn.cells.shape[1] == 2:
                draw_lines(rgb, drawn, view.viewpoint)
        draw_triangles(rgb, [drawn for drawn in view.drawn if drawn.cells.shape[1] == 3], view.viewpoint)
        return paste(rgb, view.panels)


def on_screen(
    points_m: Float64[np.ndarray, "points 3"], eye: Viewpoint, size: tuple[int, int]
) -> Float64[np.ndarray, "points 3"]:
    """Pixels and depth; pixels are NaN for points not before the eye."""
    seen = eye.seen(points_m)
    camera = eye.camera(size)
    depth = np.where(seen[:, 2] > NEAR_M, seen[:, 2], np.nan)
    pixels = seen[:, :2] / depth[:, None] * [camera.fx, camera.fy] + [camera.cx, camera.cy]
    return np.concatenate([pixels, seen[:, 2:]], axis=1)


def lay_picture(rgb: UInt8[np.ndarray, "height width 3"], picture: Picture, eye: Viewpoint) -> None:
    """The picture in perspective, in place; not at all where a corner is behind the eye."""
    height, width = rgb.shape[:2]
    corners = on_screen(picture.corners_m, eye, (width, height))[:, :2]
    if not np.isfinite(corners).all():
        return
    rows, columns = picture.rgb.shape[:2]
    # OpenCV counts from the first pixel's centre, on both sides.
    source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32) - 0.5
    warp = cv2.getPerspectiveTransform(source, (corners - 0.5).astype(np.float32))
    warped = cv2.warpPerspective(picture.rgb, warp, (width, height), flags=cv2.INTER_LINEAR)
    mask = cv2.warpPerspective(np.full((rows, columns), 255, np.uint8), warp, (width, height))
    rgb[mask > 127] = warped[mask > 127]


def draw_lines(rgb: UInt8[np.ndarray, "height width 3"], drawn: Drawn, eye: Viewpoint) -> None:
    """Antialiased lines, in place; one with an end behind the eye is cut off there."""
    height, width = rgb.shape[:2]
    seen = eye.seen(drawn.points_m)
    for start, end in drawn.cells.tolist():
        ends = in_front(seen[start], seen[end])
        if ends is None:
            continue
        camera = eye.camera((width, height))
        pixels = ends[:, :2] / ends[:, 2:] * [camera.fx, camera.fy] + [camera.cx - 0.5, camera.cy - 0.5]
        if (np.abs(pixels) > FARTHEST_PX).any():
            continue
        colour = [int(round(255.0 * value)) for value in drawn.colours[start]]
        a, b = np.round(pixels * 2**SHIFT).astype(int).tolist()
        cv2.line(rgb, a, b, colour, LINE_PX, cv2.LINE_AA, SHIFT)


def in_front(start: Float64[np.ndarray, "3"], end: Float64[np.ndarray, "3"]) -> Float64[np.ndarray, "2 3"] | None:
    """The part of a line (eye's axes) that is before the eye."""
    if max(start[2], end[2]) <= NEAR_M:
        return None
    if start[2] < NEAR_M:
        start = end + (start - end) * (end[2] - NEAR_M) / (end[2] - start[2])
    elif end[2] < NEAR_M:
        end = start + (end - start) * (start[2] - NEAR_M) / (start[2] - end[2])
    return np.stack([start, end])


def draw_triangles(rgb: UInt8[np.ndarray, "height width 3"], surfaces: list[Drawn], eye: Viewpoint) -> None:
    """All surfaces in one z-buffer, in place; both of their sides, as one can look into a wrist."""
    if not surfaces:
        return
    size = (rgb.shape[1], rgb.shape[0])
    starts = np.cumsum([0, *(len(surface.points_m) for surface in surfaces[:-1])])
    screen = np.concatenate([on_screen(surface.points_m, eye, size) for surface in surfaces])
    cells = np.concatenate([surface.cells + start for surface, start in zip(surfaces, starts, strict=True)])
    cells = np.concatenate([cells, cells[:, ::-1]])  # the rasterizer leaves out what turns away
    colours = np.concatenate([surface.colours for surface in surfaces])
    opaque = np.concatenate([colours, np.ones((len(colours), 1))], axis=1)
    layer = paint(
        torch.from_numpy(screen),
        torch.from_numpy(np.ascontiguousarray(cells, dtype=np.int32)),
        torch.from_numpy(opaque),
        size,
    )
    blend(rgb, layer)
