"""The 21 joints in OpenPose order, and the 16 rotations in MANO order, on a right hand seen from its back."""

import numpy as np
from matplotlib.axes import Axes

from docs.drawing.hands import posed_hand
from docs.drawing.sheet import BACK, colour_of, draw_bones, draw_hand, draw_number, new_sheet, write
from fitter.hand import HandModel
from fitter.skeleton import POINT_NAMES, POINT_OF_ROTATION, ROTATION_NAMES

SIZE, CENTRE, PX_PER_M = (700, 430), (225, 215), 1950.0
COLUMN_X, ROW_TOP, ROW = (440, 575), 62, 15.5


def draw_joints(model: HandModel) -> Axes:
    """The points, numbered, with their names."""
    sheet = new_sheet(*SIZE)
    points = draw_hand(sheet, posed_hand(model).seen(BACK), CENTRE, PX_PER_M, opacity=0.55)
    draw_bones(sheet, points)
    for number, at in enumerate(points):
        draw_number(sheet, at, str(number), colour_of(number), radius=8.5)
    write(sheet, (COLUMN_X[0], 34), "joints_m, keypoints_px: 21 points", size=12, weight="bold")
    rows = [(number, name, colour_of(number)) for number, name in enumerate(POINT_NAMES)]
    _list(sheet, rows, per_column=11)
    return sheet


def draw_rotations(model: HandModel) -> Axes:
    """The rotations, numbered as in `pose`, at the joints where they act."""
    sheet = new_sheet(*SIZE)
    points = draw_hand(sheet, posed_hand(model).seen(BACK), CENTRE, PX_PER_M, opacity=0.55)
    draw_bones(sheet, points, width=1.4)
    for number, point in enumerate(POINT_OF_ROTATION):
        draw_number(sheet, points[point], str(number), colour_of(int(point)), radius=9.5)
    write(sheet, (COLUMN_X[0], 34), "pose: 16 rotations", size=12, weight="bold")
    rows = [(n, name, colour_of(int(POINT_OF_ROTATION[n]))) for n, name in enumerate(ROTATION_NAMES)]
    _list(sheet, rows, per_column=16)
    for number in range(len(ROTATION_NAMES)):
        at = (COLUMN_X[1], ROW_TOP + 1.35 * ROW * number)
        write(sheet, at, f"pose[{3 * number}:{3 * number + 3}]", size=10)
    return sheet


def _list(sheet: Axes, rows: list[tuple[int, str, str]], per_column: int) -> None:
    """Numbers and names, in columns."""
    spacing = ROW * np.floor(22 / per_column) if per_column < 16 else 1.35 * ROW
    for index, (number, name, colour) in enumerate(rows):
        column, row = divmod(index, per_column)
        x, y = COLUMN_X[column], ROW_TOP + spacing * row
        draw_number(sheet, np.array([x + 6.0, y]), str(number), colour, radius=7.5)
        write(sheet, (x + 20, y), name, size=10)
