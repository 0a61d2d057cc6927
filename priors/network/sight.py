"""What the network is shown of a hand: keypoints and depth cues in crop units, and the crop's pixels where there are.

crops, sight = look(evidence, camera)
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from jaxtyping import Float
from torch import Tensor

from fitter.camera import Camera
from fitter.observe.evidence import Evidence
from priors.network.crop import Crops, crops_around


@dataclass(frozen=True)
class Sight:
    """Of n hands; what was not seen has weight 0 and is 0.

    keypoints, confidence     crop units, 0..1
    depth, depth_weight       behind the wrist, over the wrist's distance, in crop units (weak perspective)
    bones, bone_weight        unit vectors of the 20 bones in the palm's rest axes (`Evidence.bone_directions`)
    half                      half the crop's opening as a tangent: how strong perspective is
    pictures                  sRGB 0..1; None: keypoints alone
    """

    keypoints: Float[Tensor, "n 21 2"]
    confidence: Float[Tensor, "n 21"]
    depth: Float[Tensor, "n 21"]
    depth_weight: Float[Tensor, "n 21"]
    bones: Float[Tensor, "n 20 3"]
    bone_weight: Float[Tensor, "n 20"]
    half: Float[Tensor, "n"]
    pictures: Float[Tensor, "n 3 size size"] | None = None

    def __len__(self) -> int:
        return len(self.half)

    def __getitem__(self, chosen: slice | Tensor) -> "Sight":
        return self.each(lambda value: value[chosen])

    def to(self, device: torch.device | str) -> "Sight":
        return self.each(lambda value: value.to(device))

    def each(self, change: Callable[[Tensor], Tensor]) -> "Sight":
        """The same with every tensor changed."""
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{name: change(value) for name, value in given.items() if value is not None})

    def without_depth(self) -> "Sight":
        """As from a source that sees keypoints only."""
        return self.with_cues(torch.zeros_like(self.half), torch.zeros_like(self.half))

    def with_cues(self, depth: Float[Tensor, "n"], bones: Float[Tensor, "n"]) -> "Sight":
        """Depth and bones only of the hands where these are 1, not 0."""
        return replace(
            self,
            depth=self.depth * depth[:, None],
            depth_weight=self.depth_weight * depth[:, None],
            bones=self.bones * bones[:, None, None],
            bone_weight=self.bone_weight * bones[:, None],
        )


def look(evidence: Evidence, camera: Camera) -> tuple[Crops, Sight]:
    """The crops of every frame of a right hand and what the keypoints' evidence shows in them; float32."""
    seen = evidence.confidence > 0
    flat = camera.rays(evidence.keypoints_px)[..., :2]
    crops = crops_around(flat, seen)
    weight = evidence.depth_weight * seen
    depth = crops.depth_into(flat, evidence.depth_px / camera.fx)
    sight = Sight(
        keypoints=torch.where(seen.unsqueeze(-1), crops.into(flat), 0.0),
        confidence=evidence.confidence,
        depth=torch.where(weight > 0, depth, 0.0),
        depth_weight=weight,
        bones=evidence.bone_directions * (evidence.bone_weight > 0).unsqueeze(-1),
        bone_weight=evidence.bone_weight,
        half=crops.half,
    )
    return crops, sight.each(Tensor.float)
