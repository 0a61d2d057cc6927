"""In which units and axes a detector's errors are alike from hand to hand: the span of the hand, the hand's own axes.

A hand is turned, near or far, and bent; its detector errs along the hand, by shares of its size, and at its joints.

    errors = errors_between(exact, seen, flexion_axes(model))       # what a detector did
    seen = with_errors(exact, errors)                               # what it would have done

- pixels: shares of the span (the longer side of the exact points' bounding box), x from the wrist to the middle
  finger's knuckle in the image, y a quarter turn on from x as the image's y is from its x;
- depth: wrist-relative, in pixels of weak perspective, shares of the span too; the wrist's own error is 0. A detector
  that flattens hands says `depth_gain` times the depth, and errs from that;
- tilt: rotation vector from the exact bone to the seen one, radians, in axes of the bone: along it (no error),
  its flexion axis, its spread axis.

Everything is of right hands; any batch axes.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from fitter.hand import HandModel
from fitter.skeleton import BONES, POINT_PARENTS, ROTATION_OF_POINT

MIDDLE_KNUCKLE = 9
SHORTEST_PX = 1e-6  # keeps the axes of points that all coincide finite


@dataclass(frozen=True)
class HandCues:
    """What a detector says of hands, and what an exact one would: pixels, pixels of weak perspective relative to the
    wrist, unit bone vectors in the palm's rest axes.
    """

    pixels: Float[Tensor, "*batch 21 2"]
    depth_px: Float[Tensor, "*batch 21"]
    directions: Float[Tensor, "*batch 20 3"]


@dataclass(frozen=True)
class CueErrors:
    """Errors in the units and axes of the module's docstring; `flexion` holds the bones' flexion axes at rest."""

    pixels: Float[Tensor, "*batch 21 2"]
    depth: Float[Tensor, "*batch 21"]
    tilt: Float[Tensor, "*batch 20 3"]
    depth_gain: Float[Tensor, "21"]
    flexion: Float[Tensor, "20 3"]


def flexion_axes(model: HandModel) -> Float[Tensor, "20 3"]:
    """Unit vectors in the rest axes about which the bones bend: those of the joint at each bone's near end; the bones
    of the palm take their finger's.
    """
    near = ROTATION_OF_POINT[POINT_PARENTS[BONES]]
    near[near == 0] = ROTATION_OF_POINT[BONES][near == 0]
    return model.joint_axes[near - 1, :, 2]


def span_px(pixels: Float[Tensor, "*batch 21 2"]) -> Float[Tensor, "*batch"]:
    """The longer side of the points' bounding box."""
    return (pixels.amax(-2) - pixels.amin(-2)).amax(-1)


def image_axes(pixels: Float[Tensor, "*batch 21 2"]) -> Float[Tensor, "*batch 2 2"]:
    """Rows are the hand's x and y axes in the image."""
    along = pixels[..., MIDDLE_KNUCKLE, :] - pixels[..., 0, :]
    x = along / along.norm(dim=-1, keepdim=True).clamp_min(SHORTEST_PX)
    return torch.stack([x, torch.stack([-x[..., 1], x[..., 0]], dim=-1)], dim=-2)


def bone_axes(
    directions: Float[Tensor, "*batch 20 3"], flexion: Float[Tensor, "20 3"]
) -> Float[Tensor, "*batch 20 3 3"]:
    """Rows are each bone's own axes: along it, flexion, spread."""
    bend = flexion - (flexion * directions).sum(-1, keepdim=True) * directions
    bend = torch.nn.functional.normalize(bend, dim=-1)
    return torch.stack([directions, bend, torch.linalg.cross(directions, bend)], dim=-2)


def errors_between(exact: HandCues, seen: HandCues, flexion: Float[Tensor, "20 3"]) -> CueErrors:
    """What was seen, minus what is, for a depth gain of 1; `flexion` as of `flexion_axes`."""
    span = span_px(exact.pixels)
    error = (seen.pixels - exact.pixels) / span[..., None, None]
    turn = torch.linalg.cross(exact.directions, seen.directions)
    sine, cosine = turn.norm(dim=-1, keepdim=True), (exact.directions * seen.directions).sum(-1, keepdim=True)
    tilt = turn / sine.clamp_min(1e-12) * torch.atan2(sine, cosine)
    return CueErrors(
        pixels=torch.einsum("...ij,...pj->...pi", image_axes(exact.pixels), error),
        depth=(seen.depth_px - exact.depth_px) / span[..., None],
        tilt=torch.einsum("...bij,...bj->...bi", bone_axes(exact.directions, flexion), tilt),
        depth_gain=span.new_ones(21),
        flexion=flexion,
    )


def with_errors(exact: HandCues, errors: CueErrors) -> HandCues:
    """What is seen of `exact` with these errors: the inverse of `errors_between`."""
    span = span_px(exact.pixels)
    shift = torch.einsum("...ji,...pj->...pi", image_axes(exact.pixels), errors.pixels)
    axes = bone_axes(exact.directions, errors.flexion)
    tilt = torch.einsum("...bji,...bj->...bi", axes[..., 1:, :], errors.tilt[..., 1:])
    angle = tilt.norm(dim=-1, keepdim=True)
    turned = exact.directions * angle.cos() + torch.linalg.cross(tilt, exact.directions) * torch.sinc(angle / torch.pi)
    return HandCues(
        pixels=exact.pixels + shift * span[..., None, None],
        depth_px=errors.depth_gain * exact.depth_px + errors.depth * span[..., None],
        directions=turned,
    )
