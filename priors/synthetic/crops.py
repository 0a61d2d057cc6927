"""Square pictures of given hands as a detector would crop them, drawn on the fly with all that makes real ones hard.

    people = People.random(seed=0, model=model)                                    # once
    crops = render_crops(people, hands, rotation_virtual_camera, seeds, size=128)
    crops.pictures                                                                 # (n, 128, 128, 3) uint8 sRGB

Random light, exposure and white balance; backdrops; forearm and sleeve; shadows; other hands and things before and in
the hand; blur, few pixels, noise, compression, frame borders. A sample follows from its own seed alone, whatever the
batch it is in.
"""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, UInt8
from torch import Tensor

from fitter.render.workers import over_frames
from priors.synthetic.backdrops import cut
from priors.synthetic.blending import over, with_hollows
from priors.synthetic.film import cropped_at_borders, exposure, filmed, motion_kernel
from priors.synthetic.forearms import Wear
from priors.synthetic.lamps import Lamps, harmonics
from priors.synthetic.people import HandsInView, People
from priors.synthetic.picture import HOLLOW_RADIUS_M
from priors.synthetic.things import random_thing, stranger

SHEEN = (0.0, 0.1)
SHARES = {"behind": 0.12, "before": 0.2, "held": 0.12, "moving": 0.22, "shaken": 0.08, "shadow": 0.3}
NEARLY_AT_THE_EYE = 0.3  # cosine between the forearm's start and the line of sight
AT_ONCE = 16  # crops whose layers, 0.3 MB each, are kept
LONGEST_BLUR = 0.09  # of the crop's side
MOST_HIDDEN = 0.6  # of the hand's pixels: more leaves nothing to learn from

Layer = Float32[np.ndarray, "size size channels"]
Light = Float32[np.ndarray, "size size 3"]
Mask = Bool[np.ndarray, "size size"]


@dataclass(frozen=True)
class RenderedCrops:
    """`masks` are the visible pixels of the hand without its forearm. Tensors on the CPU.

    `albedo_of_person` is linear, in the layout of `fitter.render.appearance.Appearance.albedo`. `lighting` is in the
    virtual camera's axes, exposure and white balance included (what colour = albedo * irradiance asks for); contrast
    and saturation, which follow in the camera, are not in it.
    """

    pictures: UInt8[Tensor, "n size size 3"]
    masks: Bool[Tensor, "n size size"]
    albedo_of_person: Float32[Tensor, "n texels texels 3"]
    lighting: Float32[Tensor, "n 9 3"]


def render_crops(
    people: People,
    hands: HandsInView,
    rotation_virtual_camera: Float[np.ndarray, "n 3 3"],
    seeds: Int[np.ndarray, "n"],
    size: int = 128,
) -> RenderedCrops:
    """Crops of `size` pixels of right `hands` given in camera axes (vertices, wrists, rotations).

    `hands.cameras` are the matrices of virtual cameras, pixels of the crops; `rotation_virtual_camera` takes camera
    axes to theirs. Lamps stand above and elbows hang below in camera axes. Frames are shared among the cores.
    """
    n = len(seeds)
    pictures, masks = np.empty((n, size, size, 3), np.uint8), np.empty((n, size, size), bool)
    lighting = np.empty((n, 9, 3), np.float32)

    def fill(chunk: slice) -> None:
        for start in range(chunk.start, chunk.stop, AT_ONCE):
            part = slice(start, min(start + AT_ONCE, chunk.stop))
            turn, some = rotation_virtual_camera[part], turned(hands.part(part), rotation_virtual_camera[part])
            pictures[part], masks[part], lighting[part] = rendered(people, some, turn, seeds[part], size)

    over_frames(fill, n)
    albedo = people.albedo[torch.from_numpy(np.asarray(hands.who, np.int64))]
    return RenderedCrops(torch.from_numpy(pictures), torch.from_numpy(masks), albedo, torch.from_numpy(lighting))


def turned(hands: HandsInView, rotation: Float[np.ndarray, "n 3 3"]) -> HandsInView:
    """The same hands in the axes that `rotation` leads to."""
    back = rotation.swapaxes(1, 2)
    return replace(
        hands,
        vertices_m=hands.vertices_m @ back,
        rotation=rotation @ hands.rotation,
        wrist_m=(hands.wrist_m[:, None] @ back)[:, 0],
    )


