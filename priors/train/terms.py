"""What training wants beside the engine's terms: small residuals of what the network says of snippets of clips.

    said.scene, said.betas, said.image_keypoints          # B snippets of n frames
    energy = snippet_energy(SameShape(), said)            # (B,): half the sum of rho, per frame, as the engine's terms

After S2HAND (Chen et al., CVPR 2021) and, where n frames are compared, S2HAND(V) (Tu et al., TPAMI 2023). Theirs that
are missing here: the mesh's Laplacian and the texture's outliers, since the engine's shapes and skins are low-rank.
"""

from dataclasses import dataclass
from math import radians
from typing import Protocol

import roma
import torch
from jaxtyping import Float
from torch import Tensor

from fitter.energy.term import robust_loss
from fitter.quantity import Positive
from fitter.scene import Scene


@dataclass(frozen=True)
class Said:
    """What the network says of B snippets of n frames, beside what was seen.

    scene            the snippets as clips: batch (B,), one shape each
    betas            of every frame alone
    projected        the scene's landmarks, crop units
    detected, confidence  the source's keypoints, crop units, 0..1
    time_s           of every frame
    image_keypoints  the image branch's own, crop units; None without pictures, as the next two
    albedo, lighting coefficients of the skin; spherical harmonics in camera axes
    """

    scene: Scene
    betas: Float[Tensor, "snippets frames betas"]
    projected: Float[Tensor, "snippets frames 21 2"]
    detected: Float[Tensor, "snippets frames 21 2"]
    confidence: Float[Tensor, "snippets frames 21"]
    time_s: Float[Tensor, "snippets frames"]
    image_keypoints: Float[Tensor, "snippets frames 21 2"] | None = None
    albedo: Float[Tensor, "snippets frames skins"] | None = None
    lighting: Float[Tensor, "snippets frames 9 3"] | None = None


class SnippetTerm(Protocol):
    """Fields are YAML keys, weights standard deviations, as of an `EnergyTerm`."""

    @property
    def robust_width(self) -> float | None: ...

    def residual(self, said: Said) -> Float[Tensor, "snippets some groups components"] | None:
        """None where there is nothing to compare."""
        ...


def snippet_energy(term: SnippetTerm, said: Said) -> Float[Tensor, "snippets"] | None:
    """Half the sum of rho(|group|^2) over the snippet's frames, divided by their number."""
    residual = term.residual(said)
    if residual is None:
        return None
    loss = robust_loss(residual.square().sum(-1), term.robust_width)
    return 0.5 * loss.sum((-2, -1)) / said.betas.shape[1]


@dataclass(frozen=True)
class Agreement:
    """(projected landmark - the image's own keypoint) / sigma: 3D and 2D say the same (S2HAND, 2D-3D consistency).

    `sigma` in crop units: 0.03 is 2 pixels of a crop of 128, about what a detector is wrong by.
    """

    sigma: Positive = 0.03
    robust_width: Positive | None = 3.0

    def residual(self, said: Said) -> Float[Tensor, "snippets frames 21 2"] | None:
        return None if said.image_keypoints is None else (said.projected - said.image_keypoints) / self.sigma


@dataclass(frozen=True)
class OwnKeypoints:
    """(the image's own keypoint - detected one) / sigma, by the root of its confidence (S2HAND's 2D branch)."""

    sigma: Positive = 0.03
    robust_width: Positive | None = 3.0

    def residual(self, said: Said) -> Float[Tensor, "snippets frames 21 2"] | None:
        if said.image_keypoints is None:
            return None
        return (said.image_keypoints - said.detected) * (said.confidence.sqrt() / self.sigma).unsqueeze(-1)


@dataclass(frozen=True)
class Motion:
    """Difference of a rotation's unit quaternions from frame to frame, per second, over sigma (S2HAND(V), quaternion
    motion consistency): 16 rotations, each relative to its parent.

    Half the angle: sigma is of the turn. A quaternion and its negative are one rotation; the nearer one counts.
    """

    sigma_deg_s: Positive = 180.0
    robust_width: Positive | None = 3.0

    def residual(self, said: Said) -> Float[Tensor, "snippets intervals 16 4"] | None:
        if said.time_s.shape[1] < 2:
            return None
        turns = roma.rotmat_to_unitquat(said.scene.state.rotations)
        before, after = turns[:, :-1], turns[:, 1:]
        same_side = torch.where((before * after).sum(-1, keepdim=True) < 0, -1.0, 1.0)
        rate = (same_side * after - before) / said.time_s.diff(dim=1)[..., None, None]
        return 2.0 * rate / radians(self.sigma_deg_s)


@dataclass(frozen=True)
class SameShape:
    """(betas of a frame - their mean over the snippet) / sigma (S2HAND(V), shape consistency)."""

    sigma_beta: Positive = 0.3
    robust_width: Positive | None = None

    def residual(self, said: Said) -> Float[Tensor, "snippets frames betas 1"] | None:
        return from_mean(said.betas, self.sigma_beta)


@dataclass(frozen=True)
class SameTexture:
    """(skin of a frame - its mean over the snippet) / sigma, in the skin space (S2HAND(V), texture consistency)."""

    sigma_skin: Positive = 0.3
    robust_width: Positive | None = None

    def residual(self, said: Said) -> Float[Tensor, "snippets frames skins 1"] | None:
        return None if said.albedo is None else from_mean(said.albedo, self.sigma_skin)


@dataclass(frozen=True)
class LikelySkin:
    """Coefficients of the skin / sigma: a likely texture (S2HAND's texture regularity, in a space of skins)."""

    sigma_skin: Positive = 1.0
    robust_width: Positive | None = None

    def residual(self, said: Said) -> Float[Tensor, "snippets frames skins 1"] | None:
        return None if said.albedo is None else (said.albedo / self.sigma_skin).unsqueeze(-1)


def from_mean(values: Float[Tensor, "snippets frames n"], sigma: float) -> Float[Tensor, "snippets frames n 1"] | None:
    """Deviations from the snippet's mean; None for single frames."""
    if values.shape[1] < 2:
        return None
    return ((values - values.mean(1, keepdim=True)) / sigma).unsqueeze(-1)


@dataclass(frozen=True)
class MeanColour:
    """(mean of the rendered colours - of the shown ones) / (sigma * level), a frame's covered pixels, linear RGB.

    S2HAND's mean colour: it acts from afar, where single pixels are outliers.
    """

    sigma: Positive = 0.1
    robust_width: Positive | None = 3.0

    def energy(
        self,
        rendered: Float[Tensor, "pixels 3"],
        shown: Float[Tensor, "pixels 3"],
        frame: Tensor,
        level: Float[Tensor, ""],
    ) -> Float[Tensor, ""]:
        """Of all frames together; `frame` says which one a pixel belongs to."""
        count = int(frame.max()) + 1 if len(frame) else 0
        number = rendered.new_zeros(count).index_add(0, frame, torch.ones_like(rendered[:, 0])).clamp_min(1.0)
        difference = rendered.new_zeros(count, 3).index_add(0, frame, rendered - shown) / number.unsqueeze(-1)
        squared = (difference / (self.sigma * level)).square().sum(-1)
        return 0.5 * robust_loss(squared, self.robust_width).sum()
