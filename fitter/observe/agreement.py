"""Does a mask show the hand that the keypoints show, and which part of it is this hand?

    beyond = beyond_wrist(windows.of_image(scene.keypoints), windows.size)
    masks = belonging(cut.masks, covered, beyond)          # without the other hand, the face behind, specks
    verdict = consistent(masks, covered, beyond, windows.of_image(evidence.keypoints_px), confidence, cut.inside)
    verdict.agrees, verdict.dropped(trust > 0)             # per frame; how many frames for which reason

All in window pixels, centres at +0.5. What lies beyond the wrist is the forearm's: some masks hold it, some do not,
and neither is held against them.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from fitter.observe.masks import HAND
from fitter.render.workers import over_frames
from fitter.skeleton import FINGERTIPS

# Share of the window's side within which the mesh of a keypoint fit finds its hand: the window is about 1.3 hands
# wide, so this is 0.16 of a hand or 30 mm, six times the median error of such a mesh (5.4 mm, see the synthetic clips).
REACH = 0.125
# The forearm begins this share of the palm's length before the wrist joint: a bent wrist brings one edge of the arm
# forward by half the arm's width times the sine of the bend, 0.3 * sin(60 degrees) of the palm's length.
WRIST_ZONE = 0.25
PALM_PER_WIDTH = 1.2  # length from wrist to knuckles over the width of the knuckles, where the palm is foreshortened
KNUCKLES = (5, 9, 13, 17)
# A tip's keypoint lies at the nail or on the outline: this share of the last bone back, it lies on the finger.
TIP_INSIDE = 0.3

# A keypoint of less confidence is not asked; detectors that always answer give guesses less than this.
CONFIDENT = 0.5
# Share of the confident keypoints that a mask must hold, grown by SLACK of the window's side, and its least
# intersection over union with the mesh before the wrist. Masks by colour of four real clips (1641 frames; of about
# 100 looked at, those of blurred fingers were ragged, none was of something else) reach 0.90 and 0.62 at least, for the
# mesh of a keypoint fit is thinner than the hand; true masks of synthetic clips shifted by 10 of 224 pixels, a finger's
# breadth, fail in half of the frames, by 15 in nine of ten.
LEAST_KEYPOINTS = 0.85
SLACK = 0.02
LEAST_OVERLAP = 0.55
REASONS = ("agrees", "shows no hand", "misses the keypoints", "differs from the mesh")


@dataclass(frozen=True)
class Verdict:
    """What became of each frame's mask, as a row of REASONS, and the two shares that it was judged by."""

    reason: Int[Tensor, "frames"]
    keypoint_share: Float[Tensor, "frames"]
    overlap: Float[Tensor, "frames"]

    @property
    def agrees(self) -> Bool[Tensor, "frames"]:
        return self.reason == 0

    def dropped(self, asked: Bool[Tensor, "frames"]) -> dict[str, int]:
        """How many of the frames `asked` for are dropped, by reason; reasons that do not occur are left out."""
        counts = [int(((self.reason == index) & asked).sum()) for index in range(len(REASONS))]
        return {REASONS[index]: counts[index] for index in range(1, len(REASONS)) if counts[index]}


def beyond_wrist(keypoints_px: Float[Tensor, "frames 21 2"], size: int) -> Bool[Tensor, "frames size size"]:
    """Where the forearm may be: the half plane behind the wrist, as seen from the knuckles.

    Where the palm points at the camera its width tells how large it is; the zone then reaches over the knuckles.
    """
    wrist, knuckles = keypoints_px[:, 0], keypoints_px[:, list(KNUCKLES)].mean(dim=1)
    length = (wrist - knuckles).norm(dim=1)
    width = (keypoints_px[:, KNUCKLES[0]] - keypoints_px[:, KNUCKLES[-1]]).norm(dim=1)
    backwards = (wrist - knuckles) / length.clamp_min(1e-6)[:, None]
    palm = torch.maximum(length, PALM_PER_WIDTH * width)
    centres = torch.arange(size, dtype=keypoints_px.dtype) + 0.5
    along_x = (centres - wrist[:, :1]) * backwards[:, :1]
    along_y = (centres - wrist[:, 1:]) * backwards[:, 1:]
    return along_x[:, None, :] + along_y[:, :, None] > -WRIST_ZONE * palm[:, None, None]


