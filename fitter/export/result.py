"""The fit in numbers: what `result.npz` holds, checked both when it is written and when it is read.

save_result(result, Path("results/clip"))
result = FitResult.load(Path("results/clip"))
result.joints_m                                        # (hands, frames, 21, 3)
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, cast, get_args

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int32

from fitter.camera import Camera, FocalSource
from fitter.camera_motion import MovingCamera, find_motion_problem, in_world
from fitter.errors import InputError
from fitter.export.archive import (
    VERSION,
    find_wrong_shape,
    read_archive,
    require_version,
    typed,
    write_archive,
)
from fitter.export.atomic import atomic_path
from fitter.export.description import describe, describe_in_html
from fitter.mapped import release_pages
from fitter.observe.observations import Side

RESULT_FILE = "result.npz"

# Raised when a name or meaning below changes; files of another version are refused: their numbers would be misread.
FORMAT_VERSION = 3

FRAMES_AT_ONCE = 512


@dataclass(frozen=True)
class FitResult:
    """0, 1 or 2 hands over all T frames of a clip.

    Metres, radians and OpenCV camera axes (x right, y down, z forward); joints in OpenPose order, rotations in MANO's.
    Rows of frames in which a hand is not `present` hold NaN. What was not estimated at all, such as `lighting` in a fit
    without pixels, is NaN everywhere.
    """

    side: tuple[Side, ...]
    """`left`, `right`: one per hand, each at most once."""
    present: Bool[np.ndarray, "hands frames"]
    """The hand is in the frame, by the fit's own judgement."""
    observed: Bool[np.ndarray, "hands frames"]
    """A detection supported the frame."""
    joints_m: Float32[np.ndarray, "hands frames 21 3"]
    """The joints in camera axes, OpenPose order."""
    joints_sigma_mm: Float32[np.ndarray, "hands frames 21"]
    """One standard deviation of the joint's position, from the fit's own posterior."""
    quality: Float32[np.ndarray, "hands frames"]
    """How good the frame is by the fit's own judgement, 0 to 1 (`fitter.export.quality`)."""
    keypoints_px: Float32[np.ndarray, "hands frames 21 2"]
    """The joints projected into the input frames; the first pixel's centre is (0.5, 0.5)."""
    vertices_m: Float32[np.ndarray, "hands frames vertices 3"]
    """The mesh in camera axes."""
    faces: Int32[np.ndarray, "faces 3"]
    """Wound for a right hand; a left hand's are the reverse."""
    uv: Float32[np.ndarray, "corners 2"]
    """Texture coordinates in `texture_*.png`, v pointing up; the same for both sides."""
    uv_faces: Int32[np.ndarray, "faces 3"]
    """Rows of `uv` at the corners of `faces`: seams have two for one vertex."""
    pose: Float32[np.ndarray, "hands frames 48"]
    """Axis-angle: global orientation, then 15 joints; zero is the flat hand; no PCA, no mean."""
    betas: Float32[np.ndarray, "hands betas"]
    """One shape for the whole clip, in standard deviations: 10 with MANO, more with the default hand."""
    translation_m: Float32[np.ndarray, "hands frames 3"]
    """Added after the pose, as MANO's `transl`."""
    lighting: Float32[np.ndarray, "hands lights 9 3"]
    """Second-order spherical harmonics, one set for the clip (lights = 1) or one per frame."""
    K: Float64[np.ndarray, "3 3"]
    """The intrinsics used, in pixels of the input frames; of a zooming camera its median, see `K_frames`."""
    K_known: bool
    """False: the focal length was estimated or assumed."""
    K_frames: Float64[np.ndarray, "zooms 3 3"]
    """The intrinsics of every frame (zooms = frames) where they change; no rows where `K` is that of all frames."""
    camera_from_world: Float64[np.ndarray, "moves 4 4"]
    """Rigid transforms, metres, of every frame (moves = frames) where the camera's motion was given; else no rows."""
    focal_source: FocalSource
    """Where the focal length comes from: `given`, `metadata` of the file, `assumed`, or `estimated` from the clip."""
    focal_sigma: float
    """One standard deviation of the focal length relative to itself; 0 where it was given."""
    distortion: Float64[np.ndarray, "coefficients"]
    """OpenCV's k1, k2, p1, p2[, k3] of the input frames; empty where there is none."""
    hand_model: Literal["anny", "mano"]
    """Whose mesh, `pose` and `betas` these are."""
    image_size: tuple[int, int]
    """Width, height."""
    fps: float
    """Frames per second."""
    status: str
    """`converged`, or a sentence."""

    @classmethod
    def load(cls, path: str | Path) -> "FitResult":
        """Read `result.npz`, or the one in the folder `path`; raises InputError, one sentence, for any damage.

        The arrays are mapped from the file: of an hour's clip only those frames take memory that are looked at.
        """
        file = Path(path) / RESULT_FILE if Path(path).is_dir() else Path(path)
        result = _from_arrays(read_archive(file, f"the {RESULT_FILE} of a fit"), file)
        problem = find_problem(result, just_read=True)
        if problem:
            raise InputError(f"{file}: {problem}")
        return result

    def __repr__(self) -> str:
        return describe(self)

    def _repr_html_(self) -> str:
        return describe_in_html(self)

    @property
    def camera(self) -> Camera:
        """The camera of the input frames."""
        (fx, _, cx), (_, fy, cy), _ = self.K.tolist()
        fixed = (fx, fy, cx, cy, *self.image_size, tuple(self.distortion.tolist()), self.K_known)
        if not len(self.K_frames) and not len(self.camera_from_world):
            return Camera(*fixed)
        return MovingCamera(*fixed, matrices=self.K_frames, camera_from_world=self.camera_from_world)

    @property
    def joints_world_m(self) -> Float64[np.ndarray, "hands frames 21 3"]:
        """`joints_m` in the axes of the world; ValueError where the camera's motion was not given (`--cameras`)."""
        return self._in_world(self.joints_m)

    @property
    def vertices_world_m(self) -> Float64[np.ndarray, "hands frames vertices 3"]:
        """`vertices_m` in the axes of the world; ValueError where the camera's motion was not given."""
        return self._in_world(self.vertices_m)

    def _in_world(self, points_m: Float32[np.ndarray, "hands frames points 3"]) -> np.ndarray:
        if not len(self.camera_from_world):
            raise ValueError("the fit knows no world axes: camera_from_world is empty, expected a fit with --cameras")
        return np.stack([in_world(hand, self.camera_from_world) for hand in points_m])


