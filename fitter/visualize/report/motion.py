"""The moving surface as a browser reads it: small, exact to a twentieth of a millimetre, decoded in a few lines.

    motion = pack_motion(result, result.joints_sigma_mm)
    motion.layout, motion.blob          # what lies where; gzip of all arrays one behind the other

Vertices are relative to their wrist, in whole steps of STEP_M, and each frame holds only the change since the last one.
Changes are small, so that their upper bytes are almost all zero and gzip packs them to a third (621 frames of 1610
vertices: 12 MB as float32, 1.9 MB here). The wrists and the other joints stay float32 in camera axes.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, UInt8

from fitter.export.result import FitResult
from fitter.mapped import release_pages

# Finer than a sixtieth of the joints' usual sigma; 16 bits then hold hands of up to 1.6 m about the wrist.
STEP_M = 5e-5
FARTHEST_STEPS = 30000  # of int16; whoever is larger gets longer steps
# A vertex moves with the two joints that stay nearest to it; their shares fall off as this power of the distance.
FALL_OFF = 2.0
SAMPLED_FRAMES = 24  # to find which joints those are
FRAMES_AT_ONCE = 64  # of which vertices are floats: 1 MB
COMPRESSION = 6  # of gzip: 9 takes four times as long for a hundredth
GZIP = 16 + zlib.MAX_WBITS  # zlib's word for a stream with gzip's header


@dataclass(frozen=True)
class Section:
    """Where one array lies in the unpacked blob: `offset` in bytes, `length` in elements of `kind` (u1, u2, u4, f4)."""

    offset: int
    length: int
    kind: str


@dataclass(frozen=True)
class PackedMotion:
    """`layout`: array's name -> its place; `step_m`: of each hand, the length of one step of its vertices.

    `blob`: gzip. Arrays of hand h, T frames, V vertices, C corners (a vertex with one texture coordinate), F faces:
    `motion_h` u1, the low bytes and then the high bytes of the zigzag changes in the order axis, frame, vertex;
    `joints_h` f4 (T, 21, 3) camera axes, metres; `sigma_h` f4 (T, 21) mm; `near_h` u1 (V, 2) joints; `share_h` u1 (V,)
    of the first of them, of 255. For all hands: `corner` u4 (C,) vertices; `uv` u2 (C, 2) of 65535, v up; `triangle` u4
    (F, 3) corners, wound for a right hand.
    """

    layout: Mapping[str, Section]
    step_m: tuple[float, ...]
    vertices: int
    blob: bytes


def pack_motion(result: FitResult, sigma_mm: Float32[np.ndarray, "hands frames 21"]) -> PackedMotion:
    """The surface of all hands over all frames, and the joints' sigmas that it can be coloured by.

    Vertices are looked at a few frames at a time, and kept as their steps alone.
    """
    steps, arrays = [], _surface(result)
    for hand in range(len(result.side)):
        shown = shown_frames(result.present[hand])
        joints = np.nan_to_num(result.joints_m[hand][shown])
        sample = np.unique(np.linspace(0, len(shown) - 1, SAMPLED_FRAMES).astype(int)) if len(shown) else shown
        near, share = nearest_joints(np.nan_to_num(result.vertices_m[hand][shown[sample]]), joints[sample])
        farthest = max((float(np.abs(part).max(initial=0.0)) for _, part in _about_wrists(result, hand)), default=0.0)
        step = max(STEP_M, farthest / FARTHEST_STEPS)
        whole = np.empty((len(shown), *result.vertices_m.shape[2:]), np.int16)
        for rows, part in _about_wrists(result, hand):
            whole[rows] = np.round(part / step)
        steps.append(step)
        arrays |= {
            f"motion_{hand}": byte_planes(whole),
            f"joints_{hand}": joints.astype(np.float32),
            f"sigma_{hand}": np.nan_to_num(sigma_mm[hand]).astype(np.float32),
            f"near_{hand}": near,
            f"share_{hand}": share,
        }
    layout, blob = _one_behind_the_other(arrays)
    return PackedMotion(layout, tuple(steps), result.vertices_m.shape[2], blob)


def shown_frames(present: Bool[np.ndarray, "frames"]) -> Int[np.ndarray, "frames"]:
    """For every frame itself or, where it is missing, the one before: a change of nothing costs nothing."""
    last = np.maximum.accumulate(np.where(present, np.arange(len(present)), -1))
    last[last < 0] = np.flatnonzero(present)[0] if present.any() else 0
    return last


def _about_wrists(result: FitResult, hand: int) -> Iterator[tuple[slice, Float32[np.ndarray, "some vertices 3"]]]:
    """The vertices relative to their wrist, FRAMES_AT_ONCE at a time; files need not stay in memory."""
    shown = shown_frames(result.present[hand])
    for first in range(0, len(shown), FRAMES_AT_ONCE):
        rows = slice(first, min(first + FRAMES_AT_ONCE, len(shown)))
        wrists = np.nan_to_num(result.joints_m[hand][shown[rows], :1])
        yield rows, np.nan_to_num(result.vertices_m[hand][shown[rows]]) - wrists
        release_pages(result.vertices_m)


def byte_planes(steps: Int[np.ndarray, "frames vertices 3"]) -> UInt8[np.ndarray, "bytes"]:
    """The changes from frame to frame, zigzag (0, -1, 1, -2, ... -> 0, 1, 2, 3, ...), low bytes first."""
    frames, vertices, axes = steps.shape
    planes = np.empty((2, axes, frames, vertices), np.uint8)
    for axis in range(axes):
        along = steps[..., axis].astype(np.int16)
        short = np.diff(along, axis=0, prepend=np.zeros_like(along[:1]))  # wraps around, as the reader's sums do
        zigzag = ((short << 1) ^ (short >> 15)).view(np.uint16)
        planes[0, axis], planes[1, axis] = zigzag & 255, zigzag >> 8
    return planes.ravel()


def nearest_joints(
    vertices: Float[np.ndarray, "frames vertices 3"], joints: Float[np.ndarray, "frames 21 3"]
) -> tuple[UInt8[np.ndarray, "vertices 2"], UInt8[np.ndarray, "vertices"]]:
    """The two joints that each vertex keeps closest to over these frames, and the share of the first, of 255."""
    total = np.zeros((vertices.shape[1], joints.shape[1]))
    for vertices_there, joints_there in zip(vertices, joints, strict=True):
        total += np.linalg.norm(vertices_there[:, None] - joints_there[None], axis=-1)
    order = np.argsort(total, axis=1)[:, :2]
    distance = np.take_along_axis(total, order, axis=1) + 1e-9
    weight = distance**-FALL_OFF
    return order.astype(np.uint8), np.round(255.0 * weight[:, 0] / weight.sum(axis=1)).astype(np.uint8)


def _surface(result: FitResult) -> dict[str, np.ndarray]:
    """Corners: a vertex on a seam of the texture is as many corners as it has texture coordinates."""
    pairs = np.stack([result.faces.ravel(), result.uv_faces.ravel()], axis=1)
    corners, triangles = np.unique(pairs, axis=0, return_inverse=True)
    return {
        "corner": corners[:, 0].astype(np.uint32),
        "uv": np.round(np.clip(result.uv[corners[:, 1]], 0.0, 1.0) * 65535.0).astype(np.uint16),
        "triangle": triangles.astype(np.uint32),
    }


def _one_behind_the_other(arrays: dict[str, np.ndarray]) -> tuple[dict[str, Section], bytes]:
    """Wide elements first, so that every array starts where its type may; it empties the dictionary."""
    layout, packed, offset = {}, bytearray(), 0
    gzip = zlib.compressobj(COMPRESSION, wbits=GZIP)
    for name in sorted(arrays, key=lambda name: -arrays[name].itemsize):
        array = arrays.pop(name)
        layout[name] = Section(offset, array.size, f"{array.dtype.kind}{array.itemsize}")
        offset += array.nbytes
        packed += gzip.compress(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).data)
    return layout, bytes(packed + gzip.flush())
