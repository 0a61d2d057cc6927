"""The clip's images for a viewer that jumps about: decoded in the background, kept small, never waited for.

    with kept_images(lambda: open_clip(path), n_frames=621) as images:
        rgb = images.latest(120)        # None while it has not been decoded
        rgb = images.wait(120)          # for films, which need each one

A thread opens the clip, reads it once from its beginning and keeps every frame as a JPEG small enough that all of them
fit into MEMORY_BYTES; what is asked for and not there yet is fetched first.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np
from jaxtyping import UInt8

from fitter.clip import Clip
from fitter.errors import HandfitError

logger = logging.getLogger(__name__)

Image = UInt8[np.ndarray, "height width 3"]

MEMORY_BYTES = 96e6
LONGEST_PX, SHORTEST_PX = 960, 240  # of an image's longer side
BYTES_PER_PX = 0.16  # of a JPEG of QUALITY: 0.10 to 0.16 on filmed hands
QUALITY = 88
DECODED = 16  # images kept ready, for looking around in a frame and small steps
AHEAD = 40  # frames that the pass from the beginning reaches sooner than a jump would


class KeptImages:
    """See the module; `problem` says in words what stopped the opening or reading, if anything did."""

    def __init__(self, open_clip: Callable[[], Clip], n_frames: int, on_problem: Callable[[str], None]) -> None:
        self.problem: str | None = None
        self._on_problem = on_problem
        self.n_frames = n_frames
        self._open = open_clip
        self._jpegs: dict[int, bytes] = {}
        self._decoded: OrderedDict[int, Image] = OrderedDict()
        self._wanted, self._position, self._closed = 0, 0, False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, name="images of the clip", daemon=True)
        self._thread.start()

    def latest(self, frame: int) -> Image | None:
        """The frame's image, or None where it is still to be read; then it is read next."""
        if frame in self._decoded:
            self._decoded.move_to_end(frame)
            return self._decoded[frame]
        with self._changed:
            if self._wanted != frame:
                self._wanted = frame
                self._changed.notify_all()
            jpeg = self._jpegs.get(frame)
        if jpeg is None:
            return None
        image = cv2.cvtColor(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        self._decoded[frame] = image
        if len(self._decoded) > DECODED:
            self._decoded.popitem(last=False)
        return image

    def wait(self, frame: int) -> Image | None:
        """The frame's image as soon as it is read; None where the clip has none or cannot be read there."""
        if not 0 <= frame < self.n_frames:
            return None
        with self._changed:
            self._wanted = frame
            self._changed.notify_all()
            self._changed.wait_for(lambda: frame in self._jpegs or self.problem is not None or self._closed)
        return self.latest(frame)

    @property
    def count(self) -> int:
        """How many images are there."""
        return len(self._jpegs)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _read(self) -> None:
        try:
            clip = self._open()
            longest = longest_side(clip)
            frames = clip.frames()
            while (frame := self._next()) is not None:
                if frame == self._position:
                    self._keep(frame, next(frames), longest)
                    self._position += 1
                else:
                    self._keep(frame, clip.still(frame), longest)
        except HandfitError as error:
            self._stop(str(error))
        except (StopIteration, IndexError):
            self._stop(f"the clip has fewer frames than the result's {self.n_frames}")

    def _stop(self, problem: str) -> None:
        logger.warning("%s", problem)
        with self._changed:
            self.problem = problem
            self._changed.notify_all()
        self._on_problem(problem)

    def _next(self) -> int | None:
        """The frame to read: the next in order, or what is asked for if that is far ahead; None when all is done."""
        with self._changed:
            while not self._closed:
                wanted, here = self._wanted, self._position
                if wanted not in self._jpegs and wanted >= here + AHEAD and wanted < self.n_frames:
                    return wanted
                if here < self.n_frames:
                    return here
                self._changed.wait()
        return None

    def _keep(self, frame: int, rgb: Image, longest: float) -> None:
        height, width = rgb.shape[:2]
        scale = min(longest / max(height, width), 1.0)
        if scale < 1.0:
            size = (max(round(width * scale), 1), max(round(height * scale), 1))
            rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        with self._changed:
            self._jpegs[frame] = jpeg.tobytes()
            self._changed.notify_all()


@contextmanager
def kept_images(
    open_clip: Callable[[], Clip], n_frames: int, on_problem: Callable[[str], None] = lambda problem: None
) -> Iterator[KeptImages]:
    """The images of the clip that `open_clip` gives, while the block runs; a problem is told as soon as it is met."""
    images = KeptImages(open_clip, n_frames, on_problem)
    try:
        yield images
    finally:
        images.close()


def longest_side(clip: Clip) -> float:
    """The longer side of the images kept, pixels, such that all fit into MEMORY_BYTES."""
    shape = max(clip.width, clip.height) / min(clip.width, clip.height)
    fits = (MEMORY_BYTES / max(clip.n_frames, 1) / BYTES_PER_PX * shape) ** 0.5
    return float(min(max(fits, SHORTEST_PX), LONGEST_PX))
