"""A result that labels are taken from, and the images of its frames one after the other.

source = LabelSource("clip", result, diagnostics, clip, came_from)
for image in images_of(plan, 0, first_number=0):
    image.frame, image.hands
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from fitter.camera import Camera
from fitter.clip import Clip, Frame
from fitter.errors import InputError
from fitter.export.diagnostics import Diagnostics
from fitter.export.labels.format import Images, LabelFormat
from fitter.export.labels.gates import Verdict
from fitter.export.labels.hand import LabelledHand, LabelledImage, ManoLabels
from fitter.export.labels.view import View, crop_view, frame_view
from fitter.export.result import FitResult

SMALLEST_DEPTH_M = 0.01  # nearer vertices are inside the lens: they have no place in the image to cut around


@dataclass(frozen=True)
class Origin:
    """Where a result came from, for the manifest: its folder, and its input as it was given, if that is known."""

    folder: str
    input: str | None = None


@dataclass(frozen=True)
class LabelSource:
    """`name` is unique in an export, of letters, digits, - and _. `clip` is None where no images are wanted."""

    name: str
    result: FitResult
    diagnostics: Diagnostics | None
    clip: Clip | None
    origin: Origin

    @property
    def n_frames(self) -> int:
        return self.result.present.shape[1]


@dataclass(frozen=True)
class Plan:
    """A source, its verdict, and what its images are to be."""

    place: int
    source: LabelSource
    verdict: Verdict
    format: LabelFormat
    images: Images
    crop_px: int

    @property
    def kept(self) -> Bool[np.ndarray, "hands frames"]:
        return self.verdict.kept

    @property
    def one_hand(self) -> bool:
        """Whether every hand has an image of its own."""
        return self.format.one_hand or self.cropped

    @property
    def cropped(self) -> bool:
        """Without images, labels are for those that the format has by default."""
        return (self.format.images[0] if self.images == "none" else self.images) == "crops"

    @property
    def n_images(self) -> int:
        return int(self.kept.sum() if self.one_hand else self.kept.any(axis=0).sum())


def images_of(plan: Plan, first_number: int) -> Iterator[LabelledImage]:
    """The images of a source in the order of its frames, and of its hands where each has its own."""
    number = first_number
    for frame in np.flatnonzero(plan.kept.any(axis=0)).tolist():
        rows = np.flatnonzero(plan.kept[:, frame]).tolist()
        for together in [[row] for row in rows] if plan.one_hand else [rows]:
            yield _image(plan, frame, together, number)
            number += 1


def _image(plan: Plan, frame: int, rows: Sequence[int], number: int) -> LabelledImage:
    result = plan.source.result
    view = _view(plan, frame, rows[0])
    intrinsics = view.intrinsics(result.camera.at(frame).matrix)
    hands = tuple(_hand(plan.source, row, frame, view, intrinsics) for row in rows)
    return LabelledImage(number, plan.place, frame, view, intrinsics, hands, result.faces)


def _view(plan: Plan, frame: int, row: int) -> View:
    result = plan.source.result
    mirrored = plan.format.right_only and result.side[row] == "left"
    if not plan.cropped:
        return frame_view(result.image_size, mirrored)
    points = result.vertices_m[row, frame].astype(np.float64)
    points = np.concatenate([points[points[:, 2] > SMALLEST_DEPTH_M], result.joints_m[row, frame]])
    return crop_view(result.image_size, _project(points, result.camera.at(frame).matrix), plan.crop_px, mirrored)


def _hand(source: LabelSource, row: int, frame: int, view: View, intrinsics: Float[np.ndarray, "3 3"]) -> LabelledHand:
    result, filmed = source.result, source.result.side[row]
    joints = view.points(result.joints_m[row, frame].astype(np.float64))
    mano = _mano(result, row, frame)
    relative = None if source.diagnostics is None else source.diagnostics.relative_sigma_mm[row, frame]
    return LabelledHand(
        side="right" if view.mirrored else filmed,
        filmed_side=filmed,
        joints_m=joints,
        keypoints_px=_project(joints, intrinsics),
        vertices_m=view.points(result.vertices_m[row, frame].astype(np.float64)),
        sigma_mm=result.joints_sigma_mm[row, frame].astype(np.float64),
        relative_sigma_mm=np.full(21, np.nan) if relative is None else relative.astype(np.float64),
        quality=float(result.quality[row, frame]),
        mano=mano.mirrored() if mano is not None and view.mirrored else mano,
    )


def _mano(result: FitResult, row: int, frame: int) -> ManoLabels | None:
    """The parameters of a fit of MANO; another model's mean nothing to MANO."""
    if result.hand_model != "mano":
        return None
    pose, betas, translation = result.pose[row, frame], result.betas[row], result.translation_m[row, frame]
    return ManoLabels(pose.astype(np.float64), betas.astype(np.float64), translation.astype(np.float64))


def _project(
    points_m: Float[np.ndarray, "points 3"], intrinsics: Float[np.ndarray, "3 3"]
) -> Float[np.ndarray, "points 2"]:
    """Undistorted pixels."""
    projected = points_m @ intrinsics.T
    return projected[:, :2] / projected[:, 2:]


def undistorted_frames(source: LabelSource, wanted: Bool[np.ndarray, "frames"]) -> Iterator[tuple[int, Frame]]:
    """Number and pixels of the frames that are wanted, freed of the lens's distortion.

    No format has a place for distortion, so labels and images are those of a pinhole camera of the same K. Raises
    InputError where the clip is not the result's.
    """
    clip, result = source.clip, source.result
    if clip is None or not wanted.any():
        return
    if (clip.n_frames, clip.width, clip.height) != (source.n_frames, *result.image_size):
        width, height = result.image_size
        raise InputError(
            f"{clip.path}: has {clip.n_frames} frames of {clip.width}x{clip.height}; expected the clip of "
            f"{source.origin.folder}, {source.n_frames} of {width}x{height}"
        )
    last, camera = int(np.flatnonzero(wanted)[-1]), result.camera
    lens = Lens(camera)
    for number, frame in enumerate(clip.frames()):
        if number > last:
            return
        if wanted[number]:
            lens = lens if camera.at(number) is camera else Lens(camera.at(number))
            yield number, lens.undistorted(frame)


class Lens:
    """The remapping that undoes a lens, computed once."""

    def __init__(self, camera: Camera) -> None:
        self._maps: tuple[np.ndarray, np.ndarray] | None = None
        if not camera.distortion:
            return
        columns, rows = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
        # For every pixel of the pinhole camera the place in the input frame; OpenCV counts from the first centre.
        places = camera.distort(np.stack([columns, rows], axis=-1)) - 0.5
        self._maps = places[..., 0].astype(np.float32), places[..., 1].astype(np.float32)

    def undistorted(self, frame: Frame) -> Frame:
        """The frame as a pinhole camera of the same K would have seen it; what it did not see is black."""
        if self._maps is None:
            return frame
        import cv2

        return np.asarray(cv2.remap(frame, *self._maps, interpolation=cv2.INTER_CUBIC))
