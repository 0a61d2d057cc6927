"""All pictures by the name of their file."""

from collections.abc import Callable

from matplotlib.axes import Axes

from docs.drawing.axes import draw_camera, draw_rest_axes
from docs.drawing.joints import draw_joints, draw_rotations
from docs.drawing.pixels import draw_pixels
from docs.drawing.sides import draw_sides, draw_texture
from fitter.hand import HandModel

PICTURES: dict[str, Callable[[HandModel], Axes]] = {
    "joints": draw_joints,
    "rotations": draw_rotations,
    "rest_axes": draw_rest_axes,
    "camera": draw_camera,
    "pixels": draw_pixels,
    "sides": draw_sides,
    "texture": draw_texture,
}
