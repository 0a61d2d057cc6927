"""Readers of pixels: videos, images, masks, depth images, the pictures in a result folder, and lists of clips."""

import functools
import io
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from fitter.app import view_command
from fitter.app.batch_clips import find_clips
from fitter.clip import open_clip
from fitter.export.folder import ResultFolder
from fitter.export.result import FitResult
from fitter.export.texture import write_png
from fitter.observe.depth_maps import open_depth_folder
from fitter.observe.masks import MaskFolder
from tests.fuzz.target import Target

SIZE = (48, 32)
FRAMES = 3


def picture(frame: int) -> np.ndarray:
    rng = np.random.default_rng(frame)
    return rng.integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8)


def encoded(suffix: str, image: np.ndarray, *flags: int) -> bytes:
    done, content = cv2.imencode(suffix, image, list(flags))
    assert done
    return content.tobytes()


@functools.cache
def video(suffix: str, codec: str, turned: bool = False) -> bytes:
    """A tiny video in any container."""
    import av

    packed = io.BytesIO()
    with av.open(packed, "w", format=suffix) as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height = SIZE  # pyright: ignore[reportAttributeAccessIssue]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"  # pyright: ignore[reportAttributeAccessIssue]
        for index in range(6):
            frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))  # pyright: ignore[reportAttributeAccessIssue]
        container.mux(stream.encode(None))  # pyright: ignore[reportAttributeAccessIssue]
    return packed.getvalue()


def write_video(folder: Path) -> list[bytes]:
    (folder / "clip.mp4").write_bytes(video("mp4", "libx264"))
    others = (("avi", "mjpeg"), ("matroska", "libx264"), ("mpegts", "mpeg2video"), ("mp4", "mpeg4"), ("webm", "libvpx"))
    gif = b"GIF89a\x02\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00!\xf9\x04\x00\n\x00\x00\x00,\x00\x00\x00\x00"
    gif += b"\x02\x00\x01\x00\x00\x02\x02D\n\x00;"
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nclip.mp4\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n"
    concat = b"ffconcat version 1.0\nfile clip.mp4\nfile /etc/passwd\n"
    return [*(video(*other) for other in others), gif, playlist, concat]


def read_video(folder: Path) -> None:
    read_clip(folder / "clip.mp4")


def read_clip(path: Path) -> None:
    """All frames (of a made-up length only the first ones), and two by their numbers."""
    clip = open_clip(path)
    for count, _ in enumerate(clip.frames()):
        if count == 100:
            break
    clip.still(0)
    clip.still(clip.n_frames - 1)


def write_images(folder: Path) -> list[bytes]:
    images = folder / "images"
    images.mkdir()
    for index in range(FRAMES):
        (images / f"{index}.png").write_bytes(encoded(".png", picture(index)))
    deep = picture(0).astype(np.uint16) * 257
    contents = [encoded(suffix, picture(1)) for suffix in (".jpg", ".bmp", ".webp", ".tiff")]
    return [*contents, encoded(".png", deep), encoded(".png", picture(0)[..., 0]), encoded(".tiff", deep)]


def write_masks(folder: Path) -> list[bytes]:
    masks = folder / "masks"
    masks.mkdir()
    mask = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    for index in range(FRAMES):
        mask[5:20, 5 : 20 + index] = 255
        (masks / f"{index}.png").write_bytes(encoded(".png", mask))
    return [encoded(".png", np.dstack([mask] * 3)), encoded(".png", mask.astype(np.uint16) * 257)]


def read_masks(folder: Path) -> None:
    masks = MaskFolder.open(folder / "masks", SIZE, FRAMES)
    for index in range(FRAMES):
        masks.read(index)


def write_depth(folder: Path) -> None:
    depth = folder / "depth"
    depth.mkdir()
    for index in range(FRAMES):
        image = np.full((SIZE[1], SIZE[0]), 500 + index, np.uint16)
        (depth / f"{index}.png").write_bytes(encoded(".png", image))


def read_depth(folder: Path) -> None:
    for _ in open_depth_folder(folder / "depth", SIZE, FRAMES).images():
        pass


def write_texture(folder: Path) -> None:
    write_png(folder / "texture_right.png", picture(0))


def read_texture(folder: Path) -> None:
    view_command.read_texture(ResultFolder(folder, cast(FitResult, None)), "right")


def write_list(folder: Path) -> None:
    (folder / "wave.mp4").write_bytes(b"")
    (folder / "clips.txt").write_text("wave.mp4\t--hand left\n# more\n\nsub/count.mov\n/a/b.mp4\t--initial 'a b'\n")


def read_list(folder: Path) -> None:
    clips = find_clips([str(folder / "clips.txt")])
    assert all(clip.name and "/" not in clip.name for clip in clips), "a name of a folder that is none"


TARGETS = (
    Target("video", "video", "clip.mp4", write_video, read_video),
    Target("image", "png", "images/1.png", write_images, lambda folder: read_clip(folder / "images")),
    Target("masks", "png", "masks/1.png", write_masks, read_masks),
    Target("depth", "png", "depth/1.png", write_depth, read_depth),
    Target("clip_list", "text", "clips.txt", write_list, read_list),
    Target("texture", "png", "texture_right.png", write_texture, read_texture),
)
