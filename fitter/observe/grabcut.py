"""Masks made on the spot: the clip's colours of hand and background, then one cut per frame along the edges.

    colours = learned(cut, covered, beyond, trust)
    masks = segment(cut, covered, beyond, trust, colours)       # (frames, size, size) uint8, 0 or 255

After GrabCut (Rother, Kolmogorov and Blake 2004; OpenCV's): two mixtures of Gaussians say how likely a colour is for
hand and for background, a graph cut places the border where colours change. Here the mesh of the keypoint fit takes
the part of the user's strokes, and the mixtures are learned once, from frames all over the clip: a hand whose fingers
are off by their width in one frame is not in the others.
"""

import logging
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from fitter.observe.agreement import REACH, belonging, near
from fitter.observe.footage import Cut, averaged
from fitter.observe.masks import HAND, WHITE
from fitter.observe.resample import SHARE
from fitter.render.workers import over_frames

log = logging.getLogger(__name__)

# The side in pixels at which frames are cut, at most, and at which colours are learned. Cutting at 112 and enlarging
# is four times faster and costs 0.014 of intersection over union with the truth (eight synthetic clips).
CUT_SIZE, LEARN_SIZE = 224, 112
LEARN_FRAMES = 12
LEARN_STEPS = 4
# Pixels of the mesh further than this share of the window's side from its outline are hand for certain: 4 px of 224,
# about 4 mm, the mesh's own error.
CERTAIN = 0.018
LEAST_SEEDS = 25  # pixels that are certain, of either kind, in a frame that colours are learned from
# A pixel whose colour is this much likelier (natural logarithm) for background is background. The cut alone prefers
# short borders so much that it fills the gaps between spread fingers.
CERTAIN_COLOUR = 4.0
SUREST_COLOUR = 2.0 * CERTAIN_COLOUR  # no single pixel decides for its neighbours, least of all across a border
# Share of the mesh's certain pixels whose colour may be likelier for background: at most 0.08 in four real and four
# synthetic clips, about 0.4 (median) where the mesh lies a quarter of the hand beside it. Such a frame gets no mask.
MOST_STRAY = 0.25
# Least difference of what the colours say (natural logarithm) between certain hand and certain background: 13 to 16 in
# eight synthetic clips, 1.3 to 11 in the same clips in grey, 0.0 where clips are noise or of one colour. There the cut
# would end at the strokes, well inside the hand.
LEAST_APART = 1.0
# Standard deviation in values of 0..255 of a sensor's noise and of the colour table's steps: mixtures learned from flat
# colours must not be surer than that.
COLOUR_NOISE = 2.0
TABLE_SHIFT = 2  # the colour table has one entry for 4 x 4 x 4 colours
COMPONENTS = 5  # of each of OpenCV's mixtures, stored as 5 weights, 5 means of 3, 5 covariances of 3 x 3
SMOOTH_PX = 0.7  # a border between pixels, not along their sides
SEED = 0  # of OpenCV's k-means
NO_RECTANGLE = (0, 0, 0, 0)  # OpenCV asks for one also where the classes say all


@dataclass(frozen=True)
class ColourModel:
    """OpenCV's mixtures, and for every colour the logarithm of how much likelier it is for hand than background."""

    background: Float[np.ndarray, "1 numbers"]
    hand: Float[np.ndarray, "1 numbers"]
    evidence: Float[np.ndarray, "reds greens blues"]

    @staticmethod
    def of(background: Float[np.ndarray, "1 numbers"], hand: Float[np.ndarray, "1 numbers"]) -> "ColourModel":
        """With what the mixtures say of every colour."""
        evidence = colour_table(hand) - colour_table(background)
        return ColourModel(background, hand, evidence.clip(-SUREST_COLOUR, SUREST_COLOUR))


