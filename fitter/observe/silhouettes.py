"""Where masks say that the hand ends: signed distances and points on the outline, in window pixels.

    silhouettes = silhouettes_of(masks, inside, trust)
    silhouettes.distance                           # (frames, size, size), negative in the hand

A mask is cut off where the image ends, and the hand goes on: what lies outside of the image is neither hand nor
ground, so that neither distances nor points know an outline there.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from fitter.observe.pictures import Silhouettes
from fitter.render.workers import over_frames

# Distances end at this share of the window's side: what is further off is no neighbour of the outline.
BOUND = 0.25
# Points per frame: a hand's outline in a window of 224 pixels is about twice as long (in pixels).
POINTS = 512
# Blurs the steps of the pixels, which turn normals by up to 45 degrees; rounds a fingertip by less than 0.1 pixels.
SMOOTHING_PX = 1.0
# A threshold for masks of 8 bits: at least half hand.
HALF = 128
# The distance rises by 1 per pixel; where it is this much flatter, a part is too thin to say which side is which.
LEAST_SLOPE = 0.3


def silhouettes_of(
    masks: UInt8[Tensor, "frames size size"] | Bool[Tensor, "frames size size"],
    inside: Bool[Tensor, "frames size size"],
    trust: Float[Tensor, "frames"],
    points: int = POINTS,
) -> Silhouettes:
    """Masks in window pixels (True or at least 128: hand) as distances and at most `points` outline points per frame.

    `inside` are the window pixels that lie in the image. Frames without hand or without ground get trust 0.
    """
    n_frames, size = masks.shape[:2]
    hands = (masks if masks.dtype == torch.bool else masks >= HALF).cpu().numpy()
    seen = inside.cpu().numpy()
    distance = np.zeros((n_frames, size, size), np.float32)
    outline = np.zeros((n_frames, points, 4), np.float32)
    count = np.zeros(n_frames, np.int64)
    believed = trust.detach().cpu().clone()

    def measure(chunk: slice) -> None:
        for t in range(chunk.start, chunk.stop):
            hand, ground = hands[t] & seen[t], ~hands[t] & seen[t]
            if not (believed[t] > 0 and hand.any() and ground.any()):
                believed[t] = 0.0
                continue
            signed = signed_distance(hand, ground)
            found = outline_points(hand, seen[t], signed, points)
            distance[t] = np.clip(signed, -BOUND * size, BOUND * size)
            outline[t, : len(found)], count[t] = found, len(found)

    over_frames(measure, n_frames)
    arrays = (torch.from_numpy(array) for array in (distance, outline, count))
    return Silhouettes(*arrays, trust=believed, inside=inside.cpu())


def signed_distance(
    hand: Bool[np.ndarray, "size size"], ground: Bool[np.ndarray, "size size"]
) -> Float[np.ndarray, "size size"]:
    """Pixels to the border between hand and ground, negative in the hand, a little smoothed.

    The border runs half a pixel from the centres on its sides. Pixels that are neither continue the nearest that are.
    """
    import cv2

    to_hand, to_ground = (
        cv2.distanceTransform((~each).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) for each in (hand, ground)
    )
    # Roots of whole numbers, but for the last digits, which differ from run to run.
    to_hand, to_ground = np.sqrt(np.rint(to_hand**2)), np.sqrt(np.rint(to_ground**2))
    signed = to_hand - to_ground + np.where(hand, 0.5, -0.5).astype(np.float32) * (hand | ground)
    return cv2.GaussianBlur(signed, (0, 0), SMOOTHING_PX, borderType=cv2.BORDER_REPLICATE)


def outline_points(
    hand: Bool[np.ndarray, "size size"],
    inside: Bool[np.ndarray, "size size"],
    signed: Float[np.ndarray, "size size"],
    points: int,
) -> Float[np.ndarray, "found 4"]:
    """Points of distance 0 with their outward normals, evenly along the mask's border, none at the image's border."""
    import cv2

    known = cv2.erode(inside.astype(np.uint8), np.ones((3, 3)), borderType=cv2.BORDER_CONSTANT, borderValue=(0,))
    chains, _ = cv2.findContours(hand.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    pixels = np.asarray(np.concatenate(chains)[:, 0], dtype=np.int64)  # column, row
    steps = np.concatenate([np.linalg.norm(np.roll(chain, -1, 0) - chain, axis=2)[:, 0] for chain in chains])
    kept = known[pixels[:, 1], pixels[:, 0]] > 0
    pixels, steps = pixels[kept], steps[kept]
    if len(pixels) > points:
        along = np.cumsum(steps)
        pixels = pixels[np.searchsorted(along, np.linspace(0.0, along[-1], points, endpoint=False))]
    right, down = (
        cv2.Sobel(signed, cv2.CV_32F, *order, ksize=3, scale=1 / 8, borderType=cv2.BORDER_REPLICATE)
        for order in ((1, 0), (0, 1))
    )

    def slope_at(places: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
        return np.stack([between_pixels(right, places), between_pixels(down, places)], axis=1)

    places = pixels.astype(np.float32)
    for _ in range(2):  # Newton's steps down the distance; the second moves by hundredths of a pixel
        slope = slope_at(places)
        steepness = np.maximum(np.sum(slope**2, axis=1), LEAST_SLOPE**2)
        places = places - slope * (between_pixels(signed, places) / steepness)[:, None]
    slope = slope_at(places)
    length = np.linalg.norm(slope, axis=1, keepdims=True)
    clear = length[:, 0] >= LEAST_SLOPE
    return np.concatenate([places + 0.5, slope / np.maximum(length, LEAST_SLOPE)], axis=1)[clear]


def between_pixels(field: Float[np.ndarray, "size size"], places: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n"]:
    """A field between its pixels, bilinear; `places` (x, y) count from the centre of the first pixel."""
    low = np.clip(np.floor(places).astype(int), 0, len(field) - 2)
    (right, down), (column, row) = np.clip(places - low, 0.0, 1.0).astype(np.float32).T, low.T
    upper = (1.0 - right) * field[row, column] + right * field[row, column + 1]
    lower = (1.0 - right) * field[row + 1, column] + right * field[row + 1, column + 1]
    return (1.0 - down) * upper + down * lower
