"""A video file as a clip, through PyAV: real presentation times, rotation applied, only what decodes.

The frames are counted from the packets' time stamps where these can be trusted, which takes milliseconds; the last
group of pictures is decoded to see that the file ends properly; in every other case the whole file is decoded once.

    clip = open_video(Path("hand.mp4"))
"""

import itertools
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from fitter.clip.clip import FOLDER_FPS, Frame
from fitter.errors import InputError
from fitter.untrusted import MOST_PIXELS

if TYPE_CHECKING:
    import av
    from av.container import InputContainer

logger = logging.getLogger(__name__)

# Containers of video. Others, such as playlists, name further files to be read, or make pictures out of any text
# (tty and sound are here to be told apart).
FORMATS = (
    *("mov", "mp4", "m4a", "3gp", "3g2", "mj2", "matroska", "webm", "avi", "flv", "asf", "ogg", "gif", "apng", "mxf"),
    *("mpegts", "mpeg", "mpegvideo", "m4v", "h264", "hevc", "av1", "obu", "ivf", "mjpeg", "dv", "nut", "rm", "wtv"),
    *("yuv4mpegpipe", "webp_anim", "tty", "wav", "mp3", "flac"),
)

FULL_TURN_DEG = 360
QUARTER_TURN_DEG = 90


@dataclass(frozen=True)
class VideoClip:
    """The decodable frames of a video file; see `Clip`. `stamps` are their presentation time stamps, or None."""

    path: Path
    name: str
    width: int
    height: int
    fps: float
    time_s: Float[np.ndarray, "frames"] = field(repr=False)
    stamps: tuple[int, ...] | None = field(repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def n_frames(self) -> int:
        return len(self.time_s)

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.path,)

    def frames(self) -> Iterator[Frame]:
        with opened(self.path) as container:
            yield from self._pictures(_decoded(container, self.path), self.stamps or range(self.n_frames))

    def frames_between(self, first: int, end: int) -> Iterator[Frame]:
        """Frames first to end - 1 in order, from the key frame before them on; without stamps from the beginning."""
        if first == 0 or first >= end or self.stamps is None:
            yield from itertools.islice(self.frames(), first, end)
            return
        with opened(self.path) as container:
            container.seek(self.stamps[first], stream=_pictures_stream(container, self.path))
            decoded = _decoded(container, self.path)
            begin = next(decoded, None)
            if begin is not None and begin.pts is not None and begin.pts <= self.stamps[first]:
                yield from self._pictures(itertools.chain([begin], decoded), self.stamps[first:end])
                return
        yield from itertools.islice(self.frames(), first, end)

    def still(self, index: int) -> Frame:
        if not 0 <= index < self.n_frames:
            raise IndexError(f"frame {index} of a clip of {self.n_frames} frames")
        sought = self._sought(index)
        return sought if sought is not None else next(itertools.islice(self.frames(), index, None))

    def _sought(self, index: int) -> Frame | None:
        """The frame by a jump to the key frame before it, or None where the container cannot jump so."""
        from av.error import FFmpegError

        if self.stamps is None:
            return None
        with opened(self.path) as container:
            try:
                container.seek(self.stamps[index], stream=_pictures_stream(container, self.path))
            except FFmpegError:
                return None
            for frame in _decoded(container, self.path):
                if frame.pts is None or frame.pts >= self.stamps[index]:
                    return _upright(frame) if frame.pts == self.stamps[index] else None
        return None

    def _pictures(self, decoded: "Iterator[av.VideoFrame]", wanted: Sequence[int]) -> Iterator[Frame]:
        """The frames of the stamps, or numbers, `wanted`; one that was announced and does not decode repeats its
        neighbour.
        """
        position, missing, picture, before = 0, 0, None, None
        for count, frame in enumerate(decoded):
            stamp = count if self.stamps is None else frame.pts
            if position == len(wanted):
                break
            if stamp is None or stamp < wanted[position]:
                before = frame
                continue
            if picture is None and before is not None and stamp > wanted[position]:
                picture = _upright(before)
            latest = _upright(frame)
            if latest.shape[:2] != (self.height, self.width):
                raise _resized(self.path, (self.width, self.height), latest)
            while position < len(wanted) and wanted[position] < stamp:
                yield latest if picture is None else picture
                position, missing = position + 1, missing + 1
            picture = latest
            if position < len(wanted) and wanted[position] == stamp:
                yield picture
                position += 1
        if picture is None:
            raise InputError(f"{self.path} holds no frame that can be decoded: expected an intact video file")
        for _ in range(len(wanted) - position):
            yield picture
        missing += len(wanted) - position
        if missing:
            logger.warning("%s: %d damaged frames were replaced by their neighbours", self.path, missing)


