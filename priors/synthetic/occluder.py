"""A thing that gets in the way: solid, textured, lit like the hand, and always nearer to the camera than any of it.

    occluder = occluder_before(rng, camera, masks, nearest_m, moments_s, share=0.3)
    occluder.share                                   # (frames,) what it hides of the hand, measured
    vertices = occluder.vertices(frame, moment)      # (V, 3) metres, camera axes

Its size is found so that it hides the wanted share of the hand's visible pixels, on average over the clip.
"""

from dataclasses import dataclass, replace

import numpy as np
import roma
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

from fitter.camera import Camera
from fitter.render.rasterizer import to_screen
from fitter.render.zbuffer import ZBuffer
from priors.synthetic.motion import wander
from priors.synthetic.picture import Surfaces
from priors.synthetic.skin import Skin

GAP_M = 0.02  # between the thing and the nearest point of the hand in the whole clip
# It follows the hand's middle as slowly as this, and wanders across it by this share of the hand's span.
FOLLOWS_S, WANDERS_SHARE, WANDER_PERIODS_S = 0.4, 0.3, (1.2, 3.0)
TUMBLE_RAD, TUMBLE_PERIODS_S = 0.5, (1.5, 5.0)
# A superellipsoid: half axes before scaling, and powers from an ellipsoid to a box with round edges.
HALF_AXES, POWERS = (0.6, 1.3), (2.0, 7.0)
SUBDIVISIONS = 5  # of an icosahedron: 10242 vertices, 1 to 2 pixels apart on a thing of 80 pixels
# Radius over distance: from a marble's to a ball's that hides everything.
SMALLEST, LARGEST, HALVINGS = 0.002, 0.6, 11
SKIN_COLOURED = 0.3  # share of things that have a colour of skin among theirs


