"""Does training on clips without labels help on other clips? The network alone, without any fit, before and after.

    python -m benchmarks self_supervision                 # needs the shared clips; says so where they are absent
    python -m benchmarks.self_supervision --choose        # HELD_OUT is left out of training; nothing annotated is seen

Every row starts from the same weights, which know synthetic hands only, and takes the same number of steps on the same
synthetic batches; beside them it sees the unlabelled clips in its own way. The rate was chosen by synthetic hands: they
alone are not to get worse. The terms' weights are the engine's, untuned. `--choose` judges without anything annotated:
by how far the network without depth cues is from the engine's fit, with them, of a clip that it did not learn from.
"""

import argparse
import copy
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch

from benchmarks.clips import CLIPS, INTRINSICS, SHARED
from benchmarks.network_alone import Annotated, fit_distance_mm, score_alone, synthetic_error_mm
from benchmarks.report import Report
from benchmarks.scores import ANNOTATED, Score
from fitter.camera import parse_intrinsics
from fitter.clip import open_clip
from fitter.energy import Energy
from fitter.hand.cache import default_folder
from fitter.observe.cache import cached_detections
from fitter.observe.mediapipe import MediaPipe
from fitter.observe.tracks import track_hands
from fitter.solve.schedule import Schedule
from priors.network.checkpoint import load_checkpoint
from priors.network.network import HandNetwork
from priors.train.clips import Reading, TrainingClip, clip_of, open_clips
from priors.train.config import Clips, Objectives, Teachers, Training, load_training
from priors.train.learner import Learner
from priors.train.objective import Turn, Weighted, draw_all
from priors.train.objectives import Sources
from priors.train.self_supervised import clip_objective
from priors.train.synthetic import SyntheticHands
from priors.train.teachers import Taught, TeacherObjective, taught, together

CONFIGS = Path(__file__).parents[1] / "configs"
WEIGHTS = Path(__file__).parents[1] / "priors" / "weights" / "initializer.safetensors"
UNLABELLED = ("finger_touch", "asl_hand", "counting_hand", "palm_up")
HELD_OUT = "counting_hand"
ALONE = "synthetic hands alone"


@dataclass(frozen=True)
class Lab:
    """What all rows share: the weights to start from, and the clips by name."""

    sources: Sources
    start: HandNetwork
    clips: Mapping[str, TrainingClip]

    @cached_property
    def fits(self) -> dict[str, Taught]:
        """The engine's fits of the clips by their keypoints with depth cues."""
        return {name: taught(clip, self.sources.model, Energy(), Schedule()) for name, clip in self.clips.items()}


@dataclass(frozen=True)
class Choice:
    """A row of `--choose`: mm between the network without depth cues and the engine's fit of HELD_OUT (Procrustes; one
    scale), error on synthetic hands without depth cues, seconds of training.
    """

    training: str
    held_out_pa_mm: float
    held_out_clip_mm: float
    synthetic_mm: float
    seconds: float


@dataclass(frozen=True)
class Row:
    """Errors of the network alone in mm on the annotated clips, each and their mean; on synthetic hands without depth
    cues. Each clip is named by its first annotated frame.
    """

    training: str
    depth: bool
    pa_65: float
    pa_204: float
    pa: float
    clip_65: float
    clip_204: float
    clip: float
    synthetic_mm: float


def trainings() -> dict[str, Training]:
    """The rows by name."""
    frames, video = load_training(CONFIGS / "s2hand.yaml"), load_training(CONFIGS / "s2hand_video.yaml")
    return {
        ALONE: seeing(frames, None),
        "+ keypoints": seeing(frames, without_pixels(frames)),
        "+ photometric: S2HAND": frames,
        "+ clip terms: S2HAND(V)": video,
        "fits as teachers": replace(frames, objectives=replace(frames.objectives, clips=None, teachers=Teachers())),
        "fits as teachers + S2HAND(V)": replace(video, objectives=replace(video.objectives, teachers=Teachers())),
    }


def seeing(config: Training, clips: Clips | None) -> Training:
    return replace(config, objectives=replace(config.objectives, clips=clips))


def without_pixels(config: Training) -> Clips:
    """The same terms but those that compare colours."""
    clips = config.objectives.clips
    assert clips is not None
    told = clips.self_supervision
    return replace(
        clips, self_supervision=replace(told, energy=replace(told.energy, photometric=None), mean_colour=None)
    )


def lab_of(start: Path, names: Sequence[str]) -> Lab:
    """Read the weights and the clips."""
    sources, clips = Sources.load("anny", torch.device("cpu")), {}
    for name in names:
        clips[name] = open_clips([SHARED / "data" / CLIPS[name]], sources.model, window_size=Clips().window)[0]
    return Lab(sources, load_checkpoint(start), clips)


