"""A hand made of its 21 joints alone, and random problems on it: fast, seeded, and exactly known."""

from dataclasses import replace

import numpy as np
import torch

from fitter import rotation
from fitter.camera import Camera
from fitter.hand import HandModel
from fitter.observe.evidence import Evidence, palm_aligned_directions
from fitter.scene import Scene
from fitter.skeleton import BONES, POINT_PARENTS, ROTATION_OF_POINT
from fitter.state import State, trajectory_of_wrist

N_BETAS = 6
CAMERA = Camera(fx=900.0, fy=880.0, cx=640.0, cy=360.0, width=1280, height=720)


def toy_hand() -> HandModel:
    """Bones of a plausible length (metres), fingers along -x; each beta stretches bones by a few percent."""
    directions = torch.tensor([[-0.7, -0.2, 0.7], [-1, 0, 0.25], [-1, 0, 0], [-1, 0, -0.2], [-1, 0, -0.4]]).double()
    lengths_mm = [[45, 32, 28, 25], [92, 42, 25, 22], [88, 46, 29, 23], [82, 42, 28, 23], [78, 34, 20, 21]]
    bones = torch.zeros(21, 3, dtype=torch.float64)
    for finger in range(5):
        for link in range(4):
            straight = directions[finger] if link == 0 or finger == 0 else directions[2]
            bones[1 + 4 * finger + link] = straight / straight.norm() * lengths_mm[finger][link] / 1000.0
    generator = torch.Generator().manual_seed(5)
    stretch = 0.04 * torch.randn(21, N_BETAS, generator=generator, dtype=torch.float64)
    stretch[:, 0] = 0.06
    joints, basis = torch.zeros(21, 3).double(), torch.zeros(21, 3, N_BETAS).double()
    for point in range(1, 21):
        joints[point] = joints[POINT_PARENTS[point]] + bones[point]
        basis[point] = basis[POINT_PARENTS[point]] + bones[point][:, None] * stretch[point]
    skinning = torch.nn.functional.one_hot(torch.from_numpy(ROTATION_OF_POINT), 16).double()
    faces = torch.tensor([[0, 5, 9], [0, 9, 13]])
    return HandModel("toy", joints, basis, joints, basis, None, skinning, faces, torch.zeros(3, 2).double(), faces * 0)


def random_state(model: HandModel, n_frames: int, seed: int, sway: float = 0.15) -> State:
    """A smooth random motion about half a metre from the camera, within natural ranges or near them."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.linspace(0.0, n_frames / 30.0, n_frames, dtype=torch.float64)
    waves = torch.randn(3, 16, 3, generator=generator, dtype=torch.float64)
    phase = time[:, None, None] * (1.0 + waves[0].abs()) + 3.0 * waves[1]
    vectors = sway * torch.sin(phase) * torch.tensor([0.3, 0.5, 2.0])
    vectors[:, 1:, 2] += 0.4
    # Fingers up, palm to the camera.
    facing = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]).double()
    rotations = rotation.exp(vectors)
    rotations = torch.cat([facing @ rotations[:, :1], rotations[:, 1:]], dim=1)
    wrist = torch.tensor([0.02, 0.08, 0.5]).double() + 0.03 * torch.sin(phase[:, 0])
    betas = 0.5 * torch.randn(model.n_betas, generator=generator, dtype=torch.float64)
    return State(rotations, trajectory_of_wrist(wrist), betas, torch.tensor(0.05).double())


def evidence_of(scene: Scene, seed: int, noise_px: float = 2.0, missing: float = 0.1) -> Evidence:
    """What a detector with known noise sees of a scene: keypoints, depth of 2.5 %, 3D directions of 8 degrees."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.standard_normal(shape))

    points = scene.points
    n_frames = len(points)
    confidence = torch.from_numpy((rng.random((n_frames, 21)) >= missing).astype(float))
    depth = (points[..., 2] / points[:, :1, 2] - 1.0 + 0.025 * normal(n_frames, 21)) * scene.focal[0]
    directions, _ = palm_aligned_directions(points, scene.model)
    directions = torch.nn.functional.normalize(directions + 0.14 * normal(n_frames, 20, 3), dim=-1)
    return Evidence(
        keypoints_px=scene.keypoints + noise_px * normal(n_frames, 21, 2),
        confidence=confidence,
        depth_px=depth,
        depth_weight=confidence * confidence[:, :1],
        bone_directions=directions,
        bone_weight=confidence[:, BONES] * confidence[:, POINT_PARENTS[BONES]],
        time_s=torch.arange(n_frames).double() / 30.0,
        pixel_scale=torch.tensor(1.0).double(),
    )


def toy_scene(n_frames: int = 5, seed: int = 0) -> Scene:
    """A random scene whose landmarks sit a little off the joints, as a real source's do."""
    model = toy_hand()
    generator = torch.Generator().manual_seed(seed + 100)
    landmarks = replace(
        model.landmarks, template=model.joints + 0.004 * torch.randn(21, 3, generator=generator, dtype=torch.float64)
    )
    return Scene(model, landmarks, CAMERA, random_state(model, n_frames, seed))
