"""What a clip tells of an unknown focal length: the fit's estimate beside the truth, and beside the assumption.

    python -m benchmarks focal                      # 5 x 12 clips

Strangers' hands (`benchmarks.strangers`) before cameras whose focal length scatters by ASSUMED_FOCAL_SD about the
assumed one; the last stage of the keypoints' fit has it free, with its prior counted as the size's. `perfect` sees the
joints exactly and both depth cues; `simulated` errs as MediaPipe was measured to; `filmed` is MediaPipe itself, looking
at rendered frames. Hands are 42 cm away, near ones 25.

An estimate is worth having where its error is well below the assumption's and error over sigma is about 1, and nobody
knows which row a clip belongs to.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.recovery import DEFAULT
from benchmarks.report import Report
from benchmarks.strangers import Stranger, side_of, strange_film, strange_motion
from fitter.app.steps import with_pose_prior
from fitter.camera import assumed_camera
from fitter.config import Config, load_config
from fitter.errors import NoHandError
from fitter.hand import HandModel
from fitter.hand.anny import load_anny
from fitter.initialise import initial_states
from fitter.observe.evidence import prepare_evidence
from fitter.observe.landmarks import landmarks_of
from fitter.observe.mediapipe import MediaPipe
from fitter.observe.observations import Observations
from fitter.observe.tracks import track_hands
from fitter.pipeline import FitInput, fit_keypoints
from fitter.solve.posterior import estimate_posterior
from fitter.solve.schedule import EVERYTHING, Schedule
from fitter.solve.threads import one_thread

N_CLIPS, QUICK_CLIPS, N_FRAMES, FILMED_FRAMES, FIRST_SEED = 12, 2, 60, 30, 90_000
NEAR_M = 0.25


@dataclass(frozen=True)
class Estimate:
    """Log focal lengths over the assumed one: the truth, the fit's, and its standard deviation."""

    truth: float
    fitted: float
    sigma: float


@dataclass(frozen=True)
class Row:
    """Root mean squares of the log focal length's error, assumed and fitted; the fits' bias and correlation."""

    seen_by: str
    clips: int
    assumed: float
    fitted: float
    bias: float
    correlation: float
    sigma: float
    error_over_sigma: float


def measure(quick: bool = False) -> Report:
    """The table; nothing is required of it."""
    report = Report("focal", "What clips tell of an unknown focal length")
    report.begin()
    model, config = load_anny(), load_config(DEFAULT)
    schedule, rows = with_free_focal(config.schedule), []
    for name, make in sources(model).items():
        found = []
        for seed in range(FIRST_SEED, FIRST_SEED + (QUICK_CLIPS if quick else N_CLIPS)):
            clip = make(seed)
            if clip.seen is not None:
                found.append(estimate(model, clip, clip.seen, replace(config, schedule=schedule)))
                report.note(f"{name} {seed}: truth {found[-1].truth:+.2f}, fitted {found[-1].fitted:+.2f}")
        rows.append(summary(name, found))
    report.table("focal", rows)
    return report


def sources(model: HandModel) -> dict[str, Callable[[int], Stranger]]:
    """What sees the hands, by name."""
    return {
        "perfect, near": lambda seed: strange_motion(model, seed, N_FRAMES, NEAR_M, errors=0.0),
        "perfect": lambda seed: strange_motion(model, seed, N_FRAMES, errors=0.0),
        "simulated, near": lambda seed: strange_motion(model, seed, N_FRAMES, NEAR_M),
        "simulated": lambda seed: strange_motion(model, seed, N_FRAMES),
        "filmed": lambda seed: looked_at(strange_film(model, seed, FILMED_FRAMES)),
    }


def looked_at(clip: Stranger) -> Stranger:
    """The film with what MediaPipe finds in it; nothing where it finds no hand of the side."""
    detector = MediaPipe()
    assert clip.film is not None
    try:
        found = track_hands(list(detector.detect(clip.film)), clip.film, detector.name, side_of(clip.seed))
    except NoHandError:
        return clip
    return replace(clip, seen=found[0])


def with_free_focal(schedule: Schedule) -> Schedule:
    """The stages of the keypoints, the last of which frees everything."""
    *first, last = schedule.keypoint_stages
    return replace(schedule, stages=(*first, replace(last, free=EVERYTHING)))


def estimate(model: HandModel, clip: Stranger, seen: Observations, config: Config) -> Estimate:
    """The clip fitted as the command line would with a stage that frees the focal length."""
    camera = assumed_camera((clip.camera.width, clip.camera.height))
    truth = math.log(clip.camera.fx / camera.fx)
    if seen.side == "left":
        camera, seen = camera.mirrored(), seen.mirrored()
    evidence = prepare_evidence(seen, camera, model)
    starts = tuple(initial_states(model, camera, evidence))
    given = FitInput(model, landmarks_of(model, seen.source), camera, evidence, starts)
    with one_thread():
        reached = fit_keypoints(with_pose_prior(given, config.energy), config.energy, config.schedule, None)
        sigma = estimate_posterior(reached.problem, reached.state).focal_sigma
    return Estimate(truth, float(reached.state.log_focal), sigma)


def summary(name: str, found: Sequence[Estimate]) -> Row:
    truth, fitted, sigma = (np.array([getattr(each, key) for each in found]) for key in ("truth", "fitted", "sigma"))
    error = fitted - truth

    def root_mean_square(values: np.ndarray) -> float:
        return float(np.sqrt(np.square(values).mean()))

    return Row(
        seen_by=name,
        clips=len(found),
        assumed=root_mean_square(truth),
        fitted=root_mean_square(error),
        bias=float(error.mean()),
        correlation=float(np.corrcoef(truth, fitted)[0, 1]),
        sigma=root_mean_square(sigma),
        error_over_sigma=root_mean_square(error / sigma),
    )