def save_result(result: FitResult, folder: Path) -> Path:
    """Write `result.npz` atomically into `folder`, which must exist; returns its path.

    Raises ValueError where `result` breaks its own contract (the programmer's mistake), else as `atomic_path` does.
    """
    problem = find_problem(result)
    if problem:
        raise ValueError(problem)
    arrays = arrays_of(result)
    with atomic_path(folder / RESULT_FILE) as path:
        write_archive(path, arrays)
    return folder / RESULT_FILE


def arrays_of(result: FitResult) -> dict[str, np.ndarray]:
    """What the file holds."""
    arrays = {field.name: np.asarray(getattr(result, field.name)) for field in fields(result)}
    # An empty tuple would be saved as float64.
    arrays["side"] = np.array(result.side, dtype="U5")
    arrays[VERSION] = np.array(FORMAT_VERSION)
    return arrays


def find_problem(result: FitResult, just_read: bool = False) -> str | None:
    """The first breach of the contract in words (array, what is expected, what it is), or None.

    `just_read`: nothing has been written into its arrays, which need not stay in memory.
    """
    first = find_wrong_shape(result) or _find_wrong_number(result) or _find_wrong_value(result)
    return first or _find_wrong_row(result, just_read)


def _find_wrong_number(result: FitResult) -> str | None:
    """How many there are of what has no axis of its own."""
    if len(result.side) != len(result.present):
        return f"side: expected one per hand ({len(result.present)}), got {len(result.side)}"
    for name in ("K_frames", "camera_from_world"):
        rows, frames = len(getattr(result, name)), result.present.shape[1]
        if rows not in (0, frames):
            return f"{name}: expected no rows or one per frame ({frames}), got {rows}"
    if result.lighting.shape[1] not in (1, result.present.shape[1]):
        return f"lighting: expected one per clip or per frame, got {result.lighting.shape[1]}"
    return None


