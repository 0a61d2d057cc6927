"""What the network says of a hand, in the axes of its crop; and the same in the camera's axes.

guess = network(sight)
guess.joints(model, landmarks)      # (n, hypotheses, 21, 3) metres, crop axes
guess.best()                        # the hypothesis that it believes in most
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fitter.hand import HandModel, Landmarks, PosedHand
from priors.network.crop import Crops

# Distances are said as a multiple of the one at which this length fills half the crop: near 0 for every hand.
TYPICAL_HALF_M = 0.1


@dataclass(frozen=True)
class Guess:
    """Of n hands, h hypotheses each; H of them differ in pose and place, not in shape and looks.

    rotations        relative to the parent, MANO order; the first to the crop's axes
    wrist            metres, crop axes
    scores           logits: how likely each hypothesis is
    betas            shape, standard deviations
    depth_sigma      one standard deviation of each point's depth relative to the wrist, crop units
    bone_sigma       one standard deviation of each bone's direction in the palm's axes, radians
    albedo, lighting coefficients of the skin space; spherical harmonics in crop axes (None without pictures)
    image_keypoints  the image's own keypoints, crop units (None without pictures)
    """

    rotations: Float[Tensor, "n h 16 3 3"]
    wrist: Float[Tensor, "n h 3"]
    scores: Float[Tensor, "n h"]
    betas: Float[Tensor, "n betas"]
    depth_sigma: Float[Tensor, "n 21"]
    bone_sigma: Float[Tensor, "n 20"]
    albedo: Float[Tensor, "n skins"] | None = None
    lighting: Float[Tensor, "n 9 3"] | None = None
    image_keypoints: Float[Tensor, "n 21 2"] | None = None

    def posed(self, model: HandModel) -> PosedHand:
        """The hands, with the hypotheses where a clip has its frames."""
        return model.with_shape(self.betas).with_pose(self.rotations, self.wrist)

    def points(self, model: HandModel, landmarks: Landmarks) -> Float[Tensor, "n h 21 3"]:
        """A source's landmarks, metres, crop axes."""
        return self.posed(model).attached(landmarks.with_shape(self.betas))

    def best(self) -> Int[Tensor, "n"]:
        return self.scores.argmax(dim=-1)


def wrist_of(place: Float[Tensor, "*any 3"], half: Float[Tensor, "*any"]) -> Float[Tensor, "*any 3"]:
    """(x/z, y/z) in crop units and the log of the distance's multiple -> metres, crop axes."""
    z = place[..., 2].exp() * TYPICAL_HALF_M / half
    return torch.cat([place[..., :2] * (half * z).unsqueeze(-1), z.unsqueeze(-1)], dim=-1)


def place_of(wrist: Float[Tensor, "*any 3"], half: Float[Tensor, "*any"]) -> Float[Tensor, "*any 3"]:
    """The inverse of `wrist_of`."""
    z = wrist[..., 2]
    return torch.cat([wrist[..., :2] / (half * z).unsqueeze(-1), (z * half / TYPICAL_HALF_M).log().unsqueeze(-1)], -1)


def in_camera(
    crops: Crops, rotations: Float[Tensor, "n *some 16 3 3"], wrist: Float[Tensor, "n *some 3"]
) -> tuple[Float[Tensor, "n *some 16 3 3"], Float[Tensor, "n *some 3"]]:
    """Rotations and wrists in the camera's axes from those in the crops'."""
    back = crops.rotation_crop_camera.mT
    back = back.reshape(len(back), *[1] * (wrist.dim() - 2), 3, 3)
    first = back @ rotations[..., 0, :, :]
    turned = torch.cat([first.unsqueeze(-3), rotations[..., 1:, :, :]], dim=-3)
    return turned, (back @ wrist.unsqueeze(-1)).squeeze(-1)


def in_crop(
    crops: Crops, rotations: Float[Tensor, "n 16 3 3"], wrist: Float[Tensor, "n 3"]
) -> tuple[Float[Tensor, "n 16 3 3"], Float[Tensor, "n 3"]]:
    """The inverse of `in_camera`."""
    return in_camera(Crops(crops.rotation_crop_camera.mT, crops.half), rotations, wrist)
