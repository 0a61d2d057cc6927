"""Things between hand and camera, or in the hand: another hand, a finger of somebody, a cup, a sheet, a rod.

    thing = random_thing(rng, people, (x, y), 128)         # (128, 128, 4) linear RGB times coverage, and coverage

They are flat pictures with a shade across them: cheap, and hard enough to see past.
"""

import math

import cv2
import numpy as np
from jaxtyping import Float, Float32

from priors.synthetic.backdrops import cut
from priors.synthetic.people import STRANGER_PX, People

# Shares of a hand's layer, a flat shape with any picture on it, a shaded limb.
KINDS = (0.4, 0.4, 0.2)
CORNERS = 28
DECODED = (np.arange(256) / 255.0).astype(np.float32)
Layer = Float32[np.ndarray, "size size 4"]
Colour = Float[np.ndarray, "3"]


def random_thing(rng: np.random.Generator, people: People, middle: tuple[float, float], size: int) -> Layer:
    """Any thing around `middle` (pixels), from a fifth to two thirds of the picture's width."""
    kind = rng.choice(3, p=KINDS)
    if kind == 0:
        return stranger(rng, people, middle, size)
    return shape(rng, people, middle, size) if kind == 1 else limb(rng, people, middle, size)


def stranger(rng: np.random.Generator, people: People, middle: tuple[float, float], size: int) -> Layer:
    """Another hand, left or right, near or far, as bright as it happens to be."""
    picture = people.strangers[rng.integers(len(people.strangers))]
    scale, angle = size / STRANGER_PX * rng.uniform(0.5, 1.4), rng.uniform(0.0, 2.0 * math.pi)
    turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    if rng.random() < 0.5:
        turn = turn @ np.diag([-1.0, 1.0])
    shift = np.array(middle) - turn @ [STRANGER_PX / 2, STRANGER_PX / 2]
    warped = cv2.warpAffine(picture, np.column_stack([turn, shift]), (size, size))
    placed = np.asarray(cv2.LUT(warped, DECODED), np.float32)
    placed[..., :3] *= placed[..., :3]
    placed[..., :3] *= np.float32(math.exp(rng.normal(0.0, 0.3)))
    return placed


def shape(rng: np.random.Generator, people: People, middle: tuple[float, float], size: int) -> Layer:
    """A rod, card, bottle or ball: a round-cornered outline, any picture inside, lighter along one side."""
    long, thin = size * rng.uniform(0.12, 0.4), rng.beta(1.2, 1.2)
    half = np.array([long, max(1.5 * size / 128.0, long * (0.08 + 0.92 * thin))])
    round_angle = np.linspace(0.0, 2.0 * math.pi, CORNERS, endpoint=False)
    power = rng.uniform(0.25, 1.0)  # 1: an ellipse; towards 0: a rectangle
    circle = np.stack([np.cos(round_angle), np.sin(round_angle)], axis=1)
    outline = np.sign(circle) * np.abs(circle) ** power * half
    angle = rng.uniform(0.0, math.pi)
    along, across = np.array([math.cos(angle), math.sin(angle)]), np.array([-math.sin(angle), math.cos(angle)])
    corners = np.array(middle) + outline @ np.stack([along, across])
    coverage = np.zeros((size, size), np.float32)
    cv2.fillConvexPoly(coverage, np.rint(corners * 16.0).astype(np.int32), [1.0], cv2.LINE_AA, shift=4)
    y, x = np.ogrid[0:size, 0:size]
    place = ((x - middle[0]) * across[0] + (y - middle[1]) * across[1]).astype(np.float32) / np.float32(half[1])
    shade = np.float32(rng.uniform(0.5, 1.3)) * (1.0 + np.float32(rng.uniform(-0.6, 0.6)) * place)
    if rng.random() < 0.4:
        surface = np.broadcast_to(np.clip(rng.beta(1.0, 1.3, 3), 0.01, 0.95).astype(np.float32), (size, size, 3))
    else:
        surface = cut(rng, people.backdrops, size)
    weight = (np.clip(shade, 0.1, 2.0) * coverage)[..., None]
    return np.concatenate([surface * weight, coverage[..., None]], axis=2)


def limb(rng: np.random.Generator, people: People, middle: tuple[float, float], size: int) -> Layer:
    """A finger or an arm of one of the people, without detail: a capsule, lighter inside."""
    colour = people.forearms[rng.integers(len(people.forearms))].mean((0, 1)) * rng.uniform(0.3, 1.1)
    angle, length = rng.uniform(0.0, 2.0 * math.pi), size * rng.uniform(0.2, 1.0)
    start = np.array(middle)
    end = start + length * np.array([math.cos(angle), math.sin(angle)])
    thickness = size * rng.uniform(0.06, 0.22)
    layer = np.zeros((size, size, 4), np.float32)
    points = [tuple(np.rint(16.0 * point).astype(int).tolist()) for point in (start, end)]
    for share in (1.0, 0.8, 0.55, 0.3):
        drawn = [*(colour * (1.25 - 0.6 * share)).tolist(), 1.0]
        cv2.line(layer, points[0], points[1], drawn, max(1, int(share * thickness)), cv2.LINE_AA, shift=4)
    return layer
