"""What no program could go below: bytes and operations of one pass over a stage's data, over what the machine can do.

    speeds = machine_speeds(torch.device("cpu"))
    speeds.floor_ms(works_of(clip, config)["refine"], passes=5)         # milliseconds per frame, and what bounds it

The greater of bytes / bandwidth and operations / speed, both measured here on one thread: of a copy larger than the
caches (counted as read and written) and of a float64 matrix product. Per frame and pass, with n = 51 unknowns, s shared
ones, R^2 pixels of a window:

    solve       bytes 8 * 4 * (n^2 + n s + 306): blocks written, read by the factorisation, itself written and read
                operations 19/3 n^3 + 5 n^2 s + n s^2: Cholesky of a band two blocks wide with its border
    pixels      beside those, bytes R^2 (12 + 2 * 28): the picture read, the fragments written and read; operations 132
                per pixel that the hand covers: light (9 harmonics), texture (4 texels), gradient and information (9)
    appearance  the frame and the finest window's bytes
    posterior   the bytes of a solve and three times its operations: the inverse within the band, too
    observe     the frame's bytes; initialise: those of 21 keypoints; export: those of the frame and 12 per vertex
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.filmed import FilmedClip
from fitter.config import Config
from fitter.solve.threads import one_thread
from fitter.state import FRAME_UNKNOWNS

# Larger than any cache, and large enough for the product to be at its speed.
COPIED_BYTES, PRODUCT_SIZE, TRIALS = 256 * 2**20, 512, 5
COUPLING = 2 * 17 * 9  # numbers of a frame's couplings to the next two
PIXEL_BYTES, PIXEL_OPERATIONS = 12 + 2 * 28, 132
MASKS_COUNTED = 5
KEYPOINT_BYTES = 21 * 7 * 8  # pixels, confidence, depth and three directions


@dataclass(frozen=True)
class Work:
    """What one pass over a frame of a stage moves and computes at the least."""

    bytes: float
    operations: float = 0.0


@dataclass(frozen=True)
class Speeds:
    """Of this machine, one thread: bytes per second copied (read and written), operations per second."""

    bandwidth: float
    operations: float

    def floor_ms(self, work: Work, passes: int) -> tuple[float, str]:
        """Milliseconds that the passes take at the least, and which of the two says so."""
        moving, computing = work.bytes / self.bandwidth, work.operations / self.operations
        return 1000.0 * passes * max(moving, computing), "bandwidth" if moving >= computing else "operations"


def works_of(clip: FilmedClip, config: Config) -> dict[str, Work]:
    """Of every stage in its order, one pass over one frame; the formulas are the module's."""
    model, n = clip.given.model, FRAME_UNKNOWNS
    shared, frame = model.n_betas + 1, clip.clip.width * clip.clip.height * 3
    solve = Work(8 * 4 * (n**2 + n * shared + COUPLING), 19 / 3 * n**3 + 5 * n**2 * shared + n * shared**2)
    works = {"observe": Work(frame), "initialise": Work(KEYPOINT_BYTES)}
    for stage in config.schedule.stages:
        pixels = (stage.resolution or 0) ** 2
        covered = hand_share(clip) * pixels
        works[stage.name] = Work(solve.bytes + PIXEL_BYTES * pixels, solve.operations + PIXEL_OPERATIONS * covered)
    finest = max(stage.resolution or 0 for stage in config.schedule.stages)
    works["appearance"] = Work(frame + PIXEL_BYTES * finest**2)
    works["posterior"] = Work(solve.bytes, 3 * solve.operations)
    works["export"] = Work(frame + 12 * len(model.template))
    return works


def hand_share(clip: FilmedClip) -> float:
    """Which share of a window the hand covers: the truth's masks over the squares round its keypoints, on average."""
    frames = np.unique(np.linspace(0, clip.clip.n_frames - 1, MASKS_COUNTED).astype(int))
    areas = [np.count_nonzero(clip.clip.hand_mask(int(frame))) for frame in frames]
    points = clip.given.evidence.keypoints_px.numpy()[frames]
    return min(1.0, float(np.mean(areas) / np.square(np.ptp(points, axis=1).max(axis=1)).mean()))


def machine_speeds(device: torch.device) -> Speeds:
    """The best of a few trials: a busy machine is slower, never faster, than it is."""
    source = torch.ones(COPIED_BYTES // 8, dtype=torch.float64, device=device)
    target = torch.empty_like(source)
    square = torch.ones(PRODUCT_SIZE, PRODUCT_SIZE, dtype=torch.float64, device=device)
    with one_thread():
        copying = best_seconds(lambda: target.copy_(source), device)
        product = best_seconds(lambda: square @ square, device)
    return Speeds(2.0 * COPIED_BYTES / copying, 2.0 * PRODUCT_SIZE**3 / product)


def best_seconds(work: Callable[[], object], device: torch.device) -> float:
    def once() -> float:
        settle(device)
        begun = time.perf_counter()
        work()
        settle(device)
        return time.perf_counter() - begun

    return min(once() for _ in range(TRIALS))


def settle(device: torch.device) -> None:
    """Wait for what a GPU still has to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
