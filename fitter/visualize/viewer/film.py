"""The viewer without a display: the hand turned once around as a video and as a sheet, and the clip played.

write_turn(folder, exhibit, player, canvas)               # turntable.mp4 and turntable.png
write_play(folder, exhibit, player, canvas, images)       # playback.mp4
"""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from fitter.export.texture import write_png
from fitter.visualize.viewer.exhibit import Exhibit, scene_view, status_words
from fitter.visualize.viewer.kept_images import KeptImages
from fitter.visualize.viewer.panels import Status, draw_caption, draw_legend
from fitter.visualize.viewer.player import Colouring, Player, seek
from fitter.visualize.viewer.shapes import Canvas, Panel, View
from fitter.visualize.viewer.viewpoint import Viewpoint, around

TURN_VIDEO, TURN_SHEET, PLAY_VIDEO = "turntable.mp4", "turntable.png", "playback.mp4"
TURN_FPS, TURN_VIEWS = 24.0, 96  # four seconds for a turn
SHEET_VIEWS, SHEET_COLUMNS = 8, 4
SHEET_PX = 400  # of one view's height; its width is a little less, as the hand turns about its middle
SHEET_SHAPE = 0.95
TURN_ELEVATION, TURN_FILLED = 0.22, 0.78
# While the clip plays the eye sways, which shows depth better than any shading: this far, in this time.
SWAY, SWAY_S = 0.30, 7.0

OnFrame = Callable[[int, int], None]
"""Told how many pictures are done, of how many."""


def write_turn(
    folder: Path, exhibit: Exhibit, player: Player, canvas: Canvas, on_frame: OnFrame = lambda done, total: None
) -> None:
    """The player's frame from all sides, as a video and as SHEET_VIEWS views of it in one PNG."""
    from fitter.export.video import VideoWriter

    still = replace(player, frustum=False)
    small: list[np.ndarray] = []
    with VideoWriter(folder / TURN_VIDEO, TURN_FPS, canvas.size) as writer:
        for number in range(TURN_VIEWS):
            eye = turn_view(exhibit, player.frame, 2.0 * math.pi * number / TURN_VIEWS)
            view = scene_view(exhibit, still, eye, None)
            writer.write(canvas.picture(with_caption(exhibit, view, still, canvas.size)))
            if number % (TURN_VIEWS // SHEET_VIEWS) == 0:
                small.append(sheet_view(canvas.picture(view)))
            on_frame(number + 1, TURN_VIEWS)
    rows = [
        np.concatenate(small[start : start + SHEET_COLUMNS], axis=1) for start in range(0, len(small), SHEET_COLUMNS)
    ]
    write_png(folder / TURN_SHEET, np.concatenate(rows, axis=0))


def sheet_view(rgb: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "high wide 3"]:
    """The middle of a picture, as large as the sheet's views are."""
    height, width = rgb.shape[:2]
    wide = min(round(height * SHEET_SHAPE), width)
    left = (width - wide) // 2
    size = (round(SHEET_PX * SHEET_SHAPE), SHEET_PX)
    part = np.ascontiguousarray(rgb[:, left : left + wide])
    return cv2.resize(part, size, interpolation=cv2.INTER_AREA if height > SHEET_PX else cv2.INTER_LINEAR)


def turn_view(exhibit: Exhibit, frame: int, angle: float) -> Viewpoint:
    """The eye after a turn by `angle` around the hands of this frame."""
    shown = [hand.vertices_m[frame] for hand in exhibit.hands if hand.present[frame]]
    points = np.concatenate(shown).astype(np.float64) if shown else exhibit.home.target_m[None]
    middle = 0.5 * (points.min(axis=0) + points.max(axis=0))
    radius = max(float(np.linalg.norm(points - middle, axis=1).max()), 0.05)
    eye = around(middle, 1.0, angle, TURN_ELEVATION)
    return replace(eye, distance_m=2.0 * radius * eye.focal / TURN_FILLED)


def write_play(
    folder: Path,
    exhibit: Exhibit,
    player: Player,
    canvas: Canvas,
    images: KeptImages | None,
    on_frame: OnFrame = lambda done, total: None,
) -> None:
    """All frames from beside the camera, with its image behind the hands."""
    from fitter.export.video import VideoWriter

    with VideoWriter(folder / PLAY_VIDEO, exhibit.fps, canvas.size) as writer:
        for frame in range(exhibit.n_frames):
            image = images.wait(frame) if images is not None else None
            writer.write(played(exhibit, seek(player, frame), canvas, image))
            on_frame(frame + 1, exhibit.n_frames)


def played(
    exhibit: Exhibit, player: Player, canvas: Canvas, image: UInt8[np.ndarray, "rows columns 3"] | None
) -> UInt8[np.ndarray, "height width 3"]:
    """One picture of `write_play`."""
    sway = SWAY * math.sin(2.0 * math.pi * player.frame / exhibit.fps / SWAY_S)
    eye = replace(exhibit.home, azimuth=exhibit.home.azimuth + sway)
    return canvas.picture(with_caption(exhibit, scene_view(exhibit, player, eye, image), player, canvas.size))


def with_caption(exhibit: Exhibit, view: View, player: Player, size: tuple[int, int]) -> View:
    """The view with its frame's number and judgement below, and the legend where colours mean something."""
    panels: list[Panel] = [draw_caption(size, player, Status(exhibit.lanes, status_words(exhibit, player.frame)))]
    if player.colouring is Colouring.UNCERTAINTY:
        panels.append(draw_legend(exhibit.scale, size))
    return replace(view, panels=panels)


def best_frame(exhibit: Exhibit) -> int:
    """A frame that shows the fit well: all hands present, observed, and of the best quality that is known."""
    score = np.zeros(exhibit.n_frames)
    for hand in exhibit.hands:
        # A hand that is there or was seen outweighs any quality of both.
        score += 10.0 * hand.present + 5.0 * hand.observed + np.nan_to_num(hand.quality)
    return int(score.argmax())
