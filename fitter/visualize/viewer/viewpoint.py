"""Where a viewer's eye is: turning about a point, shifting, going nearer, and the place of the clip's own camera.

    view = around(centre_m, distance_m, azimuth=0.6, elevation=0.3)
    view = turned(view, 0.1, 0.0)
    view.extrinsic                              # (4, 4): camera axes of the clip -> axes of the eye

World axes are the clip's camera axes (x right, y down, z forward), metres; the eye's axes are like them.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float64

from fitter.camera import Camera

Vector = Float64[np.ndarray, "3"]

ORBIT_FOV_DEG = 32.0  # vertical: a portrait lens, under which hands keep their proportions
STEEPEST = math.radians(85.0)  # over the top the picture would turn over
NEAREST_M, FARTHEST_M = 0.05, 5.0


@dataclass(frozen=True)
class Viewpoint:
    """An eye that looks at `target_m` from `distance_m` away.

    Azimuth 0 and elevation 0 look as the clip's camera does; a positive azimuth moves the eye to its right, a positive
    elevation up. `focal_px` is the focal length for a window one pixel high, so that a window's size drops out.
    """

    target_m: Vector
    distance_m: float
    azimuth: float
    elevation: float
    focal: float

    @property
    def rotation(self) -> Float64[np.ndarray, "3 3"]:
        """Rows: the eye's right, down and forward."""
        sine, cosine = math.sin(self.azimuth), math.cos(self.azimuth)
        across = np.array([[cosine, 0.0, sine], [0.0, 1.0, 0.0], [-sine, 0.0, cosine]])
        sine, cosine = math.sin(self.elevation), math.cos(self.elevation)
        upward = np.array([[1.0, 0.0, 0.0], [0.0, cosine, -sine], [0.0, sine, cosine]])
        return upward @ across

    @property
    def eye_m(self) -> Vector:
        return self.target_m - self.distance_m * self.rotation[2]

    @property
    def extrinsic(self) -> Float64[np.ndarray, "4 4"]:
        """Homogeneous, world to eye."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.rotation
        matrix[:3, 3] = -self.rotation @ self.eye_m
        return matrix

    def seen(self, points_m: Float[np.ndarray, "points 3"]) -> Float64[np.ndarray, "points 3"]:
        """World points in the eye's axes."""
        return (np.asarray(points_m, dtype=np.float64) - self.eye_m) @ self.rotation.T

    def camera(self, size: tuple[int, int]) -> Camera:
        """The pinhole camera of a window of this width and height, which looks through the window's middle."""
        width, height = size
        return Camera(self.focal * height, self.focal * height, width / 2.0, height / 2.0, width, height)


def around(target_m: Vector, distance_m: float, azimuth: float, elevation: float) -> Viewpoint:
    """An eye that looks at a point."""
    focal = 0.5 / math.tan(math.radians(ORBIT_FOV_DEG) / 2.0)
    return Viewpoint(np.asarray(target_m, dtype=np.float64), distance_m, azimuth, elevation, focal)


def through(camera: Camera, size: tuple[int, int], margins_px: tuple[float, float]) -> Viewpoint:
    """The eye at the clip's camera; its whole frame fits a window of `size` less a strip above and one below.

    The window looks through its own middle, not through the frame's: the principal point lies at the window's middle,
    so that pixels keep their proportions.
    """
    width, height = size
    above, below = margins_px
    room = [
        (width / 2.0) / max(camera.cx, camera.width - camera.cx) * camera.fx,
        (height / 2.0 - above) / camera.cy * camera.fy,
        (height / 2.0 - below) / (camera.height - camera.cy) * camera.fy,
    ]
    return Viewpoint(np.array([0.0, 0.0, 1.0]), 1.0, 0.0, 0.0, max(min(room), 1.0) / height)


def turned(view: Viewpoint, right: float, up: float) -> Viewpoint:
    """The eye moved around its target, radians."""
    elevation = min(max(view.elevation + up, -STEEPEST), STEEPEST)
    return replace(view, azimuth=view.azimuth + right, elevation=elevation)


def shifted(view: Viewpoint, right: float, down: float) -> Viewpoint:
    """What is seen moved by so many window heights in the picture."""
    scale = view.distance_m / view.focal
    return replace(view, target_m=view.target_m - scale * (right * view.rotation[0] + down * view.rotation[1]))


def nearer(view: Viewpoint, factor: float) -> Viewpoint:
    """The eye at 1 / `factor` of its distance."""
    return replace(view, distance_m=min(max(view.distance_m / factor, NEAREST_M), FARTHEST_M))