def rendered(
    people: People,
    hands: HandsInView,
    rotation_virtual_camera: Float[np.ndarray, "n 3 3"],
    seeds: Int[np.ndarray, "n"],
    size: int,
) -> tuple[UInt8[np.ndarray, "n size size 3"], Bool[np.ndarray, "n size size"], Float32[np.ndarray, "n 9 3"]]:
    """Pictures, masks and lighting of hands in the virtual cameras' axes, on one thread."""
    generators = [np.random.default_rng(int(seed)) for seed in seeds]
    lighting, lamp = harmonics([Lamps.random(rng) for rng in generators], rotation_virtual_camera)
    wear = [
        replace(one, elbow=out_of_the_way(turn @ one.elbow, rotation[:, 0], -wrist / np.linalg.norm(wrist)))
        for one, turn, rotation, wrist in zip(
            map(Wear.random, generators), rotation_virtual_camera, hands.rotation, hands.wrist_m, strict=True
        )
    ]
    sheen = np.array([rng.uniform(*SHEEN) for rng in generators])
    layers, masks = people.draw(hands, wear, lighting, lamp, sheen, size)
    rolls = np.arctan2(rotation_virtual_camera[:, 1, 0], rotation_virtual_camera[:, 0, 0])
    pictures = np.empty((len(seeds), size, size, 3), np.uint8)
    for n, rng in enumerate(generators):
        reach_px = HOLLOW_RADIUS_M * hands.cameras[n, 0, 0] / max(hands.wrist_m[n, 2], HOLLOW_RADIUS_M)
        light, mask = composed(rng, people, layers[n], masks[n], reach_px)
        gain = exposure(rng, light)
        picture, inside = cropped_at_borders(filmed(light * gain, people.grain, rng), rng, float(rolls[n]))
        pictures[n], masks[n] = picture, mask & inside
        lighting[n] *= gain
    return pictures, masks, lighting.astype(np.float32)


def out_of_the_way(
    elbow: Float[np.ndarray, "3"], backwards: Float[np.ndarray, "3"], towards_eye: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "3"]:
    """The direction of an elbow whose arm does not hide its own hand: off the line of sight where the hand points away.

    All unit vectors. Nobody's eyes are at the elbow: the arm passes them on the side to which it leans already.
    """
    if backwards @ towards_eye < NEARLY_AT_THE_EYE:
        return elbow
    leaning = backwards - (backwards @ towards_eye) * towards_eye
    aside = elbow - (elbow @ towards_eye) * towards_eye + 1.5 * leaning / max(float(np.linalg.norm(leaning)), 0.1)
    return aside / max(float(np.linalg.norm(aside)), 1e-6)


def composed(rng: np.random.Generator, people: People, layer: Layer, mask: Mask, reach_px: float) -> tuple[Light, Mask]:
    """The light of a whole scene around one hand's `layer`, and what is seen of the hand in it."""
    size = len(layer)
    light = cut(rng, people.backdrops, size) * np.float32(math.exp(rng.normal(-0.25, 0.45)))
    around = np.argwhere(mask)[:, ::-1] if mask.any() else np.array([[size / 2, size / 2]])
    if rng.random() < SHARES["behind"]:
        over(light, stranger(rng, people, place(rng, around, size, 0.8), size))
    if rng.random() < SHARES["shadow"]:
        over(light, cast_shadow(rng, layer[..., 3]))
    hand = with_hollows(layer, reach_px)
    if rng.random() < SHARES["moving"]:
        hand = cv2.filter2D(hand, -1, motion_kernel(rng, LONGEST_BLUR * size), borderType=cv2.BORDER_REPLICATE)
    over(light, hand)
    hidden = np.zeros((size, size), np.float32)
    for kind, nearness in (("held", 0.3), ("before", 1.0)):
        if rng.random() < SHARES[kind]:
            thing = random_thing(rng, people, place(rng, around, size, nearness), size)
            if kind == "held":
                thing *= 1.0 - nearer_half(layer, mask)[..., None]
            thing = cv2.GaussianBlur(thing, (0, 0), rng.uniform(0.3, 1.5))
            if (thing[..., 3] > 0.5)[mask].sum() <= MOST_HIDDEN * mask.sum():
                over(light, thing)
                hidden = np.maximum(hidden, thing[..., 3])
    if rng.random() < SHARES["shaken"]:
        light = cv2.filter2D(light, -1, motion_kernel(rng, LONGEST_BLUR * size), borderType=cv2.BORDER_REPLICATE)
    return light, mask & (hidden < 0.5)


def place(
    rng: np.random.Generator, around: Float[np.ndarray, "pixels 2"] | Int[np.ndarray, "pixels 2"], size: int, far: float
) -> tuple[float, float]:
    """Somewhere about the hand's pixels: one of them, moved off by up to `far` times a quarter of the picture."""
    x, y = around[rng.integers(len(around))] + rng.uniform(-0.25, 0.25, 2) * far * size
    return float(x), float(y)


def cast_shadow(
    rng: np.random.Generator, coverage: Float32[np.ndarray, "size size"]
) -> Float32[np.ndarray, "size size 4"]:
    """What the hand takes from the light of what is behind it: a black layer, its own outline shifted and soft."""
    size = len(coverage)
    shift = rng.normal(0.0, 0.08, 2) * size
    width = 2 * int(size * rng.uniform(0.01, 0.08)) + 1
    moved = cv2.warpAffine(coverage, np.array([[1.0, 0.0, shift[0]], [0.0, 1.0, shift[1]]]), (size, size))
    soft = cv2.blur(cv2.blur(moved, (width, width)), (width, width))
    shadow = np.zeros((size, size, 4), np.float32)
    shadow[..., 3] = soft * np.float32(rng.uniform(0.2, 0.7))
    return shadow


def nearer_half(layer: Layer, mask: Mask) -> Float32[np.ndarray, "size size"]:
    """Coverage by what of hand and arm is nearer than the hand's median: fingers that close around a thing."""
    if not mask.any():
        return np.zeros_like(layer[..., 3])
    depth = layer[..., 4] / np.maximum(layer[..., 3], 1e-3)
    return layer[..., 3] * (depth < np.median(depth[mask]))