def _find_wrong_value(result: FitResult) -> str | None:
    if any(side not in ("left", "right") for side in result.side) or len(set(result.side)) != len(result.side):
        return f"side: expected left and right at most once each, got {list(result.side)}"
    if result.hand_model not in ("anny", "mano"):
        return f"hand_model: expected anny or mano, got {result.hand_model!r}"
    if result.focal_source not in get_args(FocalSource):
        return f"focal_source: expected one of {', '.join(get_args(FocalSource))}, got {result.focal_source!r}"
    if not (np.isfinite(result.focal_sigma) and result.focal_sigma >= 0):
        return f"focal_sigma: expected a finite number from 0, got {result.focal_sigma}"
    if len(result.image_size) != 2 or min(result.image_size) < 1:
        return f"image_size: expected width and height in pixels, got {result.image_size}"
    if not (np.isfinite(result.fps) and result.fps > 0):
        return f"fps: expected frames per second above 0, got {result.fps}"
    if not (np.isfinite(result.K).all() and (result.K[2] == [0, 0, 1]).all()):
        return "K: expected a finite intrinsic matrix whose last row is 0, 0, 1"
    problem = find_motion_problem(result.K_frames, result.camera_from_world)
    if problem:
        return problem
    if not np.isfinite(result.betas).all():
        return "betas: expected finite numbers"
    if not (np.isfinite(result.uv).all() and np.isfinite(result.distortion).all()):
        return "uv, distortion: expected finite numbers"
    for name, rows in (("faces", result.vertices_m.shape[2]), ("uv_faces", len(result.uv))):
        numbers: np.ndarray = getattr(result, name)
        if numbers.size and not (0 <= numbers.min() and numbers.max() < rows):
            return f"{name}: expected vertex numbers from 0 to {rows - 1}"
    if not ((result.quality[result.present] >= 0) & (result.quality[result.present] <= 1)).all():
        return "quality: expected 0 to 1 where the hand is present"
    return None


def _find_wrong_row(result: FitResult, just_read: bool) -> str | None:
    """Rows are finite exactly where the hand is present; a bounded number of frames at a time."""
    for name in ("joints_m", "joints_sigma_mm", "quality", "keypoints_px", "vertices_m", "pose", "translation_m"):
        array: np.ndarray = getattr(result, name)
        for first in range(0, result.present.shape[1], FRAMES_AT_ONCE):
            frames = slice(first, first + FRAMES_AT_ONCE)
            present = result.present[:, frames]
            rows = array[:, frames].reshape(*present.shape, int(np.prod(array.shape[2:])))
            if not np.isfinite(rows[present]).all():
                return f"{name}: expected finite numbers where the hand is present"
            if not np.isnan(rows[~present]).all():
                return f"{name}: expected NaN where the hand is not present"
            if just_read:
                release_pages(array)
    return None


def _from_arrays(arrays: Mapping[str, np.ndarray], file: Path) -> FitResult:
    """The typed result; shapes and values are checked afterwards."""
    require_version(arrays, FORMAT_VERSION, file)
    missing = [field.name for field in fields(FitResult) if field.name not in arrays]
    if missing:
        raise InputError(f"{file}: {missing[0]} is missing")
    return FitResult(
        side=cast("tuple[Side, ...]", tuple(str(side) for side in typed(arrays, "side", "U", 1, file))),
        present=arrays["present"],
        observed=arrays["observed"],
        joints_m=arrays["joints_m"],
        joints_sigma_mm=arrays["joints_sigma_mm"],
        quality=arrays["quality"],
        keypoints_px=arrays["keypoints_px"],
        vertices_m=arrays["vertices_m"],
        faces=arrays["faces"],
        uv=arrays["uv"],
        uv_faces=arrays["uv_faces"],
        pose=arrays["pose"],
        betas=arrays["betas"],
        translation_m=arrays["translation_m"],
        lighting=arrays["lighting"],
        K=arrays["K"],
        K_frames=arrays["K_frames"],
        camera_from_world=arrays["camera_from_world"],
        focal_source=cast("FocalSource", str(typed(arrays, "focal_source", "U", 0, file))),
        focal_sigma=float(typed(arrays, "focal_sigma", "f", 0, file)),
        distortion=arrays["distortion"],
        K_known=bool(typed(arrays, "K_known", "b", 0, file)),
        hand_model=cast('Literal["anny", "mano"]', str(typed(arrays, "hand_model", "U", 0, file))),
        image_size=cast("tuple[int, int]", tuple(int(size) for size in typed(arrays, "image_size", "i", 1, file))),
        fps=float(typed(arrays, "fps", "f", 0, file)),
        status=str(typed(arrays, "status", "U", 0, file)),
    )
