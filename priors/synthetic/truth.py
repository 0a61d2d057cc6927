"""What a synthetic clip shows, known exactly: the hand's shape, pose and place in every frame.

truth.save(Path("truth.npz"))
truth = SyntheticTruth.load(Path("truth.npz"))
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import cast

import numpy as np
from jaxtyping import Float, Int

from fitter.camera import Camera
from fitter.errors import InputError
from fitter.export.atomic import atomic_path
from fitter.hand import PosedHand
from fitter.hand.mirror import mirror_points
from fitter.hand.parameters import parameters_of
from fitter.observe.observations import Side

LENS = ("fx", "fy", "cx", "cy", "width", "height", "distortion", "known")  # what a file keeps of the camera


@dataclass(frozen=True)
class SyntheticTruth:
    """One hand over T frames, in the conventions of `result.npz`: in metres and camera axes.

    `faces` are wound as for a right hand; a left hand's pose and translation are those of the mirrored model.
    """

    side: Side
    fps: float
    camera: Camera
    betas: Float[np.ndarray, "betas"]
    pose: Float[np.ndarray, "frames 48"]
    translation_m: Float[np.ndarray, "frames 3"]
    joints_m: Float[np.ndarray, "frames 21 3"]
    keypoints_px: Float[np.ndarray, "frames 21 2"]
    vertices_m: Float[np.ndarray, "frames vertices 3"]
    faces: Int[np.ndarray, "faces 3"]

    @property
    def n_frames(self) -> int:
        return len(self.pose)

    def save(self, path: Path) -> None:
        """Write an .npz file, whole or not at all."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "camera"}
        lens = {f"camera_{name}": getattr(self.camera, name) for name in LENS}
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays, **lens)

    @staticmethod
    def load(path: Path) -> "SyntheticTruth":
        """Read what `save` wrote; InputError where the file is something else."""
        try:
            with np.load(path, allow_pickle=False) as file:
                stored = {name: file[name] for name in file.files}
            lens = {name: stored[f"camera_{name}"] for name in LENS}
            camera = Camera(
                *(float(lens[name]) for name in ("fx", "fy", "cx", "cy")),
                width=int(lens["width"]),
                height=int(lens["height"]),
                distortion=tuple(lens["distortion"].tolist()),
                known=bool(lens["known"]),
            )
            arrays = {f.name: stored[f.name] for f in fields(SyntheticTruth) if f.name not in ("camera", "side", "fps")}
            return SyntheticTruth(cast(Side, str(stored["side"])), float(stored["fps"]), camera, **arrays)
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise InputError(
                f"{path}: not a truth file of a synthetic clip ({error}), expected one made by demo"
            ) from None


def synthetic_truth(posed: PosedHand, camera: Camera, side: Side, fps: float) -> SyntheticTruth:
    """The truth of a posed right hand (no batch axes), or of its mirror image for a left hand."""
    parameters, joints, vertices = parameters_of(posed), posed.joints, posed.mesh().vertices
    if side == "left":
        parameters, joints, vertices = parameters.mirrored(), mirror_points(joints), mirror_points(vertices)
    return SyntheticTruth(
        side=side,
        fps=fps,
        camera=camera,
        betas=parameters.betas.numpy(),
        pose=parameters.pose.numpy(),
        translation_m=parameters.translation_m.numpy(),
        joints_m=joints.numpy(),
        keypoints_px=camera.distort_frames(camera.project(joints).numpy()),
        vertices_m=vertices.numpy(),
        faces=posed.shaped.model.faces.numpy(),
    )
