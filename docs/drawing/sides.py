"""Right and left hands, and the texture that both share."""

import numpy as np
import torch
from matplotlib.axes import Axes

from docs.drawing.hands import posed_hand
from docs.drawing.sheet import BACK, INK, PALE, SCALE, Placed, X, Y, draw_arrow, draw_bones, draw_hand, new_sheet, write
from fitter.hand import HandModel
from fitter.hand.mirror import mirror_axis_angle, mirror_points
from fitter.render.shading import linear_to_srgb
from priors.synthetic.skin import Skin, paint_texture, texel_points

SKIN_SEED, UNUSED = 2, 0.95
BENT = {"index1": (0.1, 0.25, 0.9), "thumb1": (0.3, 0.2, 0.4)}


def draw_sides(model: HandModel) -> Axes:
    """A right hand and its mirror image, with the parameters of both."""
    sheet = new_sheet(700, 360)
    right = posed_hand(model, BENT).seen(BACK)
    vertices, joints = (mirror_points(torch.from_numpy(points)).numpy() for points in (right.vertices, right.joints))
    left = Placed(vertices, joints, right.faces, side="left")
    turn = torch.tensor(BENT["index1"], dtype=torch.float64)
    for hand, x, axis_angle in ((left, 175.0, mirror_axis_angle(turn)), (right, 525.0, turn)):
        points = draw_hand(sheet, hand, (x, 135), 1150.0, opacity=0.8)
        draw_bones(sheet, points, width=1.4)
        numbers = ", ".join(f"{number:g}".replace("-", "−") for number in axis_angle.tolist())
        write(sheet, (x, 272), f"side = {hand.side}", size=11.5, weight="bold", align="center")
        write(sheet, (x, 294), f"pose[3:6] = {numbers}", size=10.5, align="center")
    write(sheet, (525, 314), "faces as in the file", size=10.5, align="center")
    write(sheet, (175, 314), "faces[:, ::-1], the same betas", size=10.5, align="center")
    sheet.plot((350, 350), (20, 330), color=PALE, lw=1.4, ls=(0, (6, 4)))
    write(sheet, (350, 346), "mirror: x → −x;  rotation vectors (a, b, c) → (a, −b, −c)", size=10.5, align="center")
    return sheet


def draw_texture(model: HandModel) -> Axes:
    """A texture with its UV axes, and the seams of the layout."""
    side, left, top = 264, 90, 14
    sheet = new_sheet(700, 316)
    linear = paint_texture(Skin.random(np.random.default_rng(SKIN_SEED)), model, SCALE * side)
    picture = linear_to_srgb(torch.from_numpy(linear).clamp(0.0, 1.0)).numpy()
    covered, _, _ = texel_points(model, SCALE * side)
    picture[~covered] = UNUSED
    sheet.imshow(picture, extent=(left, left + side, top + side, top), interpolation="none", zorder=1)
    uv = model.uv.numpy() * [side, -side] + [left, top + side]
    faces = model.uv_faces.numpy()
    sheet.triplot(uv[:, 0], uv[:, 1], faces, color="white", lw=0.2, alpha=0.5, zorder=2)
    sheet.set_xlim(0, 700)
    sheet.set_ylim(316, 0)
    origin = (left, top + side)
    draw_arrow(sheet, origin, (left + side + 22, top + side), X)
    draw_arrow(sheet, origin, (left, top - 8), Y)
    write(sheet, (left + side + 28, top + side), "u", size=12, colour=X, weight="bold")
    write(sheet, (left - 16, top + 4), "v", size=12, colour=Y, weight="bold")
    for place, text in (((left - 24, top + side), "(0, 0)"), ((left + side, top + side + 14), "(1, 0)")):
        write(sheet, place, text, size=10, align="center")
    lines = (
        ("texture_SIDE.png", True),
        ("sRGB; u to the right, v up:", False),
        ("the image's first row is at v = 1", False),
        ("", False),
        ("uv[uv_faces[f, k]]", True),
        ("of corner k of face f: its own index,", False),
        ("because seams give one vertex two UVs", False),
        ("", False),
        ("left hands use the same UVs:", False),
        ("the mesh is mirrored, not the texture", False),
    )
    for number, (text, bold) in enumerate(lines):
        weight = "bold" if bold else "normal"
        write(sheet, (420, 60 + 19 * number), text, size=10.5, colour=INK, weight=weight)
    return sheet
