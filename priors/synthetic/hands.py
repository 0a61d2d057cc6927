"""Batches of random hands before random cameras with what a detector would say of them: data without end or download.

    source = RandomHands(model, landmarks_of(model, "mediapipe"), errors)
    batch = source.batch(seed, 256)                 # batch.sight is shown, batch.truth is to be said

Every batch follows from its seed alone. Hands are drawn before a camera, then seen through crops turned to them, as
real ones are; truths are in the crops' axes.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fitter.hand import HandModel, Landmarks
from fitter.observe.evidence import directions_in_palm
from fitter.skeleton import BONES, POINT_PARENTS
from priors.network.crop import Crops, crops_around
from priors.network.guess import in_crop
from priors.network.sight import Sight
from priors.synthetic.detector_errors import sample_errors
from priors.synthetic.error_axes import CueErrors, HandCues, with_errors
from priors.synthetic.poses import random_orientations, random_rotations

# Shares of sources: some err as MediaPipe was measured to, the others as `Noise` says.
MEASURED = 0.6
# Measured errors are scaled by random factors: real pictures are harder or easier than the rendered ones.
SCALES, BIASES = (0.4, 1.2), (0.0, 1.2)
# Betas are drawn a little wider than people are: a network is to know rare hands, too.
BETA_DEVIATION = 1.0
# Distance of the hand's middle (metres), uniform in its log; how far it is off the optical axis (x/z, y/z).
NEAREST_M, FARTHEST_M = 0.2, 1.5
OFF_AXIS = 0.35
# What sources call a knuckle differs: offsets are drawn between none and these times MediaPipe's, and each a little.
MOST_OFFSET = 1.25
OFFSET_DEVIATION_M = 0.0015
# How often a source has depth, 3D landmarks; networks are to do without, too.
DEPTH_SHARE, BONES_SHARE = 0.4, 0.4
# Shares of hands with joints missing, and of joints missing there.
INCOMPLETE, MISSING = 0.3, 0.3


@dataclass(frozen=True)
class Truth:
    """Of n hands, in their crops' axes: metres, MANO order; `joints` the model's, `points` the source's landmarks.

    `albedo` and `lighting` as in `Guess`, of hands that pictures were drawn of.
    """

    rotations: Float[Tensor, "n 16 3 3"]
    wrist: Float[Tensor, "n 3"]
    betas: Float[Tensor, "n betas"]
    joints: Float[Tensor, "n 21 3"]
    points: Float[Tensor, "n 21 3"]
    albedo: Float[Tensor, "n skins"] | None = None
    lighting: Float[Tensor, "n 9 3"] | None = None

    def __getitem__(self, chosen: slice | Tensor) -> "Truth":
        return self.each(lambda value: value[chosen])

    def to(self, device: torch.device | str) -> "Truth":
        return self.each(lambda value: value.to(device))

    def each(self, change: Callable[[Tensor], Tensor]) -> "Truth":
        """The same with every tensor changed."""
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{name: change(value) for name, value in given.items() if value is not None})


@dataclass(frozen=True)
class Batch:
    sight: Sight
    truth: Truth
    crops: Crops


@dataclass(frozen=True)
class Noise:
    """Sizes of the errors of detectors that nobody measured.

    Of keypoints and depth in shares of the crop's half side, of bones in radians. `gross` is the share of keypoints
    that are thrown off by `gross_size`; `measured` that of hands whose detector errs as MediaPipe was measured to.
    """

    keypoints: float = 0.018
    depth: float = 0.06
    depth_tilt: float = 0.12
    bones: float = 0.14
    gross: float = 0.01
    gross_size: float = 0.15
    measured: float = MEASURED


@dataclass(frozen=True)
class RandomHands:
    """Draws batches; `model` and `landmarks` float32."""

    model: HandModel
    landmarks: Landmarks
    noise: Noise = Noise()

    def batch(self, seed: int, count: int) -> Batch:
        generator = torch.Generator().manual_seed(seed)
        model = self.model
        betas = BETA_DEVIATION * torch.randn(count, model.n_betas, generator=generator)
        fingers = random_rotations(generator, model.joints, count)
        rotations = torch.cat([random_orientations(generator, count)[:, None], fingers], dim=1)
        posed = model.with_shape(betas).with_pose(rotations[:, None], torch.zeros(count, 1, 3))
        measured = torch.rand(count, generator=generator) < self.noise.measured
        points, joints = posed.attached(self.rest_points(generator, betas, measured))[:, 0], posed.joints[:, 0]
        wrist = self.place(generator, points)
        points, joints = points + wrist[:, None], joints + wrist[:, None]
        crops, sight = self.seen(generator, points, rotations[:, 0], measured)
        turned, its_wrist = in_crop(crops, rotations, wrist)
        back = crops.rotation_crop_camera.mT
        return Batch(sight, Truth(turned, its_wrist, betas, joints @ back, points @ back), crops)

    def rest_points(
        self, generator: torch.Generator, betas: Float[Tensor, "n betas"], measured: Bool[Tensor, "n"]
    ) -> Float[Tensor, "n 21 3"]:
        """Landmarks at rest: MediaPipe's, and of sources that differ from hand to hand."""
        joints, there = self.model.with_shape(betas).joints, self.landmarks.with_shape(betas)
        share = MOST_OFFSET * torch.rand(len(betas), 1, 1, generator=generator)
        single = OFFSET_DEVIATION_M * torch.randn(joints.shape, generator=generator)
        return torch.where(measured[:, None, None], there, joints + share * (there - joints) + single)

    def place(self, generator: torch.Generator, points: Float[Tensor, "n 21 3"]) -> Float[Tensor, "n 3"]:
        """Wrist positions that bring hands given around the origin somewhere before the camera."""
        count = len(points)
        span = torch.log(points.new_tensor([NEAREST_M, FARTHEST_M]))
        z = (span[0] + (span[1] - span[0]) * torch.rand(count, generator=generator)).exp()
        off = OFF_AXIS * (2.0 * torch.rand(count, 2, generator=generator) - 1.0)
        middle = 0.5 * (points.amin(1) + points.amax(1))
        return torch.cat([off, torch.ones(count, 1)], dim=-1) * z[:, None] - middle

    def seen(
        self,
        generator: torch.Generator,
        points: Float[Tensor, "n 21 3"],
        orientation: Float[Tensor, "n 3 3"],
        measured: Bool[Tensor, "n"],
    ) -> tuple[Crops, Sight]:
        """What detectors say of landmarks at `points` (metres, camera axes) of hands so turned."""
        count = len(points)
        present = ~(chance(generator, INCOMPLETE, count, 1) & chance(generator, MISSING, count, 21))
        exact = exact_cues(points, orientation)
        told, other = self.told_by_mediapipe(generator, exact), self.told(generator, exact, present)
        told = HandCues(*(pick(measured, getattr(told, f.name), getattr(other, f.name)) for f in fields(HandCues)))
        crops = crops_around(told.pixels, present)
        confidence = present * (0.5 + 0.5 * torch.rand(count, 21, generator=generator))
        has_depth = chance(generator, DEPTH_SHARE, count, 1) & present & present[:, :1]
        has_bones = chance(generator, BONES_SHARE, count, 1) & present[:, BONES] & present[:, POINT_PARENTS[BONES]]
        return crops, Sight(
            keypoints=torch.where(present[..., None], crops.into(told.pixels), 0.0),
            confidence=confidence,
            depth=crops.depth_into(told.pixels, told.depth_px) * has_depth,
            depth_weight=has_depth * confidence,
            bones=told.directions * has_bones[..., None],
            bone_weight=has_bones * confidence[:, BONES],
            half=crops.half,
        )

    def told_by_mediapipe(self, generator: torch.Generator, exact: HandCues) -> HandCues:
        """Errors as measured, some frames worse and some better."""
        scale, bias = (
            low + (high - low) * float(torch.rand((), generator=generator)) for low, high in (SCALES, BIASES)
        )
        errors = sample_errors(generator, len(exact.pixels), scale, bias)
        single = CueErrors(**{f.name: getattr(errors, f.name).to(exact.pixels) for f in fields(CueErrors)})
        return with_errors(exact, single)

    def told(self, generator: torch.Generator, exact: HandCues, present: Bool[Tensor, "n 21"]) -> HandCues:
        """Errors that persist along a finger and over the hand; how large they are varies from frame to frame."""
        noise, count = self.noise, len(present)

        def normal(*shape: int) -> Tensor:
            return torch.randn(count, *shape, generator=generator)

        around = crops_around(exact.pixels, present)
        size = noise.keypoints * (0.6 * normal(1, 1)).exp()
        fingers = normal(5, 2).repeat_interleave(4, 1)
        error = size * (0.5 * normal(1, 2) + 0.7 * torch.cat([normal(1, 2), fingers], 1) + 0.6 * normal(21, 2))
        error = error + noise.gross_size * normal(21, 2) * chance(generator, noise.gross, count, 21, 1)
        units = around.into(exact.pixels) + error
        tilt = ((units - units[:, :1]) @ (noise.depth_tilt * normal(2, 1)))[..., 0]
        fingers = torch.cat([torch.zeros(count, 1), normal(5).repeat_interleave(4, 1)], 1)
        depth = tilt + noise.depth * (0.8 * fingers + 0.6 * normal(21))
        bones = exact.directions + noise.bones * (0.6 * normal(20, 3) + 0.5 * normal(1, 3))
        return HandCues(
            pixels=around.out_of(units),
            depth_px=exact.depth_px + (depth - depth[:, :1]) * around.half[:, None],
            directions=torch.nn.functional.normalize(bones, dim=-1),
        )


def exact_cues(points: Float[Tensor, "n 21 3"], orientation: Float[Tensor, "n 3 3"]) -> HandCues:
    """What a detector without errors says, for a focal length of 1: its pixels are (x/z, y/z)."""
    z = points[..., 2]
    return HandCues(points[..., :2] / points[..., 2:], z / z[:, :1] - 1.0, directions_in_palm(points, orientation))


def chance(generator: torch.Generator, share: float, *shape: int) -> Bool[Tensor, "*shape"]:
    return torch.rand(*shape, generator=generator) < share


def pick(chosen: Bool[Tensor, "n"], one: Float[Tensor, "n *rest"], other: Float[Tensor, "n *rest"]) -> Tensor:
    return torch.where(chosen.reshape(-1, *[1] * (one.dim() - 1)), one, other)
