"""The input beside what the fit makes of it: a video of four pictures per frame, streamed.

    write_comparison(Path("comparison.mp4"), clip.frames(), [DressedHand(...)], camera, fps=clip.fps)

Input, rendering (texture and light, nothing else), their difference where the rendering covers, and the overlay. All
are drawn at the panel's size, so that neither time nor memory grows with the input's resolution beyond it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from fitter.camera import Camera
from fitter.errors import InputError
from fitter.render.textured import TexturedMesh, blend_light
from fitter.visualize.dressed import Box, DressedHand, draw_dressed, dressed_mesh
from fitter.visualize.overlay import OverlayStyle, caption, draw_frame
from fitter.visualize.skeleton import draw_caption

LARGEST_PANEL_PX = 480  # height: a 2 x 2 grid of 4:3 frames then fits a laptop's screen
GAP_PX = 4
GAP_GREY, BEHIND_GREY = 24, 112
# sRGB levels of 255 at which the difference's colours end: a sensor's noise stays dark, a wrong shade does not.
FULL_DIFFERENCE = 64
INPUT_SHARE = 0.35  # how bright the input shows around the difference
COVERED = 1.0  # of a pixel's samples: what else shows at the border is not known, so it is not compared
# From black over purple to yellow, monotonic in brightness: it reads in grey and for the colour-blind.
COLOURS = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_INFERNO)[:, 0, ::-1]
BAR_PX = 10

Picture = UInt8[np.ndarray, "height width 3"]


def write_comparison(
    path: Path, frames: Iterable[Picture], hands: Sequence[DressedHand], camera: Camera, fps: float
) -> None:
    """Write an H.264 video of `frames` (RGB) beside the renderings; every hand must have a row for every frame.

    At least one hand. Raises InputError where the number of frames differs from the hands' rows.
    """
    from fitter.export.video import VideoWriter

    rows, count = len(hands[0].drawn.present), 0
    panel, mesh = panel_camera(camera.at(0)), dressed_mesh(hands)
    blank = np.zeros((panel.height, panel.width, 3), np.uint8)
    height, width = grid([blank] * 4).shape[:2]
    with VideoWriter(path, fps, (width, height)) as video:
        for rgb in frames:
            if count >= rows:
                raise InputError(f"{path}: the clip has more frames than the fit's {rows}, expected as many")
            video.write(compare_frame(rgb, hands, mesh, count, panel_camera(camera.at(count))))
            count += 1
        if count != rows:
            raise InputError(f"{path}: the clip has {count} frames, expected {rows} as in the fit")


def panel_camera(camera: Camera) -> Camera:
    """The camera of the input frames made small enough for a panel; as it is where they are."""
    share = min(1.0, LARGEST_PANEL_PX / camera.height)
    width, height = max(1, round(camera.width * share)), max(1, round(camera.height * share))
    across, down = width / camera.width, height / camera.height
    focal = {"fx": camera.fx * across, "fy": camera.fy * down}
    return replace(camera, **focal, cx=camera.cx * across, cy=camera.cy * down, width=width, height=height)


def compare_frame(
    rgb: Picture, hands: Sequence[DressedHand], mesh: TexturedMesh, frame: int, panel: Camera
) -> UInt8[np.ndarray, "grid_height grid_width 3"]:
    """The four labelled panels of one input frame of any size; `mesh` is `dressed_mesh(hands)`."""
    seen = np.array(rgb)
    if rgb.shape[:2] != (panel.height, panel.width):
        seen = cv2.resize(seen, (panel.width, panel.height), interpolation=cv2.INTER_AREA)
    rendering = np.full_like(seen, BEHIND_GREY)
    grey = cv2.convertScaleAbs(cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY), alpha=INPUT_SHARE)
    difference = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    found = draw_dressed(hands, mesh, frame, panel)
    if found is not None:
        layer, (left, top, right, bottom) = found
        blend_light(rendering[top:bottom, left:right], layer)
        show_difference(difference, seen, *found)
    draw_scale(difference)
    drawn = [hand.drawn for hand in hands]
    overlay = draw_frame(seen, drawn, frame, panel, OverlayStyle(caption=False))
    draw_caption(seen, f"input   frame {frame}")
    draw_caption(rendering, "rendering")
    draw_caption(difference, "difference")
    draw_caption(overlay, f"overlay   {caption(drawn, frame).partition('   ')[2]}")
    return grid([seen, rendering, difference, overlay])


def show_difference(canvas: Picture, seen: Picture, layer: Float32[np.ndarray, "rows columns 4"], box: Box) -> None:
    """Write the colours of the mean absolute difference over the channels into the canvas's covered pixels."""
    left, top, right, bottom = box
    filmed = seen[top:bottom, left:right]
    rendered = filmed.copy()
    blend_light(rendered, layer)
    levels = cv2.absdiff(rendered, filmed).mean(axis=2) * (255.0 / FULL_DIFFERENCE)
    covered = layer[..., 3] >= COVERED
    canvas[top:bottom, left:right][covered] = COLOURS[np.minimum(levels[covered], 255.0).astype(np.uint8)]


def draw_scale(canvas: Picture) -> None:
    """The colours of the differences with their ends, on the right border in place."""
    height, width = canvas.shape[:2]
    top, bottom = round(0.08 * height), round(0.5 * height)
    left, right = width - 2 * BAR_PX, width - BAR_PX
    if left < 4 * BAR_PX or bottom - top < 4 * BAR_PX:
        return  # a picture too small for letters
    steps = np.linspace(255, 0, bottom - top).astype(np.uint8)
    canvas[top:bottom, left:right] = COLOURS[steps][:, None]
    cv2.rectangle(canvas, (left - 1, top - 1), (right, bottom), (150, 150, 150), 1)
    for text, row in ((f"{FULL_DIFFERENCE}/255", top + BAR_PX), ("0", bottom)):
        (text_width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.38, 1)
        place = (left - 6 - text_width, row)
        cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.38, (235, 235, 235), 1, cv2.LINE_AA)


def grid(panels: Sequence[Picture]) -> UInt8[np.ndarray, "grid_height grid_width 3"]:
    """Four equal panels: 2 x 2 for wide frames, a row for upright ones."""
    height, width = panels[0].shape[:2]
    columns = 2 if width >= height else len(panels)
    rows = len(panels) // columns
    size = (rows * height + (rows - 1) * GAP_PX, columns * width + (columns - 1) * GAP_PX, 3)
    sheet = np.full(size, GAP_GREY, np.uint8)
    for number, panel in enumerate(panels):
        top, left = (number // columns) * (height + GAP_PX), (number % columns) * (width + GAP_PX)
        sheet[top : top + height, left : left + width] = panel
    return sheet
