"""H.264 videos that every browser plays, and that exist only when they are complete.

    with VideoWriter(Path("overlay.mp4"), fps=29.97, size=(1280, 720)) as video:
        video.write(rgb)                # (720, 1280, 3) uint8, one call per frame

8-bit 4:2:0 is the one profile all browsers decode. Its chroma halves both sides, so an odd width or height gets its
last column or row doubled: nothing of the picture is lost, and pixel coordinates stay what they were.
"""

import errno
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import av.error
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from fitter.errors import InputError
from fitter.export.atomic import atomic_path

# Half of `medium`'s time for about a tenth more bytes; encoding is most of an overlay's cost.
PRESET = "veryfast"
# Rates such as 30000/1001 are exact fractions with this denominator.
LARGEST_DENOMINATOR = 1001
SLOWEST_FPS, FASTEST_FPS = 0.1, 1000.0


@dataclass(frozen=True)
class Coding:
    """How much a video may lose, and how finely one may jump in it.

    `rate_factor`: x264's constant one; 18 is held to be visually lossless, 23 is its default (x264 --fullhelp).
    `key_frame_seconds`: at most so far apart, so that a browser's slider lands where it is dragged.
    """

    rate_factor: int = 19
    key_frame_seconds: float = 1.0


FINE = Coding()


class VideoWriter:
    """Context manager that writes frames of one size to an .mp4 file; the file appears when the block ends well.

    `fps` is the real, possibly fractional rate. Raises InputError for an impossible rate or size, a frame of another
    shape, or a path that cannot be written; HandfitError where the disk is full.
    """

    def __init__(self, path: Path, fps: float, size: tuple[int, int], coding: Coding = FINE) -> None:
        if not SLOWEST_FPS <= fps <= FASTEST_FPS:
            raise InputError(f"{path}: frame rate {fps}, expected {SLOWEST_FPS} to {FASTEST_FPS} frames per second")
        if min(size) < 1:
            raise InputError(f"{path}: frame size {size[0]}x{size[1]}, expected at least one pixel")
        self.path, self.size, self.coding = Path(path), size, coding
        if not self.path.parent.is_dir():
            raise InputError(f"{path}: the folder does not exist, expected an existing one to write a video into")
        self.fps = exact_rate(fps)
        self.frames = 0

    def __enter__(self) -> "VideoWriter":
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self.path))
            stack.enter_context(_PlainErrors())
            # faststart moves the index to the front: playback starts before the whole file has arrived.
            options = {"movflags": "faststart"}
            self._container = stack.enter_context(av.open(str(temporary), "w", format="mp4", options=options))
            self._stream = self._add_stream()
            self._stack = stack.pop_all()
        return self

    def _add_stream(self) -> av.VideoStream:
        stream = self._container.add_stream("libx264", rate=self.fps)
        width, height = self.size
        stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        stream.options = {"crf": str(self.coding.rate_factor), "preset": PRESET}
        context = stream.codec_context
        context.gop_size = max(1, round(self.coding.key_frame_seconds * self.fps))
        # Unlabelled colours are guessed from the size, differently by each browser.
        context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        return stream

    def write(self, rgb: np.ndarray) -> None:
        """Append one frame, uint8 RGB of shape (height, width, 3)."""
        width, height = self.size
        if rgb.shape != (height, width, 3) or rgb.dtype != np.uint8:
            raise InputError(
                f"{self.path}: frame {self.frames} is {rgb.dtype} {rgb.shape}, expected uint8 ({height}, {width}, 3)"
            )
        if width % 2 or height % 2:
            rgb = np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24").reformat(
            format="yuv420p",
            src_colorspace=Colorspace.ITU709,
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
        )
        picture.pts, picture.time_base = self.frames, 1 / self.fps
        with _PlainErrors():
            self._container.mux(self._stream.encode(picture))
        self.frames += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self._stack.__exit__(kind, error, traceback)
            return
        with self._stack:
            if not self.frames:
                raise InputError(f"{self.path}: no frame to write, expected at least one")
            with _PlainErrors():
                self._container.mux(self._stream.encode(None))


def exact_rate(fps: float) -> Fraction:
    """The frames per second that a video of this rate really has."""
    return Fraction(fps).limit_denominator(LARGEST_DENOMINATOR)


class _PlainErrors:
    """FFmpeg's errors that carry a system error number but are no OSError become one, for `atomic_path` to explain."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, av.error.FFmpegError) and not isinstance(error, OSError):
            raise OSError(error.errno if error.errno in errno.errorcode else errno.EIO, error.strerror) from error
