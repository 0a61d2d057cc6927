"""From a clip to what the windows around a hand show: one pass over the frames, each cut to its window.

    cut = Footage(clip, camera, mirrored=False).cut(windows)      # uint8, as filmed, without the lens's distortion
    pictures = pictures_of(cut.resized(112), covered, trust)

A cut of T frames takes 4 T size^2 bytes, and a quarter more with masks: 600 MB for 3000 frames at 224, of which the
colours are 450; its `Pictures` add as much for the weights. Nothing else grows with the clip.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from fitter.camera import Camera
from fitter.clip import Clip, Frame
from fitter.observe.masks import HAND, MaskFolder
from fitter.observe.pictures import Pictures
from fitter.observe.resample import COLOUR, SHARE, Encoding, resampled, samples_across, square_corners
from fitter.render.window import Windows
from fitter.render.workers import cores, over_frames

# Frames waiting for a thread: enough that none idles while the next one is decoded.
WAITING_PER_WORKER = 2
# A hand darker than this share of white is noise in 8 bits; colour differences are not divided by less.
LEAST_LEVEL = 0.01
# A window that reaches further than this out of the image, in its sides, shows none of it.
FAR_OUTSIDE = 1e6


@dataclass(frozen=True)
class Cut:
    """What the windows of T frames show.

    rgb     sRGB as filmed; beyond the image's border its outermost pixels go on
    inside  whether the pixel lies in the image
    masks   0..255, how much of the pixel the given mask calls hand; None without masks. Beyond the image as `rgb`
    """

    rgb: UInt8[Tensor, "frames size size 3"]
    inside: Bool[Tensor, "frames size size"]
    masks: UInt8[Tensor, "frames size size"] | None = None

    @property
    def n_frames(self) -> int:
        return self.rgb.shape[0]

    @property
    def size(self) -> int:
        return self.rgb.shape[1]

    def resized(self, size: int) -> "Cut":
        """The same windows in size x size pixels, the mean light of those they cover; inside only if all of them are.

        At half the size this is the mean of two by two pixels.
        """
        if size == self.size:
            return self
        inside = averaged(self.inside.to(torch.uint8).unsqueeze(-1) * 255, size, SHARE).squeeze(-1)
        masks = None if self.masks is None else averaged(self.masks.unsqueeze(-1), size, SHARE).squeeze(-1)
        return Cut(averaged(self.rgb, size, COLOUR), inside == 255, masks)


@dataclass(frozen=True)
class Footage:
    """A clip, its camera and its masks, as one hand sees them.

    Where `mirrored`, the frames and masks are flipped horizontally (left hands are fitted as right ones) and `camera`
    is that of the flipped frames.
    """

    clip: Clip
    camera: Camera
    mirrored: bool = False
    masks: MaskFolder | None = None

    def cut(
        self,
        windows: Windows,
        progress: Callable[[int], None] | None = None,
        chosen: Sequence[int] | None = None,
    ) -> Cut:
        """The pixels of every frame's window, or of the `chosen` frames' (increasing), one window each.

        `progress` is told how many frames are read. Raises InputError where a frame or a mask cannot be read.
        """
        row_of = {frame: row for row, frame in enumerate(range(self.clip.n_frames) if chosen is None else chosen)}
        frames, size = len(row_of), windows.size
        if len(windows.scale) != frames:
            raise AssertionError(f"{len(windows.scale)} windows for {frames} frames of a clip")
        rgb = np.zeros((frames, size, size, 3), np.uint8)
        inside = np.zeros((frames, size, size), bool)
        masks = None if self.masks is None else np.zeros((frames, size, size), np.uint8)
        origins, scales = windows.origin_px.double().cpu().numpy(), windows.scale.double().cpu().numpy()

        def fill(index: int, frame: Frame) -> None:
            row = row_of[index]
            corners = self.window_corners(origins[row], float(scales[row]), size, index)
            if corners is None:
                return
            samples = samples_across(float(scales[row]))
            rgb[row] = resampled(frame, corners, samples, COLOUR)
            inside[row] = self.within_image(corners)
            if masks is not None and self.masks is not None:
                masks[row] = resampled(self.masks.read(index)[..., None], corners, samples, SHARE)[..., 0]

        workers = cores()
        running: deque[Future[None]] = deque()
        with ThreadPoolExecutor(workers) as pool:
            for index, frame in enumerate(self.clip.frames()):
                if index in row_of:
                    running.append(pool.submit(fill, index, frame))
                if len(running) > WAITING_PER_WORKER * workers:
                    running.popleft().result()
                if progress is not None:
                    progress(index + 1)
            for future in running:
                future.result()
        given = None if masks is None else torch.from_numpy(masks)
        return Cut(torch.from_numpy(rgb), torch.from_numpy(inside), given)

    def window_corners(
        self, origin: Float[np.ndarray, "2"], scale: float, size: int, frame: int
    ) -> Float[np.ndarray, "corner_rows corner_columns 2"] | None:
        """Where the corners of a window's pixels lie in this frame as filmed; None for a window that shows nothing."""
        if not (np.isfinite(origin).all() and np.isfinite(scale) and scale > 0.0):
            return None
        if np.abs(origin).max() > FAR_OUTSIDE or size / scale > FAR_OUTSIDE:
            return None
        straight = square_corners(size, size / scale, (float(origin[0]), float(origin[1])))
        corners = self.camera.distort_frames(straight[None], np.array([frame]))[0]
        if self.mirrored:
            corners[..., 0] = self.clip.width - corners[..., 0]
        return corners

    def within_image(
        self, corners: Float[np.ndarray, "corner_rows corner_columns 2"]
    ) -> Bool[np.ndarray, "rows columns"]:
        """Whether the middle of each pixel lies in the frame."""
        middle = 0.25 * (corners[1:, 1:] + corners[1:, :-1] + corners[:-1, 1:] + corners[:-1, :-1])
        return ((middle >= 0.0) & (middle <= [self.clip.width, self.clip.height])).all(axis=-1)


