"""A camera that moves or zooms: what of it changes from frame to frame, the world that it moves in.

    camera = MovingCamera.of(camera, matrices, camera_from_world)
    camera.undistort_frames(pixels)          # frames' pixels -> those of one camera that does not zoom
    in_world(joints_m, camera.camera_from_world)

The engine fits in the pixels of one ideal pinhole camera for the whole clip, the frames' median: since only the
intrinsics differ, a frame's pixels are those of the ideal camera stretched and shifted. How the camera moves changes no
pixel's meaning, only what is smooth: a hand is so in the world.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, Float64, Int

from fitter.camera import Camera

# Rotation matrices written with seven digits are off by 1e-7 an entry, those written with four by 1e-4.
ROTATION_TOLERANCE = 1e-3


def _nothing(size: int) -> np.ndarray:
    return np.zeros((0, size, size))


@dataclass(frozen=True, eq=False)
class MovingCamera(Camera):
    """A `Camera`, which stands for the whole clip, with what differs in each of its T frames.

    matrices           each frame's own K, pixels of the input frames; no rows where all are the camera's
    camera_from_world  each frame's rigid transform, metres; no rows where it is not known
    """

    matrices: Float64[np.ndarray, "zooms 3 3"] = field(default_factory=lambda: _nothing(3), repr=False)
    camera_from_world: Float64[np.ndarray, "moves 4 4"] = field(default_factory=lambda: _nothing(4), repr=False)

    @classmethod
    def still(cls, camera: Camera) -> "MovingCamera":
        """`camera` with nothing that changes."""
        return cls(**{name: getattr(camera, name) for name in Camera.__dataclass_fields__})

    @classmethod
    def of(
        cls,
        camera: Camera,
        matrices: Float64[np.ndarray, "zooms 3 3"] | None,
        camera_from_world: Float64[np.ndarray, "moves 4 4"] | None,
    ) -> "MovingCamera":
        """`camera` with each frame's own; with `matrices`, their median replaces its intrinsics."""
        moving = cls.still(camera)
        if matrices is not None:
            fx, fy, cx, cy = np.median(_pinhole(matrices), axis=0).tolist()
            moving = replace(moving, fx=fx, fy=fy, cx=cx, cy=cy, matrices=np.asarray(matrices, dtype=np.float64))
        if camera_from_world is not None:
            moving = replace(moving, camera_from_world=np.asarray(camera_from_world, dtype=np.float64))
        return moving

    def at(self, frame: int) -> Camera:
        """The camera of one frame, in pixels of its picture; an ordinary one."""
        fixed = {name: getattr(self, name) for name in Camera.__dataclass_fields__}
        if len(self.matrices):
            fixed |= dict(zip(("fx", "fy", "cx", "cy"), _pinhole(self.matrices[frame]).tolist(), strict=True))
        return Camera(**fixed)

    def undistort_frames(
        self, pixels: Float[np.ndarray, "n *any 2"], frames: Int[np.ndarray, "n"] | None = None
    ) -> Float[np.ndarray, "n *any 2"]:
        """Pixels of these frames (None: of all in order) -> pixels of the ideal camera of the whole clip."""
        if not len(self.matrices):
            return self.undistort(pixels)
        stretch, shift = self._stretch(frames, pixels.ndim)
        straight = self._each(Camera.undistort, pixels, frames)
        return straight * stretch + shift

    def distort_frames(
        self, pixels: Float[np.ndarray, "n *any 2"], frames: Int[np.ndarray, "n"] | None = None
    ) -> Float[np.ndarray, "n *any 2"]:
        """Pixels of the ideal camera of the whole clip -> pixels of these frames (None: of all in order)."""
        if not len(self.matrices):
            return self.distort(pixels)
        stretch, shift = self._stretch(frames, pixels.ndim)
        return self._each(Camera.distort, (pixels - shift) / stretch, frames)

    def enlargement(self, n_frames: int) -> Float[np.ndarray, "frames 1"]:
        """How much larger the ideal camera shows each frame than it is itself."""
        return self.fx / self.matrices[:, :1, 0] if len(self.matrices) else np.ones((n_frames, 1))

    def scaled(self, factor: float) -> "MovingCamera":
        """The same camera with all its focal lengths multiplied by `factor`."""
        diagonal = np.array([[factor, 1.0, 1.0], [1.0, factor, 1.0], [1.0, 1.0, 1.0]])
        return replace(self, fx=self.fx * factor, fy=self.fy * factor, matrices=self.matrices * diagonal)

    def mirrored(self) -> "MovingCamera":
        """The camera of the horizontally flipped frames, in a world that is mirrored in x, too."""
        fixed, matrices = super().mirrored(), self.matrices.copy()
        matrices[:, 0, 2] = self.width - matrices[:, 0, 2]
        flip = np.diag([-1.0, 1.0, 1.0, 1.0])
        return replace(
            self,
            cx=fixed.cx,
            distortion=fixed.distortion,
            matrices=matrices,
            camera_from_world=flip @ self.camera_from_world @ flip,
        )

    def of_frames(self, frames: "slice | Int[np.ndarray, 'n']") -> "MovingCamera":
        """The camera of a part of the clip; the ideal camera stays that of the whole."""
        matrices, moves = (rows[frames] if len(rows) else rows for rows in (self.matrices, self.camera_from_world))
        return replace(self, matrices=matrices, camera_from_world=moves)

    def _stretch(self, frames: Int[np.ndarray, "n"] | None, axes: int) -> tuple[np.ndarray, np.ndarray]:
        """ideal pixel = frame's undistorted pixel * stretch + shift; for pixels with this many axes."""
        own = _pinhole(self.matrices if frames is None else self.matrices[frames])
        stretch = np.array([self.fx, self.fy]) / own[:, :2]
        shift = np.array([self.cx, self.cy]) - stretch * own[:, 2:]
        shape = (len(own), *(1,) * (axes - 2), 2)
        return stretch.reshape(shape), shift.reshape(shape)

    def _each(
        self,
        change: Callable[[Camera, np.ndarray], np.ndarray],
        pixels: np.ndarray,
        frames: Int[np.ndarray, "n"] | None,
    ) -> np.ndarray:
        """`change` (of a Camera) for every frame's pixels with that frame's camera."""
        if not self.distortion:
            return pixels
        numbers = range(len(pixels)) if frames is None else frames.tolist()
        rows = [change(self.at(frame), row) for frame, row in zip(numbers, pixels, strict=True)]
        return np.stack(rows) if rows else pixels