def objectives_of(config: Objectives, lab: Lab, names: Sequence[str]) -> tuple[Weighted, ...]:
    """As `priors.train.objectives` makes them, of clips that are read already."""
    model, found = lab.sources.model, []
    if (hands := config.hands) is not None:
        synthetic = SyntheticHands(lab.sources.hands, hands.supervision, hands.batch, model)
        found.append(Weighted("hands", synthetic, hands.share))
    if (clips := config.clips) is not None:
        judged = clip_objective(clips.self_supervision, [lab.clips[name] for name in names], model)
        found.append(Weighted("clips", judged, clips.share))
    if (teachers := config.teachers) is not None:
        fits = together([lab.fits[name] for name in names])
        found.append(Weighted("teachers", TeacherObjective(teachers.supervision, fits, model), teachers.share))
    return tuple(found)


def trained(config: Training, lab: Lab, names: Sequence[str]) -> HandNetwork:
    """The averaged weights after the configuration's steps on synthetic hands and the clips `names`."""
    from lightning_fabric import Fabric

    torch.set_num_threads(config.threads)
    fabric = Fabric(accelerator="cpu", devices=1)
    learner = Learner.begin(copy.deepcopy(lab.start).requires_grad_(True).train(), config)
    objectives = objectives_of(config.objectives, lab, names)
    for step in range(config.steps):
        learner.step(draw_all(objectives, Turn(config.seed, step)), fabric)
    return learner.average


def annotated_clips(lab: Lab) -> list[Annotated]:
    """The annotated clips as MediaPipe sees them, by their measured camera."""
    found, source = [], MediaPipe()
    for name in ANNOTATED:
        clip = open_clip(SHARED / "data" / CLIPS[name])
        camera = parse_intrinsics(INTRINSICS, (clip.width, clip.height))
        detections = cached_detections(default_folder() / "clips" / name, source, clip)
        seen = track_hands(detections, clip, source.name)[0]
        found.append(Annotated(name, seen, camera, clip_of(seen, camera, lab.sources.model, Reading(name))))
    return found


def row_of(name: str, network: HandNetwork, lab: Lab, annotated: Sequence[Annotated], depth: bool) -> Row:
    scores: list[Score] = [score_alone(network, each, lab.sources.model, SHARED, depth) for each in annotated]
    first, second = scores
    return Row(
        training=name,
        depth=depth,
        pa_65=first.pa_mpjpe_mm,
        pa_204=second.pa_mpjpe_mm,
        pa=0.5 * (first.pa_mpjpe_mm + second.pa_mpjpe_mm),
        clip_65=first.clip_mpjpe_mm,
        clip_204=second.clip_mpjpe_mm,
        clip=0.5 * (first.clip_mpjpe_mm + second.clip_mpjpe_mm),
        synthetic_mm=synthetic_error_mm(network, lab.sources.hands),
    )


def measure(quick: bool, start: Path = WEIGHTS) -> Report:
    """Train every row on all unlabelled clips and score the networks; `quick` takes a tenth of the steps."""
    report = Report("self_supervision", "Self-supervised training")
    report.begin()
    if not (SHARED / "data").is_dir():
        report.say(f"skipped: the real clips are no part of the repository, and there is no folder {SHARED / 'data'}")
        return report
    lab = lab_of(start, UNLABELLED)
    networks = {"before": lab.start}
    for name, config in trainings().items():
        networks[name] = trained(replace(config, steps=config.steps // 10) if quick else config, lab, UNLABELLED)
        report.note(f"{name}: trained")
    annotated = annotated_clips(lab)
    rows = [row_of(name, each, lab, annotated, depth) for depth in (False, True) for name, each in networks.items()]
    report.table("network_alone", rows)
    unaided = {row.training: row for row in rows if not row.depth}
    for name, row in unaided.items():
        for other in () if name in ("before", ALONE) else ("before", ALONE):
            base = unaided[other]
            report.require(f"{name}: pa_mpjpe {row.pa:.2f}, {other} {base.pa:.2f} mm; lower wanted", row.pa < base.pa)
    return report


def choose(start: Path, steps: int | None) -> None:
    """Print what each row does to HELD_OUT, which it does not learn from."""
    report = Report("choice", f"Trainings judged by {HELD_OUT}")
    lab, names = lab_of(start, UNLABELLED), [name for name in UNLABELLED if name != HELD_OUT]
    report.table("before", [choice_of("before", lab.start, lab, 0.0)])
    for name, config in trainings().items():
        begun = time.perf_counter()
        network = trained(replace(config, steps=steps or config.steps), lab, names)
        report.table(name, [choice_of(name, network, lab, time.perf_counter() - begun)])


def choice_of(name: str, network: HandNetwork, lab: Lab, seconds: float) -> Choice:
    distances = fit_distance_mm(network, lab.fits[HELD_OUT], lab.sources.model)
    return Choice(name, *distances, synthetic_error_mm(network, lab.sources.hands), seconds)


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.self_supervision", description="Unlabelled clips.")
    parser.add_argument("--choose", action="store_true", help=f"judge by {HELD_OUT}, which is not learnt from")
    parser.add_argument("--start", type=Path, default=WEIGHTS, help="the weights that every row starts from")
    parser.add_argument("--steps", type=int, help="instead of the configurations', for --choose")
    parser.add_argument("--output", type=Path, default=Path("results/bench"), help="folder of the JSON file")
    options = parser.parse_args(words)
    if options.choose:
        choose(options.start, options.steps)
    else:
        measure(False, options.start).save(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
