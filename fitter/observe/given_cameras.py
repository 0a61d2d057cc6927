"""What the user knows of a clip's camera, frame by frame.

camera = read_cameras(path, size, n_frames).of(camera)       # fitter/observe/camera_file.py
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from fitter.camera import Camera
from fitter.camera_motion import MovingCamera


@dataclass(frozen=True)
class GivenCameras:
    """What a file says of the T frames' cameras; None where it says nothing. Checked: no reader need do so again."""

    matrices: Float64[np.ndarray, "frames 3 3"] | None
    camera_from_world: Float64[np.ndarray, "frames 4 4"] | None
    distortion: tuple[float, ...] = ()

    def of(self, camera: Camera) -> Camera:
        """`camera` with what is given in place of its own; a plain one where nothing changes from frame to frame."""
        matrices = self.matrices
        if matrices is not None:
            (fx, _, cx), (_, fy, cy), _ = matrices[0].tolist()
            camera = Camera(fx, fy, cx, cy, camera.width, camera.height, self.distortion)
            matrices = None if (matrices == matrices[0]).all() else matrices
        if matrices is None and self.camera_from_world is None:
            return camera
        return MovingCamera.of(camera, matrices, self.camera_from_world)
