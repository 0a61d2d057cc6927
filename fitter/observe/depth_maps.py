"""Metric depth of every pixel, as RGB-D cameras write it: one 16-bit PNG per frame, millimetres, 0 where unknown.

folder = open_depth_folder(Path("depth/"), (640, 480), n_frames=300)
maps = folder.cut(windows, camera, mirrored=False)         # maps.depth_m (T, S, S)
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, UInt16
from torch import Tensor

from fitter.camera import Camera
from fitter.clip.images import decoded, natural_key
from fitter.errors import InputError
from fitter.render.window import Windows

MM_PER_M = 1000.0
FORMAT = "expected a 16-bit grey PNG of millimetres"
# RGB-D cameras see from a hand's breadth to a large room: a median outside of this is in another unit.
NEAREST_MM, FARTHEST_MM = 50.0, 20_000.0


@dataclass(frozen=True)
class DepthMaps:
    """The windows of one right hand (a left one's frames are mirrored first).

    depth_m  z in camera axes, metres; 0 where unknown
    trust    0..1 per frame: how far the windows are believed to show the hand; 0 leaves the frame out
    """

    depth_m: Float32[Tensor, "frames size size"]
    trust: Float[Tensor, "frames"]

    @property
    def size(self) -> int:
        return self.depth_m.shape[1]

    def to(self, device: torch.device | str) -> "DepthMaps":
        return replace(self, **{f.name: getattr(self, f.name).to(device) for f in fields(self)})


@dataclass(frozen=True)
class DepthFolder:
    """The depth images of a clip, in its order; `size` (width, height) is the frames'. As a hand sees them: where
    `mirrored`, they are flipped horizontally.
    """

    files: tuple[Path, ...] = field(repr=False)
    size: tuple[int, int]
    mirrored: bool = False

    def flipped(self) -> "DepthFolder":
        """The same images seen in the mirror, where a left hand is a right one."""
        return replace(self, mirrored=not self.mirrored)

    def at(self, frames: Int[np.ndarray, "chosen"]) -> "DepthFolder":
        """Of some of the frames."""
        return replace(self, files=tuple(self.files[frame] for frame in frames))

    def images(self) -> Iterator[UInt16[np.ndarray, "height width"]]:
        """All of them as stored (not mirrored), millimetres, read a few at a time."""
        with ThreadPoolExecutor() as pool:
            for start in range(0, len(self.files), 32):
                yield from pool.map(lambda file: read_depth(file, self.size), self.files[start : start + 32])

    def cut(self, windows: Windows, camera: Camera) -> DepthMaps:
        """What the windows show, each window pixel the depth of the image pixel that its centre falls into.

        `windows` and `camera` are those of the flipped frames where it is mirrored. Depths are not averaged: between a
        finger and what is behind it nothing is.
        """
        size, n_frames = windows.size, len(self.files)
        depth_m = torch.zeros(n_frames, size, size)
        for frame, image in enumerate(self.images()):
            column, row, inside = self._places(windows, frame, camera)
            depth_m[frame] = torch.from_numpy(np.where(inside, image[row, column], 0).astype(np.float32) / MM_PER_M)
        return DepthMaps(depth_m, torch.ones(n_frames, dtype=torch.float64))

    def _places(self, windows: Windows, frame: int, camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Column and row of the image pixel at every window pixel's centre, and whether it is within the image."""
        centres = np.arange(windows.size) + 0.5
        grid = np.stack(np.meshgrid(centres, centres, indexing="xy"), axis=-1)
        undistorted = grid / windows.scale[frame].item() + windows.origin_px[frame].cpu().numpy()
        pixels = camera.distort_frames(undistorted[None], np.array([frame]))[0]
        width, height = self.size
        x = width - pixels[..., 0] if self.mirrored else pixels[..., 0]
        y = pixels[..., 1]
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        return np.where(inside, x, 0).astype(np.int64), np.where(inside, y, 0).astype(np.int64), inside


def open_depth_folder(path: Path, size: tuple[int, int], n_frames: int) -> DepthFolder:
    """The `.png` files of a folder in natural order. Raises InputError if they do not fit the clip or are no depths."""
    if not path.is_dir():
        raise InputError(f"--depth {path} is no folder: expected one 16-bit PNG per frame, in millimetres")
    found = [file for file in path.iterdir() if file.suffix.lower() == ".png" and not file.name.startswith(".")]
    if len(found) != n_frames:
        raise InputError(
            f"--depth {path} holds {len(found)} PNG files, expected {n_frames}: one for each frame of the clip"
        )
    folder = DepthFolder(tuple(sorted(found, key=lambda file: natural_key(file.name))), size)
    medians = np.array([np.median(image[image > 0]) if image.any() else np.nan for image in folder.images()])
    if np.isnan(medians).all():
        raise InputError(f"--depth {path}: every pixel of every image is 0, which means unknown; expected millimetres")
    typical = float(np.nanmedian(medians))
    if not NEAREST_MM <= typical <= FARTHEST_MM:
        raise InputError(
            f"--depth {path}: the median depth is {typical:g}, expected millimetres, "
            f"that is {NEAREST_MM:g} to {FARTHEST_MM:g}"
        )
    return folder


def read_depth(file: Path, size: tuple[int, int]) -> UInt16[np.ndarray, "height width"]:
    """One depth image, millimetres. Raises InputError if it is damaged, of another kind or of another size."""
    import cv2

    image = decoded(file, cv2.IMREAD_UNCHANGED)
    if image.dtype != np.uint16 or image.ndim != 2:
        channels = 1 if image.ndim == 2 else image.shape[2]
        raise InputError(f"{file} has {8 * image.dtype.itemsize} bits and {channels} channels: {FORMAT}")
    if image.shape != (size[1], size[0]):
        raise InputError(f"{file} is {image.shape[1]}x{image.shape[0]}, expected {size[0]}x{size[1]} as the frames are")
    return image
