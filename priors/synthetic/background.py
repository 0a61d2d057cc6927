"""What is behind a hand: an out-of-focus room of walls, furniture and lamps, none of it real.

picture = room(rng, (640, 480))            # (480, 640, 3) linear RGB
"""

import cv2
import numpy as np
from jaxtyping import Float

# Linear RGB of walls and of things in front of them: muted, as rooms are.
WALLS = np.array([[0.52, 0.50, 0.46], [0.42, 0.45, 0.48], [0.55, 0.48, 0.38], [0.28, 0.32, 0.34], [0.36, 0.40, 0.33]])
THINGS = (4, 10)
FOCUS_BLUR = (0.008, 0.02)  # standard deviation relative to the picture's width


def room(rng: np.random.Generator, size: tuple[int, int]) -> Float[np.ndarray, "height width 3"]:
    """A still background of `size` = (width, height) pixels, linear RGB 0..1."""
    width, height = size
    picture = wall(rng, width, height)
    for _ in range(rng.integers(*THINGS)):
        place_thing(rng, picture)
    blur = width * rng.uniform(*FOCUS_BLUR)
    picture = cv2.GaussianBlur(picture, (0, 0), blur)
    return np.clip(picture * unevenness(rng, width, height), 0.01, 1.0)


def wall(rng: np.random.Generator, width: int, height: int) -> Float[np.ndarray, "height width 3"]:
    """A wall that is lighter towards a lamp, above a table or a floor."""
    colour = WALLS[rng.integers(len(WALLS))] * rng.uniform(0.7, 1.15) + rng.normal(0.0, 0.02, 3)
    y, x = np.mgrid[0:height, 0:width]
    lamp = rng.uniform([-0.3, -0.5], [1.3, 0.4]) * [width, height]
    glow = np.exp(-((x - lamp[0]) ** 2 + (y - lamp[1]) ** 2) / (0.9 * width) ** 2)
    picture = colour * (0.55 + 0.6 * glow)[..., None]
    horizon = int(height * rng.uniform(0.62, 1.05))
    ground = np.clip(colour * rng.uniform(0.3, 0.9) * [1.1, 1.0, 0.85], 0.02, 0.9)
    picture[horizon:] = ground * np.linspace(0.8, 1.1, max(height - horizon, 0))[:, None, None]
    return np.ascontiguousarray(picture)


def place_thing(rng: np.random.Generator, picture: Float[np.ndarray, "height width 3"]) -> None:
    """Draw one rectangle, disc or row of stripes (a picture, a lamp, a shelf) in place."""
    height, width = picture.shape[:2]
    colour = np.clip(rng.beta(1.6, 2.6) + rng.normal(0.0, 0.07, 3), 0.02, 0.95)
    centre = rng.uniform([0.0, 0.0], [width, 0.9 * height])
    half = width * rng.uniform([0.03, 0.03], [0.16, 0.2])
    corners = centre + half * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    kind = rng.random()
    if kind < 0.2:
        cv2.circle(picture, (int(centre[0]), int(centre[1])), int(half[0]), colour.tolist(), -1)
    elif kind < 0.35:
        for left in np.arange(corners[0, 0], corners[1, 0], max(6.0, 0.018 * width)):
            book = np.clip(colour * rng.uniform(0.4, 1.6, 3), 0.02, 0.95)
            top, bottom = int(corners[0, 1] + rng.uniform(0.0, 0.4) * half[1]), int(corners[2, 1])
            cv2.rectangle(picture, (int(left), top), (int(left + 0.014 * width), bottom), book.tolist(), -1)
    else:
        cv2.fillConvexPoly(picture, corners.astype(np.int32), colour.tolist())
        if kind > 0.7:
            inner = (centre + 0.8 * (corners - centre)).astype(np.int32)
            cv2.fillConvexPoly(picture, inner, np.clip(colour * rng.uniform(0.5, 1.8, 3), 0.02, 0.95).tolist())


def unevenness(rng: np.random.Generator, width: int, height: int) -> Float[np.ndarray, "height width 1"]:
    """A factor around 1 that varies slowly over the picture, in three octaves."""
    factor = np.ones((height, width))
    for cells, amplitude in ((3, 0.10), (9, 0.04), (40, 0.02)):
        coarse = rng.normal(0.0, amplitude, (cells, cells + cells // 3))
        factor += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return factor[..., None]
