"""A plausible skin for any hand in MANO's schema: an albedo texture painted in 3D at rest, so that it has no seams.

    skin = Skin.random(rng)
    texture = paint_texture(skin, model, size=512)         # (512, 512, 3) linear RGB

What is painted: a tone along the range of human skin, a lighter palm, redder tips, knuckles and palm edges, creases at
the joints, nails, and mottling from coarse to fine.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fitter.hand import HandModel
from fitter.render.shading import srgb_to_linear, vertex_normals
from fitter.render.zbuffer import ZBuffer
from fitter.skeleton import FINGERTIPS
from priors.synthetic.gestures import hinge_frames

# Backs of hands from very light to very dark, sRGB: the ends and middle of the Monk scale's skin swatches, roughly.
TONES = (
    np.array([[238, 206, 188], [226, 184, 156], [204, 154, 120], [160, 112, 80], [112, 76, 56], [72, 50, 40]]) / 255.0
)
PALM_TONE = np.array([232, 186, 168]) / 255.0  # palms hold little pigment
PALM_SHARE = 0.55
FLUSH = np.array([1.04, 0.80, 0.80])  # what a blood-rich place multiplies the albedo by
NAIL = np.array([1.06, 0.93, 0.93])
NAIL_M = (0.0062, 0.0048)  # half length and half width of a nail on the mean hand's fingers
CREASE_M = 0.0011
MOTTLING = ((0.03, 0.06), (0.008, 0.04), (0.0025, 0.03))  # wavelength in metres, relative amplitude


@dataclass(frozen=True)
class Skin:
    """One person's skin. `back` and `palm` are linear albedos; `seed` fixes the mottling."""

    back: Float[np.ndarray, "3"]
    palm: Float[np.ndarray, "3"]
    flush: float
    seed: int

    @staticmethod
    def random(rng: np.random.Generator) -> "Skin":
        position = rng.uniform(0.0, len(TONES) - 1.001)
        low, share = int(position), position % 1.0
        tone = (1.0 - share) * TONES[low] + share * TONES[low + 1]
        back = to_linear(np.clip(tone + rng.normal(0.0, 0.012, 3), 0.02, 0.98))
        palm = (1.0 - PALM_SHARE) * back + PALM_SHARE * to_linear(PALM_TONE) * (0.45 + 0.55 * back.mean() ** 0.35)
        return Skin(back, palm, float(rng.uniform(0.5, 1.2)), int(rng.integers(2**31)))


def paint_texture(skin: Skin, model: HandModel, size: int = 512) -> Float[np.ndarray, "size size 3"]:
    """Linear albedo in the model's UV layout, first row at v = 1; texels off the layout repeat their nearest one."""
    covered, points, directions = texel_points(model, size)
    texture = np.zeros((size, size, 3))
    texture[covered] = albedo(skin, model.joints.double(), points, directions)
    return spread_outwards(texture, covered)


def texel_points(
    model: HandModel, size: int
) -> tuple[Bool[np.ndarray, "size size"], Float[Tensor, "points 3"], Float[Tensor, "points 3"]]:
    """Which texels of the UV layout show the surface, and for these in turn its rest point (metres) and normal."""
    corners = model.uv.double() * torch.tensor([size, -size], dtype=torch.float64) + torch.tensor([0.0, size])
    screen = torch.cat([corners, torch.ones_like(corners[:, :1])], dim=1)
    texels = ZBuffer(cull_back_faces=False).rasterize(screen.unsqueeze(0), model.uv_faces.int(), (size, size))
    covered = texels.covered[0]
    corner_vertices = model.faces.long()[texels.triangle_id[0][covered].long()]
    weights = texels.weights[0][covered].double().unsqueeze(-1)
    normals = vertex_normals(model.template.double(), model.faces)
    points = (weights * model.template.double()[corner_vertices]).sum(1)
    directions = torch.nn.functional.normalize((weights * normals[corner_vertices]).sum(1), dim=-1)
    return covered.numpy(), points, directions


def albedo(
    skin: Skin, joints: Float[Tensor, "21 3"], points: Float[Tensor, "points 3"], normals: Float[Tensor, "points 3"]
) -> Float[np.ndarray, "points 3"]:
    """Linear albedo of rest-pose surface points (metres) with unit normals."""
    at, facing = points.numpy(), normals.numpy()
    palmar = smooth_step(-facing[:, 1], -0.15, 0.55)
    colour = skin.back + palmar[:, None] * (skin.palm - skin.back)
    flush = np.zeros(len(at))
    for tip in FINGERTIPS:
        flush += 0.9 * bump(at, joints[tip].numpy(), 0.013)
    for knuckle in (3, 5, 6, 7, 9, 10, 11, 13, 14, 15, 17, 18, 19):
        flush += (0.55 - 0.3 * palmar) * bump(at, joints[knuckle].numpy() + [0.0, 0.006, 0.0], 0.009)
    heel = joints[[1, 17]].numpy() * [0.8, 1.0, 1.0] + [0.0, -0.015, 0.0]  # the balls of thumb and little finger
    flush += palmar * sum(0.5 * bump(at, centre, 0.018) for centre in heel)
    colour = colour * (1.0 + np.clip(skin.flush * flush, 0.0, 1.0)[:, None] * (FLUSH - 1.0))
    colour = colour * (1.0 - 0.30 * creases(joints.numpy(), at)[:, None])
    colour = colour * mottling(skin.seed, at)[:, None]
    nail, rim = nails(joints, at, facing)
    colour = colour * (1.0 + nail[:, None] * (NAIL - 1.0)) * (1.0 - 0.22 * rim[:, None])
    return np.clip(colour, 0.01, 0.95)


