"""The per-frame network: a trunk that reads keypoints, and an image branch that adds what keypoints cannot tell.

    network = HandNetwork(Architecture())
    guess = network(sight)                     # of n hands at once; sight.pictures may be None

The trunk works alone. With pictures the image branch adds its features to the trunk's and says the skin, the light and
keypoints of its own (soft-argmax over heat maps, Sun et al. 2018, eq. 2). Several hypotheses share the trunk. Rotations
come as two columns (Zhou et al. 2019, eq. 15), relative to the mean pose.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from fitter import rotation
from fitter.hand.joint_axes import MEAN_RAD
from priors.network.guess import Guess, wrist_of
from priors.network.sight import Sight

# Sizes of what a frame's keypoints are described by: x, y, confidence; depth and its weight; bones and theirs; opening.
KEYPOINT_FEATURES = 21 * 3 + 21 * 2 + 20 * 4 + 1
# Standard deviations are kept within these (crop units, radians): a network that is sure of itself is still a network.
LEAST_SIGMA, MOST_SIGMA = 0.01, 1.0


@dataclass(frozen=True)
class Architecture:
    """Sizes of the network; a checkpoint fits only the architecture that it was made with.

    `width` and `blocks` of the trunk, `channels` of the image branch at 1/4, 1/8, 1/16 and 1/32 of the picture.
    """

    betas: int = 20
    hypotheses: int = 4
    width: int = 512
    blocks: int = 3
    channels: tuple[int, int, int, int] = (32, 64, 128, 192)
    skins: int = 12
    picture_size: int = 128


class Block(nn.Module):
    """Two linear layers beside the identity, normalised before."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, features: Tensor) -> Tensor:
        return features + self.layers(features)


class Separable(nn.Module):
    """A depthwise and a pointwise convolution beside the identity (or a strided one: half the size)."""

    def __init__(self, given: int, channels: int, stride: int) -> None:
        super().__init__()
        self.same = stride == 1 and given == channels
        self.layers = nn.Sequential(
            nn.Conv2d(given, given, 5, stride, 2, groups=given, bias=False),
            nn.GroupNorm(4, given),
            nn.Conv2d(given, 2 * channels, 1),
            nn.GELU(),
            nn.Conv2d(2 * channels, channels, 1),
        )

    def forward(self, pixels: Tensor) -> Tensor:
        made = self.layers(pixels)
        return pixels + made if self.same else made