def segment(
    cut: Cut,
    covered: Bool[Tensor, "frames size size"],
    beyond: Bool[Tensor, "frames size size"],
    trust: Float[Tensor, "frames"],
    model: ColourModel | None,
) -> UInt8[Tensor, "frames size size"]:
    """0 or 255: where the hand is seen in the frames with `trust` above 0; all 0 in the others, and without a model of
    the colours, `learned` from these frames or others of the same clip.

    `covered` is where the mesh of the keypoint fit is seen, `beyond` where the forearm may be: there the colours
    decide alone. Equal input gives equal masks.
    """
    size = min(cut.size, CUT_SIZE)
    if model is None:
        return torch.zeros(cut.rgb.shape[:3], dtype=torch.uint8)
    work, mesh, forearm = cut.resized(size), shrunk(covered, size).numpy(), shrunk(beyond, size).numpy()
    rgb, inside = work.rgb.numpy(), work.inside.numpy()
    masks = np.zeros(rgb.shape[:3], np.uint8)

    def cut_out(chunk: slice) -> None:
        for t in range(chunk.start, chunk.stop):
            if trust[t] > 0 and mesh[t].any():
                masks[t] = hand_of_frame(rgb[t], seeds(mesh[t], forearm[t], inside[t]), model)

    over_frames(cut_out, len(masks))
    whole = belonging(torch.from_numpy(masks), torch.from_numpy(mesh), torch.from_numpy(forearm))
    return smoothed(whole, cut.size)


def learned(
    cut: Cut,
    covered: Bool[Tensor, "frames size size"],
    beyond: Bool[Tensor, "frames size size"],
    trust: Float[Tensor, "frames"],
) -> ColourModel | None:
    """The colours of hand and background in the clip, from a dozen trusted frames; None if no frame is of use, or the
    colours do not tell hand from background.
    """
    trusted = torch.nonzero(trust > 0).flatten()
    if len(trusted) == 0:
        return None
    some = trusted[torch.linspace(0, len(trusted) - 1, LEARN_FRAMES).round().long().unique()]
    size = min(cut.size, LEARN_SIZE)
    small = Cut(cut.rgb[some], cut.inside[some]).resized(size)
    mesh, forearm = shrunk(covered[some], size).numpy(), shrunk(beyond[some], size).numpy()
    rows, strokes = [], []
    for t in range(len(some)):
        stroke = seeds(mesh[t], forearm[t], small.inside[t].numpy())
        if min((stroke == cv2.GC_FGD).sum(), (stroke == cv2.GC_BGD).sum()) >= LEAST_SEEDS:
            rows.append(small.rgb[t].numpy())
            strokes.append(stroke)
    if not rows:
        return None
    tall, classes = np.concatenate(rows), np.concatenate(strokes)
    first = mixtures(tall, classes.copy())
    # What the mesh covers but has the background's colours is an object before the hand, or the mesh is not on it.
    certain = classes == cv2.GC_FGD, classes == cv2.GC_BGD
    classes[certain[0] & (evidence_of(tall, first) < 0.0)] = cv2.GC_PR_BGD
    model = mixtures(tall, classes)
    evidence = evidence_of(tall, model)
    apart = float(evidence[certain[0]].mean() - evidence[certain[1]].mean())
    log.info("colours of hand and background are %.1f apart", apart)
    return model if apart >= LEAST_APART else None


def mixtures(rgb: UInt8[np.ndarray, "rows size 3"], classes: UInt8[np.ndarray, "rows size"]) -> ColourModel:
    """The mixtures that GrabCut ends at; `classes` are updated in place."""
    background, hand = np.zeros((2, 1, 13 * COMPONENTS))
    cv2.setRNGSeed(SEED)
    cv2.grabCut(rgb, classes, NO_RECTANGLE, background, hand, LEARN_STEPS, cv2.GC_INIT_WITH_MASK)
    return ColourModel.of(background, hand)


def evidence_of(rgb: UInt8[np.ndarray, "rows columns 3"], model: ColourModel) -> Float[np.ndarray, "rows columns"]:
    """How much likelier each pixel's colour is for hand (natural logarithm), the mean of 3 x 3 pixels."""
    red, green, blue = np.moveaxis(rgb >> TABLE_SHIFT, -1, 0)
    return cv2.blur(model.evidence[red, green, blue], (3, 3))


