"""The fitted hands drawn over the clip, streamed frame by frame: memory does not grow with the clip.

    write_overlay(Path("overlay.mp4"), clip.frames(), [DrawnHand(...)], camera, fps=clip.fps)

The mesh is shaded softly and half transparent, the skeleton crisp. Frames in which the hand was bridged over (no
detection) are drawn lighter; frames without the hand show the input alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8

from fitter.camera import Camera
from fitter.errors import InputError
from fitter.observe.observations import Side
from fitter.render.paint import blend, paint
from fitter.render.shading import headlight, linear_to_srgb, srgb_to_linear, vertex_normals
from fitter.render.zbuffer import NEAR_M
from fitter.visualize.skeleton import draw_caption, draw_skeleton
from fitter.visualize.tints import TINTS

# Unit vector from the hand to a lamp above the camera's left shoulder, camera axes.
TOWARDS_LAMP = (-0.36, -0.57, -0.74)
MARGIN_PX = 2  # room around the mesh for its antialiased border


@dataclass(frozen=True)
class DrawnHand:
    """One hand's rows of `result.npz`: metres, camera axes; `faces` wound as for a right hand, whichever `side` it is.

    Rows that are not `present` (or hold NaN) are not drawn; rows that are not `observed` are drawn lighter.
    """

    side: Side
    vertices_m: Float[np.ndarray, "frames vertices 3"]
    joints_m: Float[np.ndarray, "frames 21 3"]
    faces: Int[np.ndarray, "faces 3"]
    present: Bool[np.ndarray, "frames"]
    observed: Bool[np.ndarray, "frames"]

    def shown(self, frame: int) -> bool:
        """Whether there is a finite hand to draw in this frame."""
        return bool(self.present[frame] and np.isfinite(self.vertices_m[frame]).all())

    @property
    def outward_faces(self) -> Int[np.ndarray, "faces 3"]:
        """Faces whose normals point out of this hand: a mirrored hand reverses them."""
        return self.faces if self.side == "right" else self.faces[:, ::-1]


@dataclass(frozen=True)
class OverlayStyle:
    """What is drawn, and how strongly: opacities 0..1."""

    mesh_opacity: float = 0.75
    bridged_opacity: float = 0.35
    skeleton: bool = True
    caption: bool = True


DEFAULT_STYLE = OverlayStyle()


def write_overlay(
    path: Path,
    frames: Iterable[UInt8[np.ndarray, "height width 3"]],
    hands: Sequence[DrawnHand],
    camera: Camera,
    fps: float,
    style: OverlayStyle = DEFAULT_STYLE,
) -> None:
    """Write an H.264 video of `frames` (RGB) with `hands` over them; every hand must have a row for every frame.

    Raises InputError where the number of frames differs from the hands' rows, or a frame's size from the camera's.
    """
    from fitter.export.video import VideoWriter

    rows = len(hands[0].present) if hands else None
    count = 0
    with VideoWriter(path, fps, (camera.width, camera.height)) as video:
        for rgb in frames:
            if rows is not None and count >= rows:
                raise InputError(f"{path}: the clip has more frames than the fit's {rows}, expected as many")
            video.write(draw_frame(rgb, hands, count, camera, style))
            count += 1
        if rows is not None and count != rows:
            raise InputError(f"{path}: the clip has {count} frames, expected {rows} as in the fit")


def draw_frame(
    rgb: UInt8[np.ndarray, "height width 3"],
    hands: Sequence[DrawnHand],
    frame: int,
    camera: Camera,
    style: OverlayStyle = DEFAULT_STYLE,
) -> UInt8[np.ndarray, "height width 3"]:
    """One frame of the overlay, a new array; parts of a hand outside the picture or behind the lens are left out."""
    picture, camera = np.array(rgb), camera.at(frame)
    shown = [hand for hand in hands if hand.shown(frame)]
    if shown:
        draw_meshes(picture, shown, frame, camera, style)
    for hand in shown if style.skeleton else []:
        joints = to_frame_pixels(hand.joints_m[frame], camera)
        draw_skeleton(picture, joints[:, :2], strength=1.0 if hand.observed[frame] else 0.5)
    if style.caption:
        draw_caption(picture, caption(hands, frame))
    return picture


def caption(hands: Sequence[DrawnHand], frame: int) -> str:
    """Frame number and what is known of each hand in it, one line."""
    parts = [f"frame {frame}"]
    for hand in hands:
        state = "observed" if hand.observed[frame] else "bridged"
        parts.append(f"{hand.side} {state if hand.shown(frame) else 'absent'}")
    return "   ".join(parts)


def to_frame_pixels(points_m: Float[np.ndarray, "points 3"], camera: Camera) -> Float[np.ndarray, "points 3"]:
    """Pixels of the input frame (lens distortion applied) and depth; NaN pixels for points not before the lens."""
    seen = points_m[:, 2] > NEAR_M
    safe = np.where(seen[:, None], points_m, [0.0, 0.0, 1.0]).astype(np.float64)
    pixels = camera.distort(camera.project(torch.from_numpy(safe)).numpy())
    return np.concatenate([np.where(seen[:, None], pixels, np.nan), safe[:, 2:]], axis=1)


def draw_meshes(
    picture: UInt8[np.ndarray, "height width 3"],
    hands: Sequence[DrawnHand],
    frame: int,
    camera: Camera,
    style: OverlayStyle,
) -> None:
    """Blend all hands, drawn into one z-buffer so that they hide each other, over `picture` in place."""
    screen = np.concatenate([to_frame_pixels(hand.vertices_m[frame], camera) for hand in hands])
    box = visible_box(screen[:, :2], picture.shape[1], picture.shape[0])
    if box is None:
        return
    left, top, right, bottom = box
    offsets = np.cumsum([0, *(hand.vertices_m.shape[1] for hand in hands)])
    faces = np.concatenate([hand.outward_faces + start for hand, start in zip(hands, offsets[:-1], strict=True)])
    opacity = [style.mesh_opacity if hand.observed[frame] else style.bridged_opacity for hand in hands]
    colours = torch.cat([shaded(hand, frame, alpha) for hand, alpha in zip(hands, opacity, strict=True)])
    layer = paint(
        torch.from_numpy(screen - [left, top, 0.0]),
        torch.from_numpy(faces.astype(np.int32)),
        colours,
        (right - left, bottom - top),
        occlusion_lines=True,
    )
    blend(picture[top:bottom, left:right], layer)


def shaded(hand: DrawnHand, frame: int, opacity: float) -> Float[torch.Tensor, "vertices 4"]:
    """sRGB and alpha of every vertex under a soft headlight."""
    vertices = torch.from_numpy(np.ascontiguousarray(hand.vertices_m[frame], dtype=np.float32))
    normals = vertex_normals(vertices, torch.from_numpy(np.ascontiguousarray(hand.outward_faces)))
    towards_eye = -torch.nn.functional.normalize(vertices, dim=-1)
    brightness = headlight(normals, towards_eye, vertices.new_tensor(TOWARDS_LAMP))
    tint = srgb_to_linear(vertices.new_tensor(TINTS[hand.side]))
    colour = linear_to_srgb(tint * brightness.unsqueeze(-1))
    return torch.cat([colour, torch.full_like(colour[:, :1], opacity)], dim=-1)


def visible_box(pixels: Float[np.ndarray, "points 2"], width: int, height: int) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom (pixels, the last two exclusive) of the points' part of the picture; None if empty."""
    finite = pixels[np.isfinite(pixels).all(axis=1)]
    if not len(finite):
        return None
    low = np.clip(finite.min(0) - MARGIN_PX, 0, [width, height]).astype(int)
    high = np.clip(finite.max(0) + MARGIN_PX + 1, 0, [width, height]).astype(int)
    return (int(low[0]), int(low[1]), int(high[0]), int(high[1])) if (high > low).all() else None
