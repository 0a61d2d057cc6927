"""Virtual cameras turned to each frame's hand: there a hand looks the same wherever it is in the picture.

    crops = crops_around(flat, seen)                 # from keypoints as (x/z, y/z)
    crops.into(flat)                                 # the same keypoints in crop units: -1..1 from side to side
    crops.homography(camera, 128)                    # pixels of the frame -> pixels of the crop

The optical axis goes through the middle of the keypoints, the image is turned until the fingers' side of the palm is
up, and the keypoints fill a fixed share of the square. Perspective is kept exactly: a crop is a rotated camera.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fitter.camera import Camera

# Crop units from the middle to the outermost keypoint: the rest shows flesh around the joints and the forearm.
KEYPOINTS_REACH = 0.7
# Half the crop's opening (as a tangent) is kept in these: from a hand of 3 degrees to one that fills a wide lens.
SMALLEST, LARGEST = 0.02, 1.5
KNUCKLES = (5, 9, 13, 17)


@dataclass(frozen=True)
class Crops:
    """One virtual camera per frame: its axes, and half its opening as a tangent (x/z at the side of the square)."""

    rotation_crop_camera: Float[Tensor, "*batch 3 3"]
    half: Float[Tensor, "*batch"]

    def __getitem__(self, chosen: slice | Tensor) -> "Crops":
        return Crops(self.rotation_crop_camera[chosen], self.half[chosen])

    def into(self, flat: Float[Tensor, "*batch points 2"]) -> Float[Tensor, "*batch points 2"]:
        """(x/z, y/z) in camera axes -> crop units."""
        return turned(self.rotation_crop_camera, flat) / self.half[..., None, None]

    def out_of(self, units: Float[Tensor, "*batch points 2"]) -> Float[Tensor, "*batch points 2"]:
        """Crop units -> (x/z, y/z) in camera axes."""
        return turned(self.rotation_crop_camera.mT, units * self.half[..., None, None])

    def depth_into(
        self, flat: Float[Tensor, "*batch points 2"], depth: Float[Tensor, "*batch points"]
    ) -> Float[Tensor, "*batch points"]:
        """z / z_first - 1 in camera axes -> the same along the crop's axis, in crop units; exact where `flat` are."""
        rays = torch.cat([flat, torch.ones_like(flat[..., :1])], dim=-1)
        along = ((1.0 + depth).unsqueeze(-1) * rays) @ self.rotation_crop_camera[..., 2, :, None]
        along = along.squeeze(-1)
        return (along / along[..., :1].clamp_min(1e-3) - 1.0) / self.half.unsqueeze(-1)

    def matrix(self, size: int) -> Float[Tensor, "*batch 3 3"]:
        """The crops' intrinsic matrices for size x size pixels."""
        focal = 0.5 * size / self.half
        zero, centre, one = torch.zeros_like(focal), torch.full_like(focal, 0.5 * size), torch.ones_like(focal)
        rows = [[focal, zero, centre], [zero, focal, centre], [zero, zero, one]]
        return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)

    def homography(self, camera: Camera, size: int) -> Float[Tensor, "*batch 3 3"]:
        """Pixels of the (undistorted) frame -> pixels of the crop, homogeneous, pixel centres at +0.5 in both."""
        inverse = torch.linalg.inv(torch.from_numpy(camera.matrix).to(self.half))
        return self.matrix(size) @ self.rotation_crop_camera @ inverse


def crops_around(flat: Float[Tensor, "*batch points 2"], seen: Bool[Tensor, "*batch points"]) -> Crops:
    """Crops that hold the seen keypoints; `flat` are (x/z, y/z). Frames that show none look straight ahead."""
    any_seen = seen.any(dim=-1, keepdim=True)
    shown = torch.where(any_seen, seen, torch.ones_like(seen)).unsqueeze(-1)
    flat = torch.where(seen.unsqueeze(-1), flat, 0.0)
    lowest = torch.where(shown, flat, torch.inf).amin(dim=-2)
    highest = torch.where(shown, flat, -torch.inf).amax(dim=-2)
    axes = facing(0.5 * (lowest + highest))
    moved = turned(axes, flat)
    axes = upright(moved, seen) @ axes
    reach = torch.where(shown, turned(axes, flat).abs(), 0.0).amax(dim=(-2, -1))
    return Crops(axes, (reach / KEYPOINTS_REACH).clamp(SMALLEST, LARGEST))


def facing(middle: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotations camera -> axes whose z goes through `middle` (x/z, y/z), without roll about it."""
    forward = torch.nn.functional.normalize(torch.cat([middle, torch.ones_like(middle[..., :1])], dim=-1), dim=-1)
    down = torch.zeros_like(forward)
    down[..., 1] = 1.0
    right = torch.nn.functional.normalize(torch.linalg.cross(down, forward), dim=-1)
    return torch.stack([right, torch.linalg.cross(forward, right), forward], dim=-2)


def upright(flat: Float[Tensor, "*batch 21 2"], seen: Bool[Tensor, "*batch 21"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotations about z that bring the knuckles above the wrist; none where they, or the wrist, are not seen."""
    knuckles = seen[..., KNUCKLES].to(flat).unsqueeze(-1)
    middle = (flat[..., KNUCKLES, :] * knuckles).sum(-2) / knuckles.sum(-2).clamp_min(1.0)
    way = middle - flat[..., 0, :]
    length = way.norm(dim=-1)
    known = seen[..., 0] & seen[..., KNUCKLES].any(-1) & (length > 1e-6)
    safe = length.clamp_min(1e-6)
    cosine = torch.where(known, -way[..., 1] / safe, torch.ones_like(length))
    sine = torch.where(known, -way[..., 0] / safe, torch.zeros_like(length))
    zero, one = torch.zeros_like(length), torch.ones_like(length)
    rows = [[cosine, -sine, zero], [sine, cosine, zero], [zero, zero, one]]
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def turned(rotation: Float[Tensor, "*batch 3 3"], flat: Float[Tensor, "*batch points 2"]) -> Float[Tensor, "*any 2"]:
    """(x/z, y/z) seen from rotated axes."""
    rays = torch.cat([flat, torch.ones_like(flat[..., :1])], dim=-1) @ rotation.mT
    return rays[..., :2] / rays[..., 2:].clamp_min(1e-3)
