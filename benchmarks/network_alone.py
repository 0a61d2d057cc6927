"""What the network says without any fit, frame by frame, on clips and on synthetic hands, as figures.

alone = said_of(network, clip, model, depth=False)       # (frames, 21, 3) metres, camera axes
score_alone(network, annotated, model, shared)           # {"pa_mpjpe_mm": ...} by the scoring script
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.scores import Score, score
from fitter.camera import Camera
from fitter.evaluate.metrics import clip_mpjpe, mpjpe, pa_mpjpe
from fitter.hand import HandModel
from fitter.hand.mirror import mirror_points
from fitter.observe.observations import Observations
from priors.network.guess import in_camera
from priors.network.network import HandNetwork
from priors.synthetic.hands import RandomHands
from priors.train.clips import TrainingClip
from priors.train.teachers import Taught

# Synthetic hands to judge by, and their seed, far from those of any training.
HANDS, HANDS_SEED = 4096, 10**9


@dataclass(frozen=True)
class Annotated:
    """A clip that somebody annotated: as it was seen, by its camera, and as the network is shown it."""

    name: str
    seen: Observations
    camera: Camera
    clip: TrainingClip


def said_of(network: HandNetwork, clip: TrainingClip, model: HandModel, depth: bool) -> Float[Tensor, "frames 21 3"]:
    """The joints of the hypothesis that the network believes in most, of every frame of a right hand, camera axes.

    Without `depth` it is shown keypoints only (and pictures, where the clip has them).
    """
    index = torch.arange(len(clip.follows))
    sight = clip.shown(index)
    with torch.no_grad():
        guess = network(sight if depth else sight.without_depth())
        best = guess.best()
        rotations, wrist = in_camera(clip.crops, guess.rotations[index, best], guess.wrist[index, best])
        return (
            model.to(dtype=torch.float32)
            .with_shape(guess.betas)
            .with_pose(rotations[:, None], wrist[:, None])
            .joints[:, 0]
        )


def score_alone(network: HandNetwork, annotated: Annotated, model: HandModel, shared: Path, depth: bool) -> Score:
    """The scoring script's figures of the network alone."""
    joints = said_of(network, annotated.clip, model, depth).double()
    if annotated.seen.side == "left":
        joints = mirror_points(joints)
    with tempfile.TemporaryDirectory() as scratch:
        result = Path(scratch) / "result.npz"
        np.savez(
            result,
            side=np.array([annotated.seen.side]),
            joints_m=joints.numpy()[None],
            keypoints_px=annotated.camera.project(joints).numpy()[None],
            present=annotated.seen.observed[None],
        )
        return score(shared, annotated.name, "network alone", result)


def synthetic_error_mm(network: HandNetwork, source: RandomHands) -> float:
    """Mean joint error, wrists together, of synthetic hands seen without depth."""
    batch = source.batch(HANDS_SEED, HANDS)
    with torch.no_grad():
        guess = network(batch.sight.without_depth())
        joints = guess.posed(source.model).joints[torch.arange(HANDS), guess.best()]
    return 1000.0 * mpjpe(joints.numpy(), batch.truth.joints.numpy())


def fit_distance_mm(network: HandNetwork, fit: Taught, model: HandModel) -> tuple[float, float]:
    """Between the network without depth cues and a fit, in mm: PA-MPJPE, and MPJPE with one scale for the clip."""
    with torch.no_grad():
        guess = network(fit.sight.without_depth())
        said = guess.posed(model).joints[torch.arange(len(fit.sight)), guess.best()]
    ours, wanted = said.double().numpy(), fit.truth.joints.double().numpy()
    return 1000.0 * pa_mpjpe(ours, wanted), 1000.0 * clip_mpjpe(ours, wanted)