def open_video(path: Path) -> VideoClip:
    """The video file `path` as a clip. Raises InputError if it is none, has no picture, or no frame decodes."""
    with opened(path) as container:
        stream = _pictures_stream(container, path)
        base = stream.time_base
        announced = stream.frames
        rate = float(stream.average_rate or stream.guessed_rate or FOLDER_FPS)
    stamps = _trusted_stamps(path, announced)
    if stamps is None:
        stamps = _decoded_stamps(path)
    if not stamps:
        raise InputError(f"{path} holds no frame that can be decoded: expected an intact video file")
    ordered = tuple(stamp for stamp in stamps if stamp is not None)
    usable = len(ordered) == len(stamps) and bool(base) and all(np.diff(ordered) > 0)
    warnings = []
    if announced > len(stamps):
        warnings.append(f"{path} announces {announced} frames but only {len(stamps)} can be decoded: it is damaged")
    if usable and base is not None:
        time_s = np.array([float((stamp - ordered[0]) * base) for stamp in ordered])
        if len(ordered) > 1:
            rate = float(Fraction(len(ordered) - 1) / ((ordered[-1] - ordered[0]) * base))
    else:
        time_s = np.arange(len(stamps)) / rate
        warnings.append(f"{path} has no usable time stamps: {rate:g} frames per second assumed")
    with opened(path) as container:
        first = next(_decoded(container, path), None)
        if first is None:
            raise InputError(f"{path} holds no frame that can be decoded: expected an intact video file")
        height, width = _upright(first).shape[:2]
    return VideoClip(path, path.stem, width, height, rate, time_s, ordered if usable else None, tuple(warnings))


def _trusted_stamps(path: Path, announced: int) -> list[int | None] | None:
    """Stamps of all frames from the packets alone, or None where only decoding can tell."""
    from av.error import FFmpegError

    try:
        return _packet_stamps(path, announced)
    except FFmpegError as error:
        logger.debug("%s: its packets cannot be walked over: %s", path, error)
        return None


def _packet_stamps(path: Path, announced: int) -> list[int | None] | None:
    """As `_trusted_stamps`; raises FFmpegError where the container is damaged."""
    keyframe = None
    stamps: list[int] = []
    with opened(path) as container:
        stream = _pictures_stream(container, path)
        for packet in container.demux(stream):
            if packet.size == 0:
                continue
            if packet.pts is None or packet.is_corrupt or packet.is_discard:
                return None
            stamps.append(packet.pts)
            if packet.is_keyframe:
                keyframe = packet.pts
        stamps.sort()
        if keyframe is None or len(set(stamps)) != len(stamps) or announced not in (0, len(stamps)):
            return None
        container.seek(keyframe, stream=stream)
        tail = [frame.pts for frame in _decoded(container, path)]
    intact = bool(tail) and tail == stamps[-len(tail) :]
    return list(stamps) if intact else None


def _decoded_stamps(path: Path) -> list[int | None]:
    with opened(path) as container:
        return [frame.pts for frame in _decoded(container, path)]


def _decoded(container: "InputContainer", path: Path) -> "Iterator[av.VideoFrame]":
    """Every frame that decodes, in presentation order; packets that do not are passed over."""
    from av.error import FFmpegError

    stream = _pictures_stream(container, path)
    stream.thread_type = "AUTO"
    stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}  # each thread makes room for a picture
    packets = container.demux(stream)
    while True:
        try:
            frames = next(packets).decode()
        except StopIteration:
            return
        except FFmpegError as error:
            logger.debug("%s: a packet does not decode: %s", path, error)
            continue
        yield from (frame for frame in frames if not frame.is_corrupt)  # type: ignore[misc]


def opened(path: Path) -> "InputContainer":
    """The file in ffmpeg's hands, to be used in a `with`. Raises InputError where it is no container of video."""
    import av
    from av.error import FFmpegError

    try:
        # Playlists and the like name further addresses: an untrusted file may open nothing but files.
        options = {"protocol_whitelist": "file", "format_whitelist": ",".join(FORMATS)}
        return av.open(str(path.absolute()), options=options, metadata_errors="replace")
    except (FFmpegError, MemoryError) as error:
        reason = (getattr(error, "strerror", None) or "unknown reason").lower()
        raise InputError(f"{path} cannot be read as a video ({reason}): expected an intact video file") from None


def _pictures_stream(container: "InputContainer", path: Path) -> "av.VideoStream":
    from av.stream import Disposition

    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if container.format.name == "tty":
        raise InputError(f"{path} is a text file: expected a video file or a folder of images")
    if not streams:
        raise InputError(f"{path} holds no video stream: expected a video file, not sound or subtitles alone")
    if streams[0].codec_context is None:
        raise InputError(f"{path} holds video of an unknown codec: expected a video file that ffmpeg decodes")
    if streams[0].width * streams[0].height > MOST_PIXELS:
        size = f"{streams[0].width}x{streams[0].height}"
        raise InputError(f"{path} says to be {size}: expected at most {MOST_PIXELS >> 20} megapixels")
    return streams[0]


def _upright(frame: "av.VideoFrame") -> Frame:
    """The frame as RGB, turned by the rotation that its display matrix asks for."""
    picture = frame.to_ndarray(format="rgb24")
    quarter_turns = round(frame.rotation % FULL_TURN_DEG / QUARTER_TURN_DEG)
    return np.ascontiguousarray(np.rot90(picture, quarter_turns)) if quarter_turns % 4 else picture


def _resized(path: Path, size: tuple[int, int], picture: np.ndarray) -> InputError:
    found = f"{picture.shape[1]}x{picture.shape[0]}"
    return InputError(f"{path} changes its size from {size[0]}x{size[1]} to {found}: expected frames of one size")
