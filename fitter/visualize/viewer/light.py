"""Light for looking at shape: a soft lamp beside the eye, a rim from behind, and parts that shade each other.

    colours = to_srgb(albedo * lit(points_m, normals, balls_m, viewpoint))

The lamp moves with the eye, so that shape reads from everywhere.
"""

import numpy as np
import torch
from jaxtyping import Float, Float64

from fitter.render.shading import linear_to_srgb, srgb_to_linear
from fitter.skeleton import BONES, POINT_PARENTS
from fitter.visualize.viewer.viewpoint import Viewpoint

# Unit vector from the hand to the lamp, in the eye's axes: above its left shoulder, as the overlay's.
TOWARDS_LAMP = np.array([-0.36, -0.57, -0.74])
LAMP, DARKEST = 1.12, 0.13  # its strength, and the share of it on the side turned away from it: no black
RIM = 0.35  # light from behind along the upper border, which lifts the hand off a dark background
RIM_TINT = np.array([0.55, 0.68, 0.9])
# A soft sheen, as on dry skin: how strong and how narrow (Blinn and Phong's exponent).
SHEEN, SHEEN_EXPONENT = 0.10, 18.0
# Shadows between parts: each bone is a row of balls about as thick as a finger (8 mm, half of the 16-18 mm that
# fingers measure across their joints), each of which takes away the light that it hides.
BALL_M, SHADOW = 0.008, 1.6


def lit(
    points_m: Float64[np.ndarray, "points 3"],
    normals: Float64[np.ndarray, "points 3"],
    balls_m: Float64[np.ndarray, "balls 3"],
    view: Viewpoint,
) -> Float64[np.ndarray, "points 3"]:
    """What a white surface among these balls would send to the eye, linear RGB."""
    towards_eye = view.eye_m - points_m
    towards_eye /= np.maximum(np.linalg.norm(towards_eye, axis=1, keepdims=True), 1e-9)
    turned = normals @ view.rotation.T
    wrapped = 0.5 + 0.5 * turned @ TOWARDS_LAMP
    facing = np.clip((normals * towards_eye).sum(axis=1), 0.0, 1.0)
    light = LAMP * (DARKEST + (1.0 - DARKEST) * wrapped**2) * (0.45 + 0.55 * np.sqrt(facing))
    rim = RIM * (1.0 - facing) ** 3 * np.clip(0.4 - 0.6 * turned[:, 1], 0.0, 1.0)
    halfway = TOWARDS_LAMP @ view.rotation + towards_eye
    halfway /= np.linalg.norm(halfway, axis=1, keepdims=True)
    sheen = SHEEN * np.clip((normals * halfway).sum(axis=1), 0.0, 1.0) ** SHEEN_EXPONENT
    return ((light + sheen) * openness(points_m, normals, balls_m))[:, None] + rim[:, None] * RIM_TINT


def openness(
    points_m: Float64[np.ndarray, "points 3"],
    normals: Float64[np.ndarray, "points 3"],
    balls_m: Float64[np.ndarray, "balls 3"],
) -> Float64[np.ndarray, "points"]:
    """The share of light, 0..1, that the balls leave; one behind the surface hides nothing."""
    square = (points_m**2).sum(1)[:, None] - 2.0 * points_m @ balls_m.T + (balls_m**2).sum(1)
    square = np.maximum(square, BALL_M**2)
    height = normals @ balls_m.T - (normals * points_m).sum(1)[:, None]  # of a ball above the point's horizon
    # A ball of solid angle ~ r^2 / d^2, weighted by the cosine to it.
    hidden = (np.maximum(height - 0.25 * BALL_M, 0.0) / np.sqrt(square) * BALL_M**2 / square).sum(axis=1)
    return 1.0 / (1.0 + SHADOW * hidden)


def balls_of(joints_m: Float[np.ndarray, "21 3"]) -> Float64[np.ndarray, "40 3"]:
    """Where a hand's balls are: at each joint and in the middle of each bone."""
    joints = joints_m.astype(np.float64)
    starts, ends = joints[POINT_PARENTS[BONES]], joints[BONES]
    return np.concatenate([ends, 0.5 * (starts + ends)])


def to_linear(srgb: Float[np.ndarray, "*any 3"]) -> Float64[np.ndarray, "*any 3"]:
    """Display values 0..1 -> linear light."""
    return srgb_to_linear(torch.from_numpy(np.array(srgb, dtype=np.float64))).numpy()


def to_srgb(linear: Float64[np.ndarray, "*any 3"]) -> Float64[np.ndarray, "*any 3"]:
    """Linear light -> display values 0..1, what is brighter than white clipped."""
    return linear_to_srgb(torch.from_numpy(np.ascontiguousarray(linear))).clamp(0.0, 1.0).numpy()
