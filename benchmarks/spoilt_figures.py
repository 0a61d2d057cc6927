"""What a spoilt clip's fit lost: its joints beside those of the unspoilt fit, moved as the spoiling moved the hand.

compared = Compared.of(joints_m, expected_joints(clean_m, shown, camera, camera), sigma_mm, hidden)
row = replace(row, **compared.figures())
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from benchmarks.claims import size_and_focal_given
from benchmarks.spoilt_film import Shown
from fitter.camera import Camera
from fitter.evaluate.metrics import pa_errors


@dataclass(frozen=True)
class SpoiltRow:
    """One hand of a spoilt clip. `hidden` joints are those that the spoiling hid, blurred or moved out of the frame.

    present          share of the frames that show the hand in which it is believed to be
    away             share of the frames without the hand in which it is believed to be
    aligned, aligned_hidden  distance from the unspoilt fit after aligning every frame, of seen and hidden joints, mm
    relative, relative_hidden  the same with the clip's size and distance given only
    sigma, sigma_hidden  relative sigma of the same joints, root mean square, mm
    over_sigma, over_sigma_hidden  root mean square of `relative` per axis over that of sigma; above 1: more than told
    truth, truth_clean   distance from the annotation, aligned, spoilt and unspoilt in the same frames, mm
    """

    clip: str
    way: str
    pixels: bool
    frames: int
    side_right: bool
    observed: float
    present: float
    away: float | None
    aligned: float | None = None
    aligned_hidden: float | None = None
    relative: float | None = None
    relative_hidden: float | None = None
    sigma: float | None = None
    sigma_hidden: float | None = None
    over_sigma: float | None = None
    over_sigma_hidden: float | None = None
    truth: float | None = None
    truth_clean: float | None = None

    def told(self) -> str:
        """One line for who waits."""
        hidden = "" if self.over_sigma_hidden is None else f", hidden joints err by {self.over_sigma_hidden:.2f} sigma"
        return f"{self.clip}, {self.way}: fitted{hidden}"


def expected_joints(
    clean: Float[np.ndarray, "clean_frames 21 3"], shown: Shown, camera: Camera, spoilt_camera: Camera
) -> Float[np.ndarray, "frames 21 3"]:
    """Where the unspoilt fit's joints are in the spoilt film: mirrored or turned as it, on the ray of the moved wrist.

    A hand that is moved in the image is seen as one that is turned about the camera, by the angle between the rays.
    """
    joints = clean[shown.source]
    flips = np.sign(np.diagonal(shown.matrix[:, :, :2], axis1=1, axis2=2))
    wrist = joints[:, 0, :2] / joints[:, 0, 2:] * [camera.fx, camera.fy] + [camera.cx, camera.cy]
    moved = np.einsum("fij,fj->fi", shown.matrix[:, :, :2], wrist) + shown.matrix[:, :, 2]
    flat = (moved - [spoilt_camera.cx, spoilt_camera.cy]) / [spoilt_camera.fx, spoilt_camera.fy]
    joints = joints * np.concatenate([flips, np.ones((len(flips), 1))], axis=1)[:, None]
    rotations = [rotation_between(start, np.append(end, 1.0)) for start, end in zip(joints[:, 0], flat, strict=True)]
    return np.einsum("fij,fpj->fpi", np.stack(rotations), joints)


def rotation_between(start: Float[np.ndarray, "3"], end: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """The smallest rotation from one direction to another, less than half a turn away (Rodrigues)."""
    start, end = start / np.linalg.norm(start), end / np.linalg.norm(end)
    x, y, z = np.cross(start, end)
    across = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + across + across @ across / (1.0 + start @ end)


@dataclass(frozen=True)
class Compared:
    """Differences in the frames in which both fits believe the hand to be, by joint, mm."""

    aligned_mm: Float[np.ndarray, "frames 21"]
    relative_mm: Float[np.ndarray, "frames 21"]
    sigma_mm: Float[np.ndarray, "frames 21"]
    hidden: Bool[np.ndarray, "frames 21"]

    @staticmethod
    def of(
        joints: Float[np.ndarray, "frames 21 3"],
        expected: Float[np.ndarray, "frames 21 3"],
        sigma_mm: Float[np.ndarray, "frames 21"],
        hidden: Bool[np.ndarray, "frames 21"],
    ) -> "Compared":
        relative = 1000.0 * np.linalg.norm(size_and_focal_given(joints, expected) - expected, axis=-1)
        return Compared(1000.0 * pa_errors(joints, expected), relative, sigma_mm, hidden)

    def figures(self) -> dict[str, float | None]:
        """By the names of the row's fields; None where no joint is hidden, or none seen."""
        named: dict[str, float | None] = {}
        for ending, chosen in (("", ~self.hidden), ("_hidden", self.hidden)):
            any_chosen = bool(chosen.any())
            relative, sigma = self.relative_mm[chosen], self.sigma_mm[chosen]
            named |= {
                f"aligned{ending}": float(self.aligned_mm[chosen].mean()) if any_chosen else None,
                f"relative{ending}": float(relative.mean()) if any_chosen else None,
                f"sigma{ending}": root_mean_square(sigma) if any_chosen else None,
                f"over_sigma{ending}": root_mean_square(relative) / np.sqrt(3.0) / root_mean_square(sigma)
                if any_chosen
                else None,
            }
        return named


def root_mean_square(values: Float[np.ndarray, "n"]) -> float:
    return float(np.sqrt(np.square(values).mean()))


def by_way(rows: list[SpoiltRow]) -> list["WayRow"]:
    """The means of each way, of fits by keypoints and by pixels apart."""
    kinds = dict.fromkeys((row.way, row.pixels) for row in rows)
    return [mean_row([row for row in rows if (row.way, row.pixels) == kind]) for kind in kinds]


@dataclass(frozen=True)
class WayRow:
    """Means over the fits of a way; of figures that not all have, over those that have them."""

    way: str
    pixels: bool
    fits: int
    sides_right: int
    observed: float | None
    present: float | None
    away: float | None
    aligned: float | None
    aligned_hidden: float | None
    relative: float | None
    relative_hidden: float | None
    over_sigma: float | None
    over_sigma_hidden: float | None


def mean_row(rows: list[SpoiltRow]) -> WayRow:
    def mean(name: str) -> float | None:
        values = [value for value in (getattr(row, name) for row in rows) if value is not None]
        return float(np.mean(values)) if values else None

    names = ("observed", "present", "away", "aligned", "aligned_hidden", "relative", "relative_hidden")
    means = map(mean, (*names, "over_sigma", "over_sigma_hidden"))
    return WayRow(rows[0].way, rows[0].pixels, len(rows), sum(row.side_right for row in rows), *means)