def averaged(
    pixels: UInt8[Tensor, "frames old old channels"], size: int, encoding: Encoding
) -> UInt8[Tensor, "frames new new channels"]:
    """Every frame in size x size pixels."""
    old = pixels.shape[1]
    source = pixels.numpy()
    shrunk = np.empty((len(source), size, size, source.shape[3]), np.uint8)
    corners, samples = square_corners(size, float(old)), samples_across(size / old)

    def shrink(chunk: slice) -> None:
        for index in range(chunk.start, chunk.stop):
            shrunk[index] = resampled(source[index], corners, samples, encoding)

    over_frames(shrink, len(source))
    return torch.from_numpy(shrunk)


def pictures_of(
    cut: Cut,
    covered: Bool[Tensor, "frames size size"],
    trust: Float[Tensor, "frames"],
    masked: Bool[Tensor, "frames"] | None = None,
) -> Pictures:
    """The cut as the photometric term takes it. `covered` is where the hand's mesh is seen.

    Pixels outside the image have no weight, nor, in the frames that are `masked` (None: in none), those that the cut's
    mask does not call hand: there an object hides it.
    """
    weight = cut.inside.float()
    if cut.masks is not None and masked is not None:
        weight = weight * ((cut.masks >= HAND) | ~masked[:, None, None])
    return Pictures(cut.rgb, weight, trust, mean_level(cut.rgb, covered & (weight > 0), trust))


def mean_level(
    rgb: UInt8[Tensor, "frames size size 3"], seen: Bool[Tensor, "frames size size"], trust: Float[Tensor, "frames"]
) -> Float[Tensor, ""]:
    """Mean linear brightness of the `seen` pixels of trusted frames, at least LEAST_LEVEL; all alike where none is."""
    decode = torch.from_numpy(COLOUR.decode).double()
    total, count = 0.0, 0
    for frame in torch.nonzero(trust > 0).flatten().tolist():
        pixels = rgb[frame][seen[frame]]
        total += float(decode[pixels.long()].sum())
        count += pixels.numel()
    return trust.new_tensor(max(total / max(count, 1), LEAST_LEVEL))
