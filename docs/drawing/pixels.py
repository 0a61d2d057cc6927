"""Where pixels are counted from."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from docs.drawing.sheet import INK, X, Y, draw_arrow, new_sheet, write
from fitter.hand import HandModel

SIDE, LEFT, TOP, COLUMNS, ROWS = 62.0, 70.0, 52.0, 4, 4


def draw_pixels(model: HandModel) -> Axes:
    """The upper left corner of a frame, far enlarged."""
    sheet = new_sheet(700, 330)
    shades = np.random.default_rng(4).uniform(0.86, 0.97, (ROWS, COLUMNS))

    def at(x: float, y: float) -> tuple[float, float]:
        return LEFT + SIDE * x, TOP + SIDE * y

    for row in range(ROWS):
        for column in range(COLUMNS):
            shade = float(shades[row, column])
            corner = at(column, row)
            sheet.add_patch(Rectangle(corner, SIDE, SIDE, facecolor=(shade, shade, 1.02 * shade), edgecolor="white"))
    draw_arrow(sheet, at(0, 0), at(COLUMNS + 0.35, 0), X)
    draw_arrow(sheet, at(0, 0), at(0, ROWS + 0.25), Y)
    write(sheet, (at(COLUMNS + 0.35, 0)[0] + 10, at(0, 0)[1]), "x", size=12, colour=X, weight="bold")
    write(sheet, (at(0, 0)[0] - 16, at(0, ROWS + 0.2)[1]), "y", size=12, colour=Y, weight="bold")
    points = (
        (0.0, 0.0, "corner of the frame", "(0, 0)", "(−0.5, −0.5)"),
        (0.5, 0.5, "centre of the first pixel", "(0.5, 0.5)", "(0, 0)"),
        (2.5, 1.5, "centre of image[1, 2]", "(2.5, 1.5)", "(2, 1)"),
        (4.0, 4.0, "a corner between pixels", "(4, 4)", "(3.5, 3.5)"),
    )
    x_text = (380.0, 535.0, 610.0)
    for x, head in zip(x_text, ("", "handfit", "OpenCV"), strict=True):
        write(sheet, (x, 70.0), head, size=11.5, weight="bold")
    for number, (x, y, name, here, there) in enumerate(points):
        place, line = at(x, y), 104.0 + 34.0 * number
        sheet.scatter(*place, s=70, color=INK, zorder=5, clip_on=False)
        write(sheet, (place[0], place[1] + 0.4), str(number + 1), size=8.5, colour="white", align="center")
        sheet.scatter(x_text[0] - 16, line, s=70, color=INK, zorder=5)
        write(sheet, (x_text[0] - 16, line + 0.4), str(number + 1), size=8.5, colour="white", align="center")
        write(sheet, (x_text[0], line), name, size=10.5)
        write(sheet, (x_text[1], line), here, size=10.5, weight="bold")
        write(sheet, (x_text[2], line), there, size=10.5)
    write(sheet, (x_text[0] - 21, 262.0), "OpenCV's, COCO's and most detectors' integer pixels:", size=10)
    write(sheet, (x_text[0] - 21, 280.0), "subtract 0.5 from ours; add 0.5 to theirs.", size=10)
    return sheet