def in_world(
    points_m: Float[np.ndarray, "frames points 3"], camera_from_world: Float64[np.ndarray, "frames 4 4"]
) -> Float64[np.ndarray, "frames points 3"]:
    """Points in each frame's camera axes -> world axes, metres."""
    rotation, shift = camera_from_world[:, :3, :3], camera_from_world[:, None, :3, 3]
    return (points_m.astype(np.float64) - shift) @ rotation


def find_motion_problem(
    matrices: Float64[np.ndarray, "zooms 3 3"] | None, camera_from_world: Float64[np.ndarray, "moves 4 4"] | None
) -> str | None:
    """The first frame whose matrix is none, in words (which, what is expected, what it is), or None."""
    for name, rows, fault in (
        ("K", matrices, _intrinsic_fault),
        ("camera_from_world", camera_from_world, _rigid_fault),
    ):
        for frame, matrix in enumerate(() if rows is None else rows):
            found = fault(matrix)
            if found:
                return f"{name} of frame {frame} {found}"
    return None


def _intrinsic_fault(matrix: np.ndarray) -> str | None:
    if not np.isfinite(matrix).all():
        return "holds what is no number; expected [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] in pixels"
    fx, fy, cx, cy = _pinhole(matrix).tolist()
    if not np.array_equal(matrix, [[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]):
        return "is no camera matrix; expected [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] in pixels"
    if fx <= 0 or fy <= 0:
        return f"has focal lengths {fx:g} and {fy:g} px; expected positive ones"
    return None


def _rigid_fault(matrix: np.ndarray) -> str | None:
    if not np.isfinite(matrix).all():
        return "holds what is no number; expected a rigid transform [[R, t], [0, 0, 0, 1]], t in metres"
    if not np.array_equal(matrix[3], [0.0, 0.0, 0.0, 1.0]):
        return "has a last row other than 0, 0, 0, 1; expected a rigid transform [[R, t], [0, 0, 0, 1]]"
    rotation = matrix[:3, :3]
    tall = np.abs(rotation).max() > 1 + ROTATION_TOLERANCE  # and of no such number may the square overflow
    if tall or np.abs(rotation @ rotation.T - np.eye(3)).max() > ROTATION_TOLERANCE:
        return "does not turn by a rotation matrix (R R' is not the identity); expected a rigid transform"
    if np.linalg.det(rotation) < 0:
        return "mirrors (its rotation has determinant -1); expected a rigid transform"
    return None


def _pinhole(matrices: Float64[np.ndarray, "*any 3 3"]) -> Float64[np.ndarray, "*any 4"]:
    """fx, fy, cx, cy."""
    return np.stack([matrices[..., 0, 0], matrices[..., 1, 1], matrices[..., 0, 2], matrices[..., 1, 2]], axis=-1)
