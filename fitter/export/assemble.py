"""From the engine's right hands to what is written: left hands mirrored back, frames without the hand set to NaN.

result = assemble_result(hands, clip, camera)
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fitter.camera import Camera, FocalSource
from fitter.camera_motion import MovingCamera
from fitter.clip import Clip
from fitter.export.diagnostics import diagnose
from fitter.export.fitted_hand import FittedHand
from fitter.export.quality import frame_quality
from fitter.export.result import FitResult
from fitter.hand.mirror import mirror_points
from fitter.hand.parameters import HandParameters, parameters_of
from fitter.scene import Scene
from fitter.state import at_focal

FRAMES_AT_ONCE = 128  # skinning needs a 3 x 3 matrix per vertex and frame


@dataclass(frozen=True)
class _Rows:
    """One hand's rows of the result, before those without the hand are emptied."""

    joints_m: Float[Tensor, "frames 21 3"]
    vertices_m: Float[Tensor, "frames vertices 3"]
    keypoints_px: Float[np.ndarray, "frames 21 2"]
    parameters: HandParameters


def assemble_result(hands: Sequence[FittedHand], clip: Clip, camera: Camera) -> FitResult:
    """The result of a clip: one to two hands of the same model in the camera of the input frames.

    Where the fit moved the focal length, the result's K has it; of two hands, the mean, and each keeps its pixels.
    """
    model = hands[0].fit.scene.model
    log_focal = torch.stack([hand.fit.state.log_focal for hand in hands]).mean()
    camera = camera.scaled(float(log_focal.exp()))
    moving = camera if isinstance(camera, MovingCamera) else MovingCamera.still(camera)
    rows = [_rows_of(hand, camera, log_focal) for hand in hands]
    present = np.stack([hand.fit.present for hand in hands])

    def stacked(arrays: Iterable[np.ndarray | Tensor]) -> np.ndarray:
        """(hands, frames, ...) float32 with NaN where the hand is not present."""
        full = np.stack([np.asarray(array, dtype=np.float32) for array in arrays])
        full[~present] = np.nan
        return full

    return FitResult(
        side=tuple(hand.side for hand in hands),
        present=present,
        observed=np.stack([hand.observed for hand in hands]),
        joints_m=stacked([row.joints_m for row in rows]),
        joints_sigma_mm=stacked([hand.fit.posterior.joints_sigma_mm for hand in hands]),
        quality=stacked(frame_quality(diagnose(hands))),
        keypoints_px=stacked([row.keypoints_px for row in rows]),
        vertices_m=stacked([row.vertices_m for row in rows]),
        faces=model.faces.numpy().astype(np.int32),
        uv=model.uv.numpy().astype(np.float32),
        uv_faces=model.uv_faces.numpy().astype(np.int32),
        pose=stacked([row.parameters.pose for row in rows]),
        betas=np.stack([row.parameters.betas.numpy() for row in rows]).astype(np.float32),
        translation_m=stacked([row.parameters.translation_m for row in rows]),
        lighting=np.stack([lighting_of(hand) for hand in hands])[:, None],
        K=camera.matrix,
        K_known=camera.known,
        K_frames=moving.matrices,
        camera_from_world=moving.camera_from_world,
        focal_source=source_of_focal(camera, log_focal),
        focal_sigma=sigma_of_focal(hands, camera, log_focal),
        distortion=np.array(camera.distortion, dtype=np.float64),
        hand_model=cast('Literal["anny", "mano"]', model.name),
        image_size=(clip.width, clip.height),
        fps=clip.fps,
        status=status_of(hands),
    )


def source_of_focal(camera: Camera, log_focal: Float[Tensor, ""]) -> FocalSource:
    """Where the focal length comes from: a fit that had it free has moved it."""
    if camera.known:
        return "given"
    return camera.focal_source if float(log_focal) == 0.0 else "estimated"


def sigma_of_focal(hands: Sequence[FittedHand], camera: Camera, log_focal: Float[Tensor, ""]) -> float:
    """Of the log focal length; of two hands the larger, since both err alike."""
    if source_of_focal(camera, log_focal) != "estimated":
        return 0.0 if camera.known else camera.focal_sigma
    return max(hand.fit.posterior.focal_sigma for hand in hands)


def lighting_of(hand: FittedHand) -> Float[np.ndarray, "9 3"]:
    """Spherical harmonics of the light on this hand in the input's frames, float32; NaN where none was estimated."""
    appearance = hand.fit.appearance
    if appearance is None:
        return np.full((9, 3), np.nan, dtype=np.float32)
    worn = appearance if hand.side == "right" else appearance.mirrored()
    return worn.lighting.cpu().numpy().astype(np.float32)


def status_of(hands: Sequence[FittedHand]) -> str:
    """`converged` if all hands did, else one sentence per hand that did not."""
    troubles = [f"{hand.side} hand: {hand.fit.status}" for hand in hands if hand.fit.status != "converged"]
    return "; ".join(troubles) or "converged"


def _rows_of(hand: FittedHand, camera: Camera, log_focal: Float[Tensor, ""]) -> _Rows:
    scene = hand.fit.scene.with_state(at_focal(hand.fit.state, log_focal))
    joints, vertices, parameters = scene.posed.joints, posed_vertices(scene), parameters_of(scene.posed)
    if hand.side == "left":
        joints, vertices, parameters = mirror_points(joints), mirror_points(vertices), parameters.mirrored()
    keypoints = camera.distort_frames(camera.project(joints).numpy())
    return _Rows(joints, vertices, keypoints, parameters)


def posed_vertices(scene: Scene) -> Float[Tensor, "frames vertices 3"]:
    """The mesh of every frame, float32, a bounded number of frames at a time."""
    state, shaped = scene.state, scene.model.with_shape(scene.state.betas)
    rotations, wrist = state.rotations.split(FRAMES_AT_ONCE), state.wrist.split(FRAMES_AT_ONCE)
    return torch.cat(
        [shaped.with_pose(r, w).mesh().vertices.to(torch.float32) for r, w in zip(rotations, wrist, strict=True)]
    )
