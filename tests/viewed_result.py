"""A small result folder of two capsule hands with textures, a clip and all that the viewer reads."""

import math
from pathlib import Path

import numpy as np
import torch

from fitter.export.result import FitResult, save_result
from fitter.export.run_record import RunRecord, save_record
from fitter.export.texture import write_png
from fitter.export.video import VideoWriter
from fitter.hand import HandModel
from tests.dressed_hand import appearance, coloured_hand

FRAMES, FPS = 12, 12.0
SIZE = (320, 240)
K = np.array([[400.0, 0.0, 150.0], [0.0, 400.0, 125.0], [0.0, 0.0, 1.0]])
ABSENT = 5  # the left hand's frame without it
BRIDGED = 7  # the right hand's frame without a detection


def viewed_result(distortion: tuple[float, ...] = ()) -> FitResult:
    """A right hand on the left of the picture, fingers up, its palm to the camera, and a left hand, its mirror image.

    Both move sideways and bend their wrists; sigma grows from the wrist to the tips and over time.
    """
    model = coloured_hand()
    vertices, joints = moving(model)
    flip = np.array([-1.0, 1.0, 1.0], np.float32)
    present, observed = np.ones((2, FRAMES), bool), np.ones((2, FRAMES), bool)
    present[1, ABSENT] = observed[1, ABSENT] = observed[0, BRIDGED] = False

    def rows(right: np.ndarray, left: np.ndarray) -> np.ndarray:
        array = np.stack([right, left]).astype(np.float32)
        array[~present] = np.nan
        return array

    all_joints = rows(joints, joints * flip)
    sigma = np.linspace(2.0, 6.0, 21)[None] + np.arange(FRAMES)[:, None] * 0.5
    pixels = all_joints[..., :2] / all_joints[..., 2:] * [400.0, 400.0] + [150.0, 125.0]
    return FitResult(
        side=("right", "left"),
        present=present,
        observed=observed,
        joints_m=all_joints,
        joints_sigma_mm=rows(sigma, sigma + 1.0),
        quality=rows(np.linspace(0.2, 0.9, FRAMES), np.full(FRAMES, 0.8)),
        keypoints_px=pixels.astype(np.float32),
        vertices_m=rows(vertices, vertices * flip),
        faces=model.faces.numpy().astype(np.int32),
        uv=model.uv.numpy().astype(np.float32),
        uv_faces=model.uv_faces.numpy().astype(np.int32),
        pose=rows(np.zeros((FRAMES, 48)), np.zeros((FRAMES, 48))),
        betas=np.zeros((2, 10), np.float32),
        translation_m=rows(joints[:, 0], joints[:, 0] * flip),
        lighting=np.full((2, 1, 9, 3), np.nan, np.float32),
        K=K,
        K_known=True,
        K_frames=np.zeros((0, 3, 3)),
        camera_from_world=np.zeros((0, 4, 4)),
        focal_source="given",
        focal_sigma=0.0,
        distortion=np.array(distortion, dtype=np.float64),
        hand_model="anny",
        image_size=SIZE,
        fps=FPS,
        status="converged",
    )


def moving(model: HandModel) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and joints of the right hand in every frame."""
    upright = torch.tensor([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]], dtype=torch.float64)
    rotations = torch.eye(3, dtype=torch.float64).repeat(FRAMES, 16, 1, 1)
    for frame in range(FRAMES):
        sine, cosine = math.sin(0.05 * frame), math.cos(0.05 * frame)
        rotations[frame, 0] = torch.tensor([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]]).double() @ upright
    wrist = torch.tensor([[-0.095 + 0.002 * frame, 0.07, 0.55] for frame in range(FRAMES)], dtype=torch.float64)
    posed = model.with_shape(torch.zeros(1, dtype=torch.float64)).with_pose(rotations, wrist)
    return posed.mesh().vertices.numpy(), posed.joints.numpy()


def texture_picture() -> np.ndarray:
    """Red towards the back, blue towards the palm, green towards the thumb's side."""
    return (appearance().albedo.numpy() * 255.0).astype(np.uint8)


def write_clip(path: Path, frames: int = FRAMES) -> Path:
    """Every frame of its own grey, with a red corner at the upper left."""
    with VideoWriter(path, FPS, SIZE) as writer:
        for frame in range(frames):
            picture = np.full((SIZE[1], SIZE[0], 3), 60 + 10 * frame, np.uint8)
            picture[:60, :80] = (220, 30, 30)
            writer.write(picture)
    return path


def write_result(folder: Path, textured: bool = True) -> Path:
    """The folder of a fit to the clip beside it, `clip.mp4`."""
    folder.mkdir(parents=True)
    clip = write_clip(folder.parent / "clip.mp4")
    save_result(viewed_result(), folder)
    for side in ("right", "left") if textured else ():
        write_png(folder / f"texture_{side}.png", texture_picture())
    save_record(RunRecord("0", "clip.mp4", str(clip), ("fit_sequence.py", "clip.mp4"), "0", 1.0), folder)
    return folder
