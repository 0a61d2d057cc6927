"""The capsule hand in a skin of known colours: for the tests of everything that shows an appearance."""

from dataclasses import replace

import numpy as np
import torch

from fitter.camera import Camera
from fitter.hand import HandModel
from fitter.render.appearance import Appearance
from fitter.render.shading import directional_light, vertex_normals
from fitter.visualize.dressed import DressedHand
from fitter.visualize.overlay import DrawnHand
from tests.toy_hand import toy_hand

CAMERA = Camera(fx=400.0, fy=400.0, cx=150.0, cy=125.0, width=320, height=240)
TEXELS, FRAMES = 32, 3


def coloured_hand() -> HandModel:
    """One UV per vertex, by where it faces at rest: the back has u = 0.1, the palm 0.9, the thumb's side v = 0.9."""
    model = replace(toy_hand(), name="anny")
    normals = vertex_normals(model.template, model.faces)
    uv = 0.5 + 0.4 * torch.stack([-normals[:, 1], normals[:, 2]], dim=1)
    return replace(model, uv=uv, uv_faces=model.faces)


def appearance(n_frames: int = FRAMES, gain: float = 1.0) -> Appearance:
    """Red towards the back, blue towards the palm, green towards the thumb's side; a lamp from the upper left."""
    u = (torch.arange(TEXELS) + 0.5).div(TEXELS).expand(TEXELS, TEXELS)
    albedo = torch.stack([1.0 - u, 1.0 - u.T, u], dim=-1) * 0.8 + 0.1
    lamp = torch.nn.functional.normalize(torch.tensor([-0.6, -0.5, -0.6]), dim=0)
    lighting = directional_light(lamp, torch.tensor([0.6, 0.55, 0.5]), torch.tensor([0.4, 0.4, 0.45]))
    coverage = torch.zeros(TEXELS, TEXELS)
    coverage[: TEXELS // 2] = 1.0
    return Appearance(albedo, coverage, lighting, torch.full((n_frames, 3), gain))


def dressed_hand(n_frames: int = FRAMES) -> DressedHand:
    """A right hand, palm to the camera, fingers up, moving right by 1 cm per frame."""
    model = coloured_hand()
    rotations = torch.eye(3, dtype=torch.float64).repeat(n_frames, 16, 1, 1)
    rotations[:, 0] = torch.tensor([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]], dtype=torch.float64)
    wrist = torch.tensor([[-0.02 + 0.01 * t, 0.07, 0.45] for t in range(n_frames)], dtype=torch.float64)
    posed = model.with_shape(torch.zeros(1, dtype=torch.float64)).with_pose(rotations, wrist)
    everywhere = np.ones(n_frames, dtype=bool)
    vertices, joints = posed.mesh().vertices.float().numpy(), posed.joints.float().numpy()
    drawn = DrawnHand("right", vertices, joints, model.faces.numpy(), everywhere, everywhere)
    return DressedHand(drawn, appearance(n_frames), model.uv.numpy(), model.uv_faces.numpy())


def mirrored(hand: DressedHand) -> DressedHand:
    """The left hand that is seen in the mirrored frames."""
    flip = np.array([-1.0, 1.0, 1.0], np.float32)
    drawn = replace(hand.drawn, vertices_m=hand.drawn.vertices_m * flip, joints_m=hand.drawn.joints_m * flip)
    return replace(hand, drawn=replace(drawn, side="left"), appearance=hand.appearance.mirrored())
