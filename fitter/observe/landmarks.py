"""Where each keypoint source sees its landmarks on the hand: small offsets from the model's joints, by source.

A detector's wrist, knuckles and tips are where its annotators put them, not where a skeleton turns. The offsets live in
`landmark_offsets.json` with the command that estimated them, in percent of the hand's length, in the bones' axes.

    landmarks = landmarks_of(model, "mediapipe")
"""

import json
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from fitter.hand import HandModel, Landmarks

OFFSETS_FILE = Path(__file__).with_name("landmark_offsets.json")


def landmarks_of(model: HandModel, source: str) -> Landmarks:
    """The source's landmarks on this model; the model's own joints for a source without measured offsets."""
    offsets = measured_offsets(model, source)
    if offsets is None:
        return model.landmarks
    return offset_landmarks(model, offsets)


def offset_landmarks(model: HandModel, offsets_percent: Float[np.ndarray, "21 3"]) -> Landmarks:
    """Joints moved by offsets that grow with the hand: percent of its length, in the axes of the rest pose."""
    zero = torch.zeros(model.n_betas, dtype=model.joints.dtype)
    share = torch.from_numpy(offsets_percent / 100.0).to(model.joints)
    growth = torch.func.grad(model.hand_length)(zero)
    return Landmarks(
        template=model.joints + share * model.hand_length(zero),
        shape_basis=model.joints_shape_basis + share.unsqueeze(-1) * growth,
    )


def measured_offsets(model: HandModel, source: str) -> Float[np.ndarray, "21 3"] | None:
    """The stored offsets of a source for a model, or None."""
    stored = json.loads(OFFSETS_FILE.read_text())
    entry = stored.get(f"{source} on {model.name}")
    return None if entry is None else np.array(entry["offsets_percent"], dtype=np.float64)
