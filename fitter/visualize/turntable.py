"""One picture of a textured hand from all sides: at rest, under an even, neutral light.

write_turntable(Path("turntable_right.png"), TurntableHand("right", rest_vertices_m, faces, uv, uv_faces, appearance))
"""

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float64, Int, UInt8
from torch import Tensor

from fitter.camera import Camera
from fitter.export.texture import write_png
from fitter.observe.observations import Side
from fitter.render.appearance import Appearance
from fitter.render.rasterizer import to_screen
from fitter.render.shading import directional_light, irradiance, vertex_normals
from fitter.render.textured import blend_light, paint_textured
from fitter.visualize.dressed import textured_mesh

# The side that faces the viewer, in the order of turns about the fingers' axis: a quarter of a turn each.
SIDES = ("back", "thumb side", "palm", "little finger side")
VIEWS = 2 * len(SIDES)
COLUMNS = 4
VIEW_PX = (400, 500)  # width and height of one view: the palm's lines need about 3 pixels per millimetre
FILLED = 0.86  # of a view, by the turning hand's largest extent
DISTANCE = 7.0  # in hand sizes: far enough that the nearer side is not swollen
LIGHTEST_GREY, DARKEST_GREY = 246, 214  # top and bottom of the background
TEXT_GREY, TEXT_SCALE = 70, 0.55
# A lamp above the viewer's left shoulder (camera axes) and enough even light that no side is black.
TOWARDS_LAMP, LAMP, AMBIENT = (-0.45, -0.65, -0.62), 0.55, 0.5


@dataclass(frozen=True)
class TurntableHand:
    """A hand at rest, metres: fingers along -x (a left hand's along +x), back of the hand +y, thumb +z.

    `faces` and `uv_faces` as for a right hand; of `appearance` only the albedo is shown.
    """

    side: Side
    vertices_m: Float[np.ndarray, "vertices 3"]
    faces: Int[np.ndarray, "faces 3"]
    uv: Float[np.ndarray, "corners 2"]
    uv_faces: Int[np.ndarray, "faces 3"]
    appearance: Appearance


def write_turntable(path: Path, hand: TurntableHand) -> None:
    """Write a PNG of eight labelled views; raises as `atomic_path` does."""
    write_png(path, draw_turntable(hand))


def draw_turntable(hand: TurntableHand) -> UInt8[np.ndarray, "height width 3"]:
    """The views in reading order, COLUMNS to a row."""
    views = [draw_view(hand, turn) for turn in range(VIEWS)]
    rows = [np.concatenate(views[start : start + COLUMNS], axis=1) for start in range(0, len(views), COLUMNS)]
    return np.concatenate(rows, axis=0)


def label(turn: int) -> str:
    """What is seen after so many eighths of a turn: one side, or two at once."""
    side, next_side = SIDES[turn // 2], SIDES[(turn // 2 + 1) % len(SIDES)]
    return side if turn % 2 == 0 else f"{side}, {next_side}"


def draw_view(hand: TurntableHand, turn: int) -> UInt8[np.ndarray, "height width 3"]:
    """The hand after so many eighths of a turn."""
    camera = view_camera(hand)
    vertices = turned(hand, 2.0 * math.pi * turn / VIEWS)
    mesh = textured_mesh(hand.side, len(vertices), hand.faces, hand.uv, hand.uv_faces, hand.appearance)
    normals = vertex_normals(vertices, torch.from_numpy(mesh.faces))
    picture = background()
    layer = paint_textured(to_screen(camera, vertices), mesh, irradiance(normals, neutral_light()), VIEW_PX)
    blend_light(picture, layer)
    text = label(turn)
    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, TEXT_SCALE, 1)
    place = ((VIEW_PX[0] - width) // 2, VIEW_PX[1] - 14)
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, TEXT_SCALE, (TEXT_GREY,) * 3, 1, cv2.LINE_AA)
    return picture


def turned(hand: TurntableHand, angle: float) -> Float64[Tensor, "vertices 3"]:
    """Camera axes, metres: fingers up, the back towards the viewer, then turned so that the thumb's side comes."""
    rest = torch.from_numpy(np.asarray(hand.vertices_m, dtype=np.float64))
    middle, size = extent(hand)
    x, y, z = (rest - middle).unbind(-1)
    cosine, sine = math.cos(angle), math.sin(angle)
    mirror = 1.0 if hand.side == "right" else -1.0  # a right thumb is on the left of the picture of the back
    across = mirror * (sine * y - cosine * z)
    towards = cosine * y + sine * z
    return torch.stack([across, mirror * x, DISTANCE * size - towards], dim=-1)


def extent(hand: TurntableHand) -> tuple[Float64[Tensor, "3"], float]:
    """The middle of the hand's box, and how large the hand is in every view, metres."""
    rest = torch.from_numpy(np.asarray(hand.vertices_m, dtype=np.float64))
    low, high = rest.amin(0), rest.amax(0)
    return (low + high) / 2.0, float((high - low).max())


def view_camera(hand: TurntableHand) -> Camera:
    """The camera of every view: the hand fills its height, or its width where the turning hand is wider."""
    rest = np.asarray(hand.vertices_m, dtype=np.float64)
    middle, size = extent(hand)
    radius = float(np.linalg.norm((rest - middle.numpy())[:, 1:], axis=1).max())
    width, height = VIEW_PX
    length = float(np.ptp(rest[:, 0]))
    room = FILLED * size * min(height / length, width / (2.0 * radius))
    return Camera(room * DISTANCE, room * DISTANCE, width / 2.0, height / 2.0 - 10.0, width, height)


def neutral_light() -> Float64[Tensor, "9 3"]:
    """White, from above the viewer's shoulder."""
    lamp = torch.nn.functional.normalize(torch.tensor(TOWARDS_LAMP, dtype=torch.float64), dim=0)
    white = torch.ones(3, dtype=torch.float64)
    return directional_light(lamp, LAMP * white, AMBIENT * white)


def background() -> UInt8[np.ndarray, "height width 3"]:
    """A light grey that darkens downwards."""
    width, height = VIEW_PX
    grey = np.linspace(LIGHTEST_GREY, DARKEST_GREY, height).round().astype(np.uint8)
    return np.broadcast_to(grey[:, None, None], (height, width, 3)).copy()
