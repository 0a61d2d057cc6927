"""A sheet to draw on, in pixels from its upper left corner, and hands rendered onto it.

sheet = new_sheet(700, 420)
points = draw_hand(sheet, Placed(posed, "right", rotation_view_rest=BACK), centre=(200, 210), px_per_m=1800)
save(sheet, Path("docs/pictures/joints.png"))
"""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from matplotlib.patheffects import AbstractPathEffect, withStroke
from PIL import Image

from fitter.camera import Camera
from fitter.export.atomic import atomic_path
from fitter.observe.observations import Side
from fitter.skeleton import BONES, POINT_PARENTS
from fitter.visualize.overlay import DrawnHand, OverlayStyle, draw_meshes
from fitter.visualize.skeleton import FINGER_COLOURS

SCALE = 2  # pixels of the file per pixel of the sheet: pages show them sharp on dense screens
DISTANCE_M = 3.0  # of the eye: so far that nothing looks swollen
COLOURS_IN_FILE = 96  # a palette makes files small; these pictures have few colours
INK, PALE, WRIST = "#22262b", "#6f7882", "#22262b"
X, Y, Z = "#d1362f", "#2f8f3c", "#2b62c9"

# Rows: across, down and away from the viewer, in the hand's rest axes (fingers -x, back of the hand +y, thumb +z).
BACK = np.array([[0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
PALM = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


@dataclass(frozen=True)
class Placed:
    """A hand to draw: vertices (V, 3), joints (21, 3), metres, in any axes; `faces` wound as for a right hand."""

    vertices: Float[np.ndarray, "vertices 3"]
    joints: Float[np.ndarray, "21 3"]
    faces: Int[np.ndarray, "faces 3"]
    side: Side = "right"

    def seen(self, rotation: Float[np.ndarray, "3 3"]) -> "Placed":
        """The same in other axes."""
        return Placed(self.vertices @ rotation.T, self.joints @ rotation.T, self.faces, self.side)

    def moved(self, by: Float[np.ndarray, "3"]) -> "Placed":
        """The same elsewhere."""
        return Placed(self.vertices + by, self.joints + by, self.faces, self.side)

    @property
    def middle(self) -> Float[np.ndarray, "3"]:
        """The middle of the box around the hand."""
        return (self.vertices.min(0) + self.vertices.max(0)) / 2.0


def new_sheet(width: int, height: int) -> Axes:
    """White, `width` x `height` pixels, y down."""
    figure = Figure(figsize=(width / 100, height / 100), dpi=100 * SCALE, facecolor="white")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.axis("off")
    return axes


def draw_hand(
    sheet: Axes, hand: Placed, centre: tuple[float, float], px_per_m: float, opacity: float = 1.0
) -> Float[np.ndarray, "21 2"]:
    """Render `hand` (view axes: x right, y down, z away) with its middle at `centre`; returns where its joints are."""
    moved = hand.moved(np.array([0.0, 0.0, DISTANCE_M]) - hand.middle)
    width, height = (round(abs(a - b)) for a, b in (sheet.get_xlim(), sheet.get_ylim()))
    focal = px_per_m * DISTANCE_M
    camera = Camera(focal * SCALE, focal * SCALE, centre[0] * SCALE, centre[1] * SCALE, width * SCALE, height * SCALE)
    seen = np.ones(1, bool)
    drawn = DrawnHand(hand.side, moved.vertices[None], moved.joints[None], hand.faces, seen, seen)
    picture = np.full((height * SCALE, width * SCALE, 3), 255, np.uint8)
    draw_meshes(picture, [drawn], 0, camera, OverlayStyle(mesh_opacity=opacity))
    alpha = np.where((picture == 255).all(axis=-1), 0, 255).astype(np.uint8)
    sheet.imshow(np.dstack([picture, alpha]), extent=(0, width, height, 0), interpolation="none", zorder=1)
    return camera.project(torch.from_numpy(moved.joints)).numpy() / SCALE


def draw_bones(sheet: Axes, points: Float[np.ndarray, "21 2"], width: float = 2.2) -> None:
    """The skeleton, one colour per finger as in the overlay."""
    for end in BONES:
        start = POINT_PARENTS[end]
        (x0, y0), (x1, y1) = points[start], points[end]
        sheet.plot((x0, x1), (y0, y1), color=colour_of(int(end)), lw=width, solid_capstyle="round", zorder=3)


def draw_number(sheet: Axes, at: Float[np.ndarray, "2"], text: str, colour: str, radius: float = 9.0) -> None:
    """A number in a filled circle."""
    size = np.pi * (0.72 * radius) ** 2  # matplotlib counts areas in square points, 72 to the inch of 100 pixels
    sheet.scatter(at[0], at[1], s=size, color=colour, edgecolors="white", linewidths=0.8, zorder=5)
    write(sheet, (at[0], at[1] + 0.4), text, size=0.98 * radius, colour="white", weight="bold", align="center")


def write(
    sheet: Axes,
    at: tuple[float, float],
    text: str,
    size: float = 9.0,
    colour: str = INK,
    weight: str = "normal",
    align: str = "left",
) -> None:
    """Text with its middle height at `at`; `size` in pixels of the sheet's own scale (a line is about 1.4 of them)."""
    halo: list[AbstractPathEffect] = [withStroke(linewidth=2.5, foreground="white")] if colour != "white" else []
    drawn = sheet.text(*at, text, fontsize=0.72 * size, color=colour, weight=weight, ha=align, va="center", zorder=6)
    drawn.set_path_effects(halo)


def draw_arrow(
    sheet: Axes, start: tuple[float, float], end: tuple[float, float], colour: str, bend: float = 0.0
) -> None:
    """An arrow, straight or bent."""
    style = f"arc3,rad={bend}"
    sheet.add_patch(
        FancyArrowPatch(
            start, end, color=colour, lw=1.8, arrowstyle="-|>", mutation_scale=9,
            connectionstyle=style, shrinkA=0, shrinkB=0, zorder=4,
        )
    )  # fmt: skip


def draw_axes(
    sheet: Axes, origin: tuple[float, float], rotation: Float[np.ndarray, "3 3"], length: float, labels: tuple[str, ...]
) -> None:
    """The axes x, y, z, whose columns in view axes `rotation` holds, seen from far; one along the view is a dot."""
    for column, (colour, label) in enumerate(zip((X, Y, Z), labels, strict=True)):
        across, down, away = rotation[:, column]
        end = (origin[0] + length * across, origin[1] + length * down)
        if np.hypot(across, down) < 0.2:
            _draw_end_on(sheet, origin, towards_viewer=away < 0, colour=colour)
            write(sheet, (origin[0] + 11, origin[1] + 13), label, colour=colour, weight="bold", size=11)
            continue
        draw_arrow(sheet, origin, end, colour)
        out = np.array([across, down]) / np.hypot(across, down)
        write(sheet, (end[0] + 9 * out[0], end[1] + 9 * out[1]), label, size=11, colour=colour, weight="bold",
              align="center")  # fmt: skip


def _draw_end_on(sheet: Axes, at: tuple[float, float], towards_viewer: bool, colour: str) -> None:
    """An arrow seen from its tip (a dot in a circle) or from its feathers (a cross in a circle)."""
    sheet.scatter(*at, s=80, facecolors="white", edgecolors=colour, linewidths=1.8, zorder=5)
    if towards_viewer:
        sheet.scatter(*at, s=14, color=colour, zorder=6)
    else:
        sheet.scatter(*at, s=36, marker="x", color=colour, linewidths=1.8, zorder=6)


def colour_of(point: int) -> str:
    """The finger's colour of a point; the wrist is dark."""
    if point == 0:
        return WRIST
    return "#{:02x}{:02x}{:02x}".format(*(int(0.82 * part) for part in FINGER_COLOURS[(point - 1) // 4]))


def save(sheet: Axes, path: Path) -> None:
    """Write a PNG with a small palette."""
    figure = sheet.figure
    assert isinstance(figure, Figure)
    drawn = BytesIO()
    figure.savefig(drawn, format="png")
    small = Image.open(drawn).convert("RGB").quantize(COLOURS_IN_FILE, dither=Image.Dither.NONE)
    with atomic_path(path) as unfinished:
        small.save(unfinished, format="PNG", optimize=True)