def seeds(
    mesh: Bool[np.ndarray, "size size"], forearm: Bool[np.ndarray, "size size"], inside: Bool[np.ndarray, "size size"]
) -> UInt8[np.ndarray, "size size"]:
    """What is known of each pixel before its colour, in OpenCV's four classes: the inner part of the mesh is hand, what
    is out of reach is background unless it may be forearm.
    """
    size = len(mesh)
    classes = np.where(mesh, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    classes[~near(mesh, REACH * size) & ~forearm] = cv2.GC_BGD
    classes[~near(~mesh, CERTAIN * size)] = cv2.GC_FGD
    classes[~inside] = cv2.GC_BGD
    return classes


def hand_of_frame(
    rgb: UInt8[np.ndarray, "size size 3"], classes: UInt8[np.ndarray, "size size"], model: ColourModel
) -> UInt8[np.ndarray, "size size"]:
    """One frame's mask, 0 or 255, with the clip's colours as they are; all 0 where the mesh lies beside the hand."""
    evidence, certain = evidence_of(rgb, model), classes == cv2.GC_FGD
    if (certain & (evidence < 0.0)).sum() > MOST_STRAY * certain.sum():
        return np.zeros_like(classes)
    background = evidence < -CERTAIN_COLOUR
    classes[background & ~certain] = cv2.GC_BGD
    classes[background & certain] = cv2.GC_PR_FGD  # a highlight, or a finger of the mesh gone astray
    frozen = model.background.copy(), model.hand.copy()
    cv2.grabCut(rgb, classes, NO_RECTANGLE, *frozen, 1, cv2.GC_EVAL_FREEZE_MODEL)
    return np.where((classes == cv2.GC_FGD) | (classes == cv2.GC_PR_FGD), np.uint8(WHITE), np.uint8(0))


def colour_table(mixture: Float[np.ndarray, "1 numbers"]) -> Float[np.ndarray, "reds greens blues"]:
    """Logarithm of one mixture's density (per cubed value of 0..255) at the middle of every entry."""
    weights, means, covariances = np.split(mixture[0], [COMPONENTS, 4 * COMPONENTS])
    steps = (np.arange(256 >> TABLE_SHIFT) + 0.5) * (1 << TABLE_SHIFT) - 0.5
    colours = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    density = np.full(colours.shape[:3], np.finfo(np.float64).tiny)
    for weight, mean, flat in zip(weights, means.reshape(-1, 3), covariances.reshape(-1, 9), strict=True):
        if weight > 0.0:
            spread = np.linalg.cholesky(flat.reshape(3, 3) + COLOUR_NOISE**2 * np.eye(3))
            away = (colours - mean) @ np.linalg.inv(spread).T
            density += weight / np.prod(np.diag(spread)) * np.exp(-0.5 * np.square(away).sum(axis=-1))
    return np.log(density).astype(np.float32)


def shrunk(pixels: Bool[Tensor, "frames old old"], size: int) -> Bool[Tensor, "frames new new"]:
    """In size x size pixels: true where it is for at least half of the pixel."""
    if pixels.shape[1] == size:
        return pixels
    return averaged(pixels.to(torch.uint8).unsqueeze(-1) * WHITE, size, SHARE).squeeze(-1) >= HAND


def smoothed(masks: UInt8[Tensor, "frames old old"], size: int) -> UInt8[Tensor, "frames new new"]:
    """0 or 255 in size x size pixels, the border drawn smoothly."""
    smooth = np.zeros((len(masks), size, size), np.uint8)
    for t, mask in enumerate(masks.numpy()):
        if mask.any():
            soft = cv2.GaussianBlur(mask, (0, 0), SMOOTH_PX)
            soft = soft if len(soft) == size else cv2.resize(soft, (size, size), interpolation=cv2.INTER_CUBIC)
            smooth[t] = np.where(soft >= HAND, np.uint8(WHITE), np.uint8(0))
    return torch.from_numpy(smooth)
