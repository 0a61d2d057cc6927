"""What does the learnt prior of the pose bring? The same fits with it, and with `pose` and `coupling` in its place.

    python -m benchmarks pose_prior                 # 40 synthetic clips of 60 frames, two detectors; real clips

The prior and the synthetic motions know the same gestures, so the synthetic figures flatter it. On real clips, of which
nothing went into the prior, a fit without depth cues is compared with the fit with them, which had no prior.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks import clips as real
from benchmarks.recovery import DETECTORS, KEYPOINTS_ONLY, N_CLIPS, N_FRAMES, SAME_MINIMUM
from benchmarks.report import Report
from benchmarks.scores import ANNOTATED
from benchmarks.synthetic import SyntheticClip, synthetic_clip
from fitter.app.options import Command
from fitter.app.progress import SilentProgress
from fitter.app.steps import initialise, load, observe, with_pose_prior
from fitter.config import Config, load_config
from fitter.energy import Energy
from fitter.evaluate.metrics import pa_mpjpe
from fitter.export.atomic import prepare_folder
from fitter.hand.anny import load_anny
from fitter.pipeline import FitInput, fit_keypoints
from fitter.solve.solver import run
from fitter.solve.threads import one_thread

COMPARED = ("white noise", "no depth cues")  # of the detectors of `recovery`
QUICK_CLIPS = 4
WITH, WITHOUT = "learned_pose", "pose, coupling"
# Errors with the prior over those without: it is not to make anything worse.
NO_WORSE = 1.0


@dataclass(frozen=True)
class PriorRow:
    """All clips of one detector under one prior; PA-MPJPE in mm over the frames in which anything was seen."""

    detector: str
    prior: str
    clips: int
    median_pa_mm: float
    mean_pa_mm: float
    p90_pa_mm: float
    same_as_from_truth: float


@dataclass(frozen=True)
class RealRow:
    """One real clip seen without depth cues: PA-MPJPE in mm to its fit with them."""

    clip: str
    without_prior_mm: float
    with_prior_mm: float


def measure(quick: bool) -> Report:
    """Both tables, and that the prior makes neither worse; with `quick` four clips of each detector, no real ones."""
    report = Report("pose_prior", "The learnt prior of the pose")
    report.begin()
    config, model = load_config(KEYPOINTS_ONLY), load_anny()
    energies = {WITHOUT: replace(config.energy, learned_pose=None), WITH: config.energy}
    rows = []
    for detector in COMPARED:
        found: dict[str, list[tuple[float, bool]]] = {name: [] for name in energies}
        for seed in range(QUICK_CLIPS if quick else N_CLIPS):
            clip = synthetic_clip(model, seed, N_FRAMES, DETECTORS[detector])
            for name, energy in energies.items():
                found[name].append(recovered(clip, clip.energy(energy), config))
        rows += [row_of(detector, name, clips) for name, clips in found.items()]
        report.note(f"{detector}: done")
        ratio = rows[-1].median_pa_mm / rows[-2].median_pa_mm
        report.require(f"{detector}: median PA-MPJPE {ratio:.2f} of that without, at most 1", ratio <= NO_WORSE)
    report.table("synthetic", rows)
    if quick or not (real.SHARED / "data").is_dir():
        report.say(f"real clips left out: --quick, or there is no folder {real.SHARED / 'data'}")
        return report
    clips = [real_row(name, config, energies) for name in real.CLIPS if name not in ANNOTATED]
    report.table("real", clips)
    return report


def recovered(clip: SyntheticClip, energy: Energy, config: Config) -> tuple[float, bool]:
    """PA-MPJPE in mm, and whether the fit's energy is that of a fit from the truth."""
    with one_thread():
        fit = fit_keypoints(clip.given, energy, config.schedule, None)
        solver = config.schedule.solver_of(config.schedule.keypoint_stages[-1])
        from_truth = run(solver, fit.problem, clip.truth)
    seen = (clip.given.evidence.confidence > 0).any(dim=1).numpy()
    joints = fit.problem.at(fit.state).posed.joints.numpy()
    same = fit.problem.energy(fit.state) <= (1.0 + SAME_MINIMUM) * from_truth.energy
    return 1000.0 * pa_mpjpe(joints[seen], clip.joints_m[seen]), same


def row_of(detector: str, prior: str, clips: Sequence[tuple[float, bool]]) -> PriorRow:
    """The row of one detector and prior."""
    errors, same = np.array([error for error, _ in clips]), np.array([found for _, found in clips])
    return PriorRow(
        detector=detector,
        prior=prior,
        clips=len(clips),
        median_pa_mm=float(np.median(errors)),
        mean_pa_mm=float(errors.mean()),
        p90_pa_mm=float(np.percentile(errors, 90)),
        same_as_from_truth=float(same.mean()),
    )


def real_row(name: str, config: Config, energies: dict[str, Energy]) -> RealRow:
    """Fit a real clip three times; its detections are kept in the folder of the benchmark `clips`."""
    folder = prepare_folder(real.FOLDER / name)
    command = Command(input=str(real.SHARED / "data" / real.CLIPS[name]), output=folder)
    clip, camera, model = load(command)
    seen = observe(command, config, clip, folder, SilentProgress())
    blind = [replace(hand, depth_px=None, landmarks_m=None) for hand in seen]
    reference = joints_of(initialise(clip, camera, model, seen)[0], energies[WITHOUT], config)
    errors = {}
    for prior, energy in energies.items():
        joints = joints_of(initialise(clip, camera, model, blind)[0], energy, config)
        errors[prior] = 1000.0 * pa_mpjpe(joints[seen[0].observed], reference[seen[0].observed])
    return RealRow(name, errors[WITHOUT], errors[WITH])


def joints_of(given: FitInput, energy: Energy, config: Config) -> np.ndarray:
    """The fitted joints (frames, 21, 3), metres."""
    with one_thread():
        fit = fit_keypoints(with_pose_prior(given, energy), energy, config.schedule, None)
    return fit.problem.at(fit.state).posed.joints.numpy()
