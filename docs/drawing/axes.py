"""The rest axes, the signs of rotations, and the camera's axes."""

import math

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes

from docs.drawing.hands import posed_hand
from docs.drawing.sheet import (
    BACK,
    INK,
    PALE,
    Z,
    draw_arrow,
    draw_axes,
    draw_bones,
    draw_hand,
    new_sheet,
    write,
)
from fitter.camera import Camera
from fitter.hand import HandModel

AXES = ("x", "y", "z")
# Rows across, down and away: from the thumb's side, the fingers to the left.
THUMB_SIDE = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, -1.0]])
FLEXION, SPREAD = 1.0, 0.35  # radians, as the captions say
# Of the picture of the camera: how far before the camera the image is drawn, and where the hand is, metres.
IMAGE_M, HAND_AT_M = 0.2, (0.03, 0.0, 0.52)


def turned(axis: int, degrees: float) -> Float[np.ndarray, "3 3"]:
    """A rotation about one of the viewer's axes: 0 across, 1 down, 2 away."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    matrix = np.eye(3)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix[first, first], matrix[first, second] = cosine, -sine
    matrix[second, first], matrix[second, second] = sine, cosine
    return matrix


def draw_rest_axes(model: HandModel) -> Axes:
    """The flat hand in its rest axes, and what positive rotations about them do to a finger."""
    sheet = new_sheet(700, 330)
    oblique = turned(0, -40.0) @ turned(1, 28.0) @ BACK
    points = draw_hand(sheet, posed_hand(model).seen(oblique), (120, 112), 1150.0, opacity=0.8)
    draw_axes(sheet, (points[0, 0], points[0, 1]), oblique, 70.0, AXES)
    captions = [(120, "pose = 0: the flat hand", "fingers −x, back +y, thumb +z")]

    points = draw_hand(sheet, posed_hand(model, {"index1": (0, 0, FLEXION)}).seen(THUMB_SIDE), (365, 150), 1050.0, 0.8)
    draw_axes(sheet, (points[5, 0], points[5, 1]), THUMB_SIDE, 58.0, AXES)
    captions.append((365, f"pose[3:6] = 0, 0, {FLEXION:g}", "flexion: +z closes the hand"))

    points = draw_hand(sheet, posed_hand(model, {"index1": (0, SPREAD, 0)}).seen(BACK), (590, 145), 1150.0, opacity=0.8)
    draw_axes(sheet, (points[5, 0], points[5, 1]), BACK, 58.0, AXES)
    captions.append((590, f"pose[3:6] = 0, {SPREAD:g}, 0", "spread: +y towards the thumb"))
    for x, first, second in captions:
        write(sheet, (x, 285), first, size=11, weight="bold", align="center")
        write(sheet, (x, 304), second, size=10.5, align="center")
    return sheet


def draw_camera(model: HandModel) -> Axes:
    """Camera, image and hand in camera axes, seen from the side."""
    sheet = new_sheet(700, 322)
    camera = Camera(900.0, 900.0, 640.0, 360.0, 1280, 720)
    view = turned(0, 16.0) @ turned(1, 52.0)
    scale, origin = 860.0, np.array([92.0, 208.0])

    def shown(points: np.ndarray) -> np.ndarray:
        """Camera axes, metres, to the sheet."""
        return origin + scale * (np.asarray(points) @ view.T)[..., :2]

    pixels = torch.tensor([[0.0, 0.0], [1280.0, 0.0], [1280.0, 720.0], [0.0, 720.0]], dtype=torch.float64)
    corners = shown(IMAGE_M * camera.rays(pixels).numpy())
    hand = posed_hand(model).seen(turned(1, -25.0) @ BACK)
    hand = hand.moved(np.array(HAND_AT_M) - hand.middle)
    in_view = hand.seen(view)
    centre = origin + scale * in_view.middle[:2]
    for corner in corners:
        sheet.plot(*zip(origin, corner, strict=True), color=PALE, lw=0.9, zorder=2)
    sheet.fill(*corners.T, facecolor="#f1f4f8", edgecolor=INK, lw=1.4, zorder=2, alpha=0.75)
    points = draw_hand(sheet, in_view, (float(centre[0]), float(centre[1])), scale, opacity=0.8)
    draw_bones(sheet, points, width=1.6)

    joints = torch.from_numpy(hand.joints)
    seen_at = shown(IMAGE_M * camera.rays(camera.project(joints)).numpy())
    draw_bones(sheet, seen_at, width=1.2)
    tip, its_pixel = points[8], seen_at[8]
    sheet.plot(*zip(origin, tip, strict=True), color=Z, lw=1.0, ls=(0, (4, 3)), zorder=3)
    draw_axes(sheet, (float(origin[0]), float(origin[1])), view, 62.0, ("x right", "y down", "z forward"))
    write(sheet, (corners[0][0] - 4, corners[0][1] - 11), "(0, 0)", size=10, align="center")
    write(sheet, (corners[2][0] + 6, corners[2][1] + 13), "(width, height)", size=10, align="center")
    write(sheet, (tip[0] + 10, tip[1] - 32), "joints_m[hand, frame, 8]", size=10.5, weight="bold", align="center")
    write(sheet, (tip[0] + 10, tip[1] - 16), "metres, camera axes", size=10, align="center")
    label = (corners[1][0] - 26, 34.0)
    draw_arrow(sheet, (label[0] - 8, label[1] + 24), (its_pixel[0] + 1, its_pixel[1] - 3), INK)
    write(sheet, label, "keypoints_px[hand, frame, 8]", size=10.5, weight="bold", align="center")
    write(sheet, (label[0], label[1] + 16), "pixels of the input frame", size=10, align="center")
    return sheet
