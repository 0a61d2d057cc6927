"""What may lie behind a hand, as a bank of small pictures made once: rooms, desks, people, plain walls, pure noise.

pictures = backdrops(rng, 96)                         # (96, SIZE, SIZE, 3) uint8, sRGB
light = cut(rng, pictures, 128)                       # (128, 128, 3) linear RGB, any part, either way round
"""

from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from priors.synthetic.background import place_thing, room, wall
from priors.synthetic.desk import desk
from priors.synthetic.sensor import DISPLAY
from priors.synthetic.skin import Skin

SIZE = 224
SMALLEST_CUT = 0.35  # of a picture's side
Picture = Float[np.ndarray, "height width 3"]

# sRGB 0..255 -> linear light.
LIGHT = (np.searchsorted(DISPLAY, np.arange(256)) / (len(DISPLAY) - 1)).astype(np.float32)


def backdrops(rng: np.random.Generator, count: int) -> UInt8[np.ndarray, "count size size 3"]:
    """A mix of all kinds, in turn."""
    makers: tuple[Callable[[np.random.Generator], Picture], ...] = (
        *(soft_room, clutter, soft_desk, portrait),
        *(clutter, plain, noise, soft_room),
    )
    return np.stack([shown(makers[index % len(makers)](rng)) for index in range(count)])


def shown(light: Picture) -> UInt8[np.ndarray, "height width 3"]:
    return DISPLAY[(np.clip(light, 0.0, 1.0) * (len(DISPLAY) - 1) + 0.5).astype(np.int32)]


def cut(
    rng: np.random.Generator, pictures: UInt8[np.ndarray, "count height width 3"], size: int
) -> Float32[np.ndarray, "size size 3"]:
    """Some part of some picture, `size` pixels wide and high, linear RGB."""
    picture = pictures[rng.integers(len(pictures))]
    side = int(rng.uniform(SMALLEST_CUT, 1.0) * SIZE)
    left, top = rng.integers(0, SIZE - side + 1, 2)
    part = cv2.resize(picture[top : top + side, left : left + side], (size, size), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.5:
        part = part[:, ::-1]
    if rng.random() < 0.15:
        part = part[::-1]
    return np.asarray(cv2.LUT(part, LIGHT), np.float32)


def soft_room(rng: np.random.Generator) -> Picture:
    return room(rng, (SIZE, SIZE))


def soft_desk(rng: np.random.Generator) -> Picture:
    return desk(rng, (SIZE, SIZE))


def clutter(rng: np.random.Generator) -> Picture:
    """A wall full of sharp things: shelves, posters, fridges with magnets."""
    picture = wall(rng, SIZE, SIZE)
    for _ in range(rng.integers(8, 40)):
        place_thing(rng, picture)
    picture *= 1.0 + 0.05 * texture(rng, 1.5)[..., None]
    return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.2))


def plain(rng: np.random.Generator) -> Picture:
    """A wall, a sheet or a screen of any one colour, lighter towards one side."""
    colour = np.clip(rng.beta(1.2, 1.2) + rng.normal(0.0, 0.12, 3), 0.01, 0.98)
    if rng.random() < 0.3:
        colour = np.full(3, rng.choice([0.01, 0.5, 0.9]))
    angle, slope = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(0.0, 0.5)
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE - 0.5
    shade = 1.0 + slope * (np.cos(angle) * x + np.sin(angle) * y) + 0.03 * texture(rng, 2.0)
    return colour * shade[..., None]


def noise(rng: np.random.Generator) -> Picture:
    """Random colours that vary over many sizes at once: grass, cloth, gravel, or nothing known."""
    steepness = rng.uniform(0.8, 2.2)
    mean, spread = rng.beta(1.5, 2.0, 3), rng.uniform(0.03, 0.15)
    if rng.random() < 0.4:
        mean = Skin.random(rng).back
    common = texture(rng, steepness)
    own = np.stack([texture(rng, steepness) for _ in range(3)], axis=-1)
    share = rng.uniform(0.2, 1.0)
    return np.clip(mean * (1.0 + spread * 3.0 * (share * common[..., None] + (1.0 - share) * own)), 0.005, 1.0)


def portrait(rng: np.random.Generator) -> Picture:
    """Somebody before a room, as web cameras see them: a torso in cloth, a neck, a head with hair and eyes."""
    picture = room(rng, (SIZE, SIZE))
    skin = Skin.random(rng).back * rng.uniform(0.5, 0.9)
    cloth, hair = np.clip(rng.beta(1.0, 2.0, 3), 0.01, 0.9), np.clip(rng.beta(1.0, 5.0) * np.array([1, 0.8, 0.6]), 0, 1)
    x, y = SIZE * rng.uniform(0.2, 0.8), SIZE * rng.uniform(0.25, 0.5)
    radius = SIZE * rng.uniform(0.12, 0.24)

    def ellipse(dx: float, dy: float, half_width: float, half_height: float, colour: Float[np.ndarray, "3"]) -> None:
        centre = int(x + dx * radius), int(y + dy * radius)
        axes = max(1, int(half_width * radius)), max(1, int(half_height * radius))
        cv2.ellipse(picture, centre, axes, 0.0, 0.0, 360.0, colour.tolist(), -1, cv2.LINE_AA)

    ellipse(0.0, 3.1, 2.1, 1.9, cloth)
    ellipse(0.0, 1.2, 0.45, 0.7, skin * 0.75)
    ellipse(0.0, -0.3, 0.95, 1.1, hair)
    ellipse(0.0, 0.0, 0.75, 1.05, skin)
    for side in (-0.3, 0.3):
        ellipse(side, -0.1, 0.13, 0.07, np.full(3, 0.03))
    ellipse(0.0, 0.25, 0.12, 0.2, skin * 1.15)
    ellipse(0.0, 0.6, 0.25, 0.07, skin * [0.9, 0.5, 0.5])
    picture *= (1.0 + 0.1 * texture(rng, 1.8))[..., None]
    return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.8, 3.0))


def texture(rng: np.random.Generator, steepness: float) -> Float[np.ndarray, "size size"]:
    """Noise of mean 0 and variance 1 whose amplitudes fall with frequency to the power of `steepness`."""
    frequency = np.hypot(np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE)[None])
    frequency[0, 0] = np.inf
    phases = rng.standard_normal((*frequency.shape, 2)) @ [1.0, 1j]
    field = np.fft.irfft2(phases * frequency**-steepness, (SIZE, SIZE))
    return (field - field.mean()) / field.std()