def creases(joints: Float[np.ndarray, "21 3"], at: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "points"]:
    """0..1: thin lines across every finger joint, and the palm's two big lines."""
    depth = np.zeros(len(at))
    for first in (1, 5, 9, 13, 17):
        for joint in (first + 1, first + 2):
            along = joints[joint + 1] - joints[joint]
            length = np.linalg.norm(along)
            offset = at - joints[joint]
            position = offset @ along / length
            near = np.linalg.norm(offset, axis=1) < 0.016
            for shift in (-0.0016, 0.0016):
                depth = np.maximum(depth, near * np.exp(-0.5 * ((position + shift) / CREASE_M) ** 2))
    palmar = smooth_step(-at[:, 1], 0.006, 0.012)
    for start, end, bow in ((5, 17, 0.012), (1, 17, 0.016)):
        low, high = joints[start] * [0.82, 0, 1] + [0, 0, 0.006], joints[end] * [0.72, 0, 1]
        share = np.clip((at[:, 2] - high[2]) / (low[2] - high[2]), 0.0, 1.0)
        line = high[0] + share * (low[0] - high[0]) + bow * np.sin(np.pi * share)
        ends = smooth_step(share, 0.02, 0.15) * smooth_step(1.0 - share, 0.02, 0.15)
        depth = np.maximum(depth, 0.8 * palmar * ends * np.exp(-0.5 * ((at[:, 0] - line) / CREASE_M) ** 2))
    return depth


def nails(
    joints: Float[Tensor, "21 3"], at: Float[np.ndarray, "points 3"], facing: Float[np.ndarray, "points 3"]
) -> tuple[Float[np.ndarray, "points"], Float[np.ndarray, "points"]]:
    """0..1: the nail plates, and their darker rims."""
    plate, rim = np.zeros(len(at)), np.zeros(len(at))
    for finger, axes in enumerate(hinge_frames(joints).numpy()):
        backwards, up, across = axes.T
        size = 1.25 if finger == 0 else (0.85 if finger == 4 else 1.0)
        tip = joints[4 * finger + 4].numpy()
        offset = at - tip
        length = (offset @ backwards - NAIL_M[0] * size * 1.05) / (NAIL_M[0] * size)
        width = offset @ across / (NAIL_M[1] * size)
        radius = (np.abs(length) ** 3 + np.abs(width) ** 3) ** (1.0 / 3.0)
        above = smooth_step(facing @ up, 0.25, 0.5) * (np.linalg.norm(offset, axis=1) < 0.025)
        plate = np.maximum(plate, above * smooth_step(1.0 - radius, 0.0, 0.15))
        rim = np.maximum(rim, above * np.exp(-0.5 * ((radius - 1.0) / 0.13) ** 2))
    return plate, rim


def mottling(seed: int, at: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "points"]:
    """A factor around 1: random waves in space, from blotches to grain."""
    rng = np.random.default_rng(seed)
    factor = np.ones(len(at))
    for wavelength, amplitude in MOTTLING:
        waves = 2.0 * np.pi / wavelength * rng.normal(0.0, 1.0, (8, 3))
        factor += amplitude * np.sin(at @ waves.T + rng.uniform(0.0, 2.0 * np.pi, 8)).sum(1) / 2.0
    return factor


def spread_outwards(
    texture: Float[np.ndarray, "height width 3"], covered: Bool[np.ndarray, "height width"]
) -> Float[np.ndarray, "height width 3"]:
    """Fill texels that are not covered with the nearest covered one, so that filtering sees no seam."""
    empty = np.where(covered, 0, 255).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(empty, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    labels = np.array(nearest, dtype=np.int64)
    colours = np.zeros((labels.max() + 1, 3))
    colours[labels[covered]] = texture[covered]
    return colours[labels]


def bump(
    at: Float[np.ndarray, "points 3"], centre: Float[np.ndarray, "3"], radius: float
) -> Float[np.ndarray, "points"]:
    """A Gaussian around a point, standard deviation `radius` metres."""
    return np.exp(-0.5 * ((at - centre) ** 2).sum(1) / radius**2)


def smooth_step(value: Float[np.ndarray, "*any"], low: float, high: float) -> Float[np.ndarray, "*any"]:
    """0 below `low`, 1 above `high`, smooth between."""
    share = np.clip((value - low) / (high - low), 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)


def to_linear(srgb: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3"]:
    return srgb_to_linear(torch.from_numpy(srgb)).numpy()