@dataclass(frozen=True)
class Occluder:
    """`rest` are its vertices around its middle; rotation and middle at every moment of every frame's shutter.

    `share` is the part of the hand's visible pixels that it hides in each frame, 0 where no hand is visible. Metres.
    """

    surfaces: Surfaces
    rest: Float[Tensor, "vertices 3"]
    rotation: Float[Tensor, "frames moments 3 3"]
    middle: Float[Tensor, "frames moments 3"]
    share: Float[np.ndarray, "frames"]

    def vertices(self, frame: int, moment: int) -> Float[Tensor, "vertices 3"]:
        return self.rest @ self.rotation[frame, moment].mT + self.middle[frame, moment]

    def mask(self, frame: int, camera: Camera) -> Bool[np.ndarray, "height width"]:
        """Its pixels in the middle of the shutter's time."""
        screen = to_screen(camera, self.vertices(frame, self.middle.shape[1] // 2))[None]
        return ZBuffer().rasterize(screen, self.surfaces.faces, (camera.width, camera.height)).covered[0].numpy()

    def hidden(self, masks: Bool[np.ndarray, "frames height width"], camera: Camera) -> Float[np.ndarray, "frames"]:
        """The share of each frame's mask that it hides; 0 for an empty mask."""
        return np.array(
            [
                (mask & self.mask(frame, camera)).sum() / mask.sum() if mask.any() else 0.0
                for frame, mask in enumerate(masks)
            ]
        )


def occluder_before(
    rng: np.random.Generator,
    camera: Camera,
    masks: Bool[np.ndarray, "frames height width"],
    nearest_m: float,
    moments_s: Float[np.ndarray, "frames moments"],
    share: float,
) -> Occluder:
    """A random thing that hides `share` of the hand on average over the frames that show it.

    `masks` are the hand's visible pixels without the thing, `nearest_m` is how near the hand ever comes. Where no
    size would hide so much (a hand that leaves the picture), the largest is returned; `Occluder.share` tells.
    """
    rest, faces = superellipsoid(rng)
    colours = pattern(rng, rest)
    tumble = wander(rng, moments_s.ravel(), 3, TUMBLE_PERIODS_S) * TUMBLE_RAD
    rotation = roma.rotvec_to_rotmat(torch.from_numpy(tumble)).unflatten(0, moments_s.shape)
    rays = camera.rays(torch.from_numpy(path(rng, masks, moments_s)))
    surfaces = Surfaces(
        faces=faces,
        uv=np.zeros((0, 2)),
        uv_faces=np.zeros((0, 3), np.int32),
        texture=np.zeros((1, 1, 3)),
        colours=colours,
    )
    visible = masks.any((1, 2))

    def of_size(ratio: float) -> Occluder:
        """The thing whose radius is `ratio` times its distance, as far away as it may be."""
        distance = (nearest_m - GAP_M) / (1.0 + ratio)
        sized = Occluder(surfaces, rest * (ratio * distance), rotation, rays * distance, np.zeros(len(visible)))
        return replace(sized, share=sized.hidden(masks, camera))

    low, high = SMALLEST, LARGEST
    for _ in range(HALVINGS):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if of_size(middle).share[visible].mean() > share else (middle, high)
    return of_size(high)


def superellipsoid(rng: np.random.Generator) -> tuple[Float[Tensor, "vertices 3"], Tensor]:
    """A convex solid whose farthest point is 1 from its middle, and its outward faces."""
    from trimesh.creation import icosphere

    ball = icosphere(subdivisions=SUBDIVISIONS)
    directions, half = np.asarray(ball.vertices), rng.uniform(*HALF_AXES, 3)
    power = rng.uniform(*POWERS)
    radius = (np.abs(directions / half) ** power).sum(1) ** (-1.0 / power)
    points = directions * (radius / radius.max())[:, None]
    return torch.from_numpy(points), torch.from_numpy(np.asarray(ball.faces, np.int32))


def pattern(rng: np.random.Generator, at: Float[Tensor, "vertices 3"]) -> Float[np.ndarray, "vertices 3"]:
    """Linear albedo of a thing of radius 1: stripes, checks or spots in two colours, with a third and a grain."""
    points = at.numpy()
    colours = np.clip(rng.beta(1.3, 1.9, (3, 3)), 0.02, 0.95)
    if rng.random() < SKIN_COLOURED:
        colours[rng.integers(3)] = Skin.random(rng).back
    turned = points @ random_axes(rng)
    waves = np.sin(turned * rng.uniform(5.0, 16.0, 3) + rng.uniform(0.0, 2.0 * np.pi, 3))
    kind = rng.integers(3)
    if kind == 0:
        value = waves[:, 0] + 0.4 * waves[:, 1]
    elif kind == 1:
        value = waves[:, 0] * waves[:, 1]
    else:
        value = waves.sum(1) - 0.8
    first = np.clip(0.5 + 4.0 * value, 0.0, 1.0)[:, None]
    third = np.clip(0.5 + 8.0 * (np.abs(turned[:, 2]) - rng.uniform(0.1, 0.3)), 0.0, 1.0)[:, None]
    painted = third * (first * colours[0] + (1.0 - first) * colours[1]) + (1.0 - third) * colours[2]
    grain = np.sin(points @ rng.normal(0.0, 40.0, (3, 6))).sum(1) / 6.0
    return np.clip(painted * (1.0 + 0.12 * grain)[:, None], 0.01, 0.95)


def random_axes(rng: np.random.Generator) -> Float[np.ndarray, "3 3"]:
    """Orthonormal axes in any direction."""
    return np.linalg.qr(rng.standard_normal((3, 3)))[0]


def path(
    rng: np.random.Generator,
    masks: Bool[np.ndarray, "frames height width"],
    moments_s: Float[np.ndarray, "frames moments"],
) -> Float[np.ndarray, "frames moments 2"]:
    """Pixels over time: slowly after the hand's middle, and to and fro across it."""
    time_s = moments_s[:, moments_s.shape[1] // 2]
    visible = masks.any((1, 2))
    if not visible.any():
        return np.broadcast_to(np.array(masks.shape[:0:-1]) / 2.0, (*moments_s.shape, 2)).copy()
    middles = np.array([np.argwhere(mask)[:, ::-1].mean(0) + 0.5 for mask in masks[visible]])
    step_s = (time_s[-1] - time_s[0]) / max(len(time_s) - 1, 1)
    followed = np.stack([np.interp(time_s, time_s[visible], middles[:, axis]) for axis in range(2)], axis=1)
    followed = gaussian_filter1d(followed, FOLLOWS_S / max(step_s, 1e-3), axis=0, mode="nearest")
    span = np.sqrt(masks[visible].sum((1, 2)).mean() * 2.0)  # a hand fills about half of the square around it
    wandering = wander(rng, moments_s.ravel(), 2, WANDER_PERIODS_S).reshape(*moments_s.shape, 2)
    slow = np.stack([np.interp(moments_s, time_s, followed[:, axis]) for axis in range(2)], axis=-1)
    return slow + WANDERS_SHARE * span * wandering