class ImageBranch(nn.Module):
    """Features of a crop, and heat maps of the 21 keypoints at 1/8 of its size."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        first, second, third, last = architecture.channels
        self.stem = nn.Sequential(
            nn.Conv2d(3, first, 4, 4),
            Separable(first, first, 1),
            Separable(first, second, 2),
            Separable(second, second, 1),
        )
        self.heat = nn.Conv2d(second, 21, 1)
        self.deep = nn.Sequential(
            Separable(second, third, 2), Separable(third, third, 1), Separable(third, last, 2), Separable(last, last, 1)
        )
        side = architecture.picture_size // 32
        self.out = nn.Linear(last * side * side, architecture.width)

    def forward(self, pictures: Float[Tensor, "n 3 size size"]) -> tuple[Tensor, Float[Tensor, "n 21 2"]]:
        early = self.stem(2.0 * pictures - 1.0)
        return self.out(self.deep(early).flatten(1)), soft_argmax(self.heat(early))


class HandNetwork(nn.Module):
    """See the module; deterministic, no state but its weights, and any number of hands at once."""

    mean_pose: Tensor

    def __init__(self, architecture: Architecture, joint_axes: Float[Tensor, "15 3 3"]) -> None:
        super().__init__()
        self.architecture = architecture
        width = architecture.width
        self.read = nn.Linear(KEYPOINT_FEATURES, width)
        self.image = ImageBranch(architecture)
        self.read_image_keypoints = nn.Linear(42, width)
        self.trunk = nn.Sequential(*(Block(width) for _ in range(architecture.blocks)), nn.LayerNorm(width))
        self.pose = nn.Linear(width, architecture.hypotheses * (16 * 6 + 3 + 1))
        self.rest = nn.Linear(width, architecture.betas + 21 + 20)
        self.looks = nn.Linear(width, architecture.skins + 27)
        mean = rotation.exp(torch.einsum("jca,ja->jc", joint_axes.double(), torch.from_numpy(MEAN_RAD))).float()
        self.register_buffer("mean_pose", torch.cat([torch.eye(3, device=mean.device)[None], mean]))
        nn.init.normal_(self.pose.weight, std=0.01)  # so that training starts near the mean pose
        nn.init.normal_(self.pose.bias, std=0.01)

    def forward(self, sight: Sight) -> Guess:
        features = self.read(described(sight))
        image_keypoints = None
        if sight.pictures is not None:
            seen, image_keypoints = self.image(sight.pictures)
            features = features + seen + self.read_image_keypoints(image_keypoints.flatten(1))
        features = self.trunk(features)
        pose = self.pose(features).unflatten(-1, (self.architecture.hypotheses, -1))
        betas, depth, bones = self.rest(features).split([self.architecture.betas, 21, 20], dim=-1)
        guess = Guess(
            rotations=rotation_of(pose[..., :96].unflatten(-1, (16, 6))) @ self.mean_pose,
            wrist=wrist_of(pose[..., 96:99], sight.half[:, None].expand(pose.shape[:2])),
            scores=pose[..., 99],
            betas=betas,
            depth_sigma=bounded(depth),
            bone_sigma=bounded(bones),
        )
        if image_keypoints is None:
            return guess
        albedo, light = self.looks(features).split([self.architecture.skins, 27], dim=-1)
        return replace(guess, albedo=albedo, lighting=light.unflatten(-1, (9, 3)), image_keypoints=image_keypoints)


def described(sight: Sight) -> Float[Tensor, "n features"]:
    """What the keypoints' trunk reads; what was not seen is 0, and its weight says so."""
    depth = torch.stack([sight.depth, sight.depth_weight.sign()], dim=-1)
    bones = torch.cat([sight.bones, sight.bone_weight.sign().unsqueeze(-1)], dim=-1)
    points = torch.cat([sight.keypoints, sight.confidence.unsqueeze(-1)], dim=-1)
    return torch.cat([points.flatten(1), depth.flatten(1), bones.flatten(1), sight.half.log().unsqueeze(-1)], dim=-1)


def rotation_of(columns: Float[Tensor, "*any 6"]) -> Float[Tensor, "*any 3 3"]:
    """Two columns, added to the identity's and made orthonormal in turn (Zhou et al. 2019, eq. 15)."""
    first, second = (columns + columns.new_tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0])).split(3, dim=-1)
    x = nn.functional.normalize(first, dim=-1)
    y = nn.functional.normalize(second - (x * second).sum(-1, keepdim=True) * x, dim=-1)
    return torch.stack([x, y, torch.linalg.cross(x, y)], dim=-1)


def bounded(raw: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """A standard deviation between LEAST_SIGMA and MOST_SIGMA."""
    ratio = torch.tensor(MOST_SIGMA / LEAST_SIGMA).log()
    return LEAST_SIGMA * (ratio * torch.sigmoid(raw)).exp()


def soft_argmax(heat: Float[Tensor, "n points height width"]) -> Float[Tensor, "n points 2"]:
    """Mean place under the softmax of each map, crop units (-1..1 from side to side)."""
    height, width = heat.shape[-2:]
    share = heat.flatten(2).softmax(dim=-1).unflatten(-1, (height, width))
    x = (torch.arange(width, device=heat.device) + 0.5) * (2.0 / width) - 1.0
    y = (torch.arange(height, device=heat.device) + 0.5) * (2.0 / height) - 1.0
    return torch.stack([(share.sum(-2) * x).sum(-1), (share.sum(-1) * y).sum(-1)], dim=-1)