def belonging(
    masks: UInt8[Tensor, "frames size size"],
    covered: Bool[Tensor, "frames size size"],
    beyond: Bool[Tensor, "frames size size"],
) -> UInt8[Tensor, "frames size size"]:
    """The masks without what is not this hand: connected pieces that the mesh (`covered`) does not touch, and all that
    is further from it than REACH and not beyond the wrist.

    Another hand that touches this one stays as far as REACH goes: whether the mask is then still of use, `consistent`
    tells.
    """
    kept = masks.numpy().copy()
    meshes, forearms = covered.numpy(), beyond.numpy()

    def clear(chunk: slice) -> None:
        for t in range(chunk.start, chunk.stop):
            kept[t][~touched(kept[t] >= HAND, meshes[t], forearms[t])] = 0

    over_frames(clear, len(kept))
    return torch.from_numpy(kept)


def touched(
    hand: Bool[np.ndarray, "size size"], mesh: Bool[np.ndarray, "size size"], forearm: Bool[np.ndarray, "size size"]
) -> Bool[np.ndarray, "size size"]:
    """The pieces of `hand` that touch the mesh, within reach of it."""
    within = hand & (near(mesh, REACH * len(mesh)) | forearm)
    _, piece = cv2.connectedComponents(within.astype(np.uint8), connectivity=4)
    ours = np.unique(piece[mesh & within])
    return within & np.isin(piece, ours[ours > 0])


def near(pixels: Bool[np.ndarray, "size size"], distance: float) -> Bool[np.ndarray, "size size"]:
    """All pixels at most `distance` (in pixels) from the given ones."""
    if not pixels.any():
        return np.zeros_like(pixels)
    return cv2.distanceTransform((~pixels).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) <= distance


def consistent(
    masks: UInt8[Tensor, "frames size size"],
    covered: Bool[Tensor, "frames size size"],
    beyond: Bool[Tensor, "frames size size"],
    keypoints_px: Float[Tensor, "frames 21 2"],
    confidence: Float[Tensor, "frames 21"],
    inside: Bool[Tensor, "frames size size"],
) -> Verdict:
    """Whether each frame's mask holds the detected keypoints and overlaps the mesh; only pixels `inside` the image are
    asked. A frame without a confident keypoint in the image is judged by the mesh alone.
    """
    hand, asked = (masks >= HAND) & inside, inside & ~beyond
    both = (hand & covered & asked).sum(dim=(1, 2)).double()
    either = ((hand | covered) & asked).sum(dim=(1, 2)).double()
    overlap = both / either.clamp_min(1.0)
    share = keypoint_share(hand, inside, keypoints_px, confidence >= CONFIDENT)
    reason = torch.where(overlap < LEAST_OVERLAP, 3, 0)
    reason = torch.where(share < LEAST_KEYPOINTS, 2, reason)
    reason = torch.where(hand.any(dim=2).any(dim=1), reason, 1)
    return Verdict(reason, share, overlap)


def keypoint_share(
    hand: Bool[Tensor, "frames size size"],
    inside: Bool[Tensor, "frames size size"],
    keypoints_px: Float[Tensor, "frames 21 2"],
    asked: Bool[Tensor, "frames 21"],
) -> Float[Tensor, "frames"]:
    """Share of the `asked` keypoints in the image that lie in the mask or within SLACK of the window's side from it;
    1 where none is asked.
    """
    size = hand.shape[1]
    points = keypoints_px.clone()
    for tip in FINGERTIPS.tolist():
        points[:, tip] = torch.lerp(points[:, tip], points[:, tip - 1], TIP_INSIDE)
    pixel = points.floor().long()
    asked = asked & ((pixel >= 0) & (pixel < size)).all(dim=2)
    column, row = pixel.clamp(0, size - 1).unbind(dim=2)
    frame = torch.arange(len(hand))[:, None]
    asked = asked & inside[frame, row, column]
    grown = torch.from_numpy(np.stack([near(mask, SLACK * size) for mask in hand.numpy()]))
    held = grown[frame, row, column] & asked
    return torch.where(asked.any(dim=1), held.sum(dim=1).double() / asked.sum(dim=1).clamp_min(1), 1.0)
