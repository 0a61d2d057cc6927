"""Refine a fit of keypoints by pixels: coarse windows, then fine ones, the appearance following slowly.

    refined = refine_by_pixels(scene, evidence, footage, plan)
    refined.scene.state, refined.report.psnr_db, refined.undone

The result is never worse than the fit it began from, judged over the clip by what the pixels say and by the keypoints.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8

from fitter.appearance.estimate import followed
from fitter.appearance.gains import regained
from fitter.appearance.picture import rendered
from fitter.energy import Energy
from fitter.energy.term import SurfaceTerm, term_energy
from fitter.observe.evidence import Evidence
from fitter.render.appearance import Appearance
from fitter.render.picture_metrics import psnr_db, ssim, window_box
from fitter.render.shading import linear_to_srgb
from fitter.render.workers import over_frames
from fitter.scene import Scene
from fitter.solve.problem import Problem
from fitter.solve.schedule import Schedule, Stage
from fitter.solve.solver import Listener, Renewal, Status, run
from fitter.synthesis.offsets import Offsets, apply_offsets, solve_offsets
from fitter.synthesis.report import PhotometricReport
from fitter.synthesis.settings import Synthesis
from fitter.synthesis.views import Source, Views, dressed_scene, finely_textured, look_at

log = logging.getLogger(__name__)

# PSNR and SSIM are means over at most so many frames, evenly spread: frames of a synthetic clip of 100 deviate by 1.6
# dB and 0.03, so the means of 60 are good to 0.2 dB and 0.004, and a long clip does not pay for more.
MOST_COMPARED = 60

CALIBRATION_FRAMES = 20  # evenly over the clip: what colours disagree by is much the same in all
MEDIAN_OF_GAUSSIAN = 0.6745  # median absolute deviation of a unit Gaussian
# With less than this share of the masks left the first stage is run again without the others; few do little harm.
ENOUGH_MASKS = 0.9
OFFSET_ROUNDS = 3  # the second sees other pixels, the third changes little (bumps of 0.45 mm: 0.09 left after three)
UNDONE = "pixels made the fit worse ({reason}): the fit of the keypoints is returned instead"


@dataclass(frozen=True)
class Plan:
    """What to do: terms, stages, settings, whether the focal length is known, and who listens to a stage's steps.

    Where shape and focal length are known from other frames of the same clip, `shared_known`; `worn` is then the known
    appearance, of which only the gains follow the pictures. The first `held` frames do not move.
    """

    energy: Energy
    schedule: Schedule
    settings: Synthesis
    focal_known: bool
    listener: Callable[[Stage], Listener | None] = lambda stage: None
    shared_known: bool = False
    worn: Appearance | None = None
    held: int = 0

    def dressed(self, scene: Scene, evidence: Evidence, previous: Appearance | None = None) -> Scene:
        """The scene wearing what is known, or else an appearance estimated for its state, beginning at `previous`."""
        return dressed_scene(scene, evidence, self.settings, previous, self.worn)


@dataclass(frozen=True)
class Refined:
    """`scene` wears its appearance as fine as the finest windows, whose pictures `evidence` holds; `appearance` is the
    same with the texture that is written. `undone` is None, or says why the fit of the keypoints was returned.
    """

    scene: Scene
    evidence: Evidence
    appearance: Appearance
    report: PhotometricReport
    status: Status
    undone: str | None
    traces: dict[str, tuple[float, ...]] = field(default_factory=dict)


def refine_by_pixels(scene: Scene, evidence: Evidence, source: Source, plan: Plan) -> Refined:
    """Run the schedule's stages with pixels from the fit of the keypoints in `scene`, and judge the outcome.

    Masks that the surface does not come to agree with in the first stage are those of something else, such as an
    object before the hand: they are dropped, and if they are many the stage is run again without them.
    """
    first, *others = plan.schedule.pixel_stages
    finest = max(stage.resolution or 0 for stage in (first, *others))
    views = look_at(scene, evidence, source, plan.settings, finest)
    before = views.scene
    done = run_stages(Progress(before, Status.CONVERGED, None, None, {}), evidence, views, [first], plan)
    believed = views.believing(done.scene)
    misled = int(believed.masked.sum()) < ENOUGH_MASKS * int(views.masked.sum())
    views = believed
    if misled:
        done = run_stages(Progress(before, Status.CONVERGED, None, None, {}), evidence, views, [first], plan)
    done = run_stages(done, evidence, views, others, plan)
    if plan.settings.offsets is not None and not plan.shared_known:
        done = with_offsets(done, evidence, views, plan, plan.settings.offsets)
    looked_at = views.evidence(evidence, before)
    # Each begins where an appearance of nearly its own state is known: the first one, and what was worn last.
    compared = ((before, done.first_worn), (done.scene.seen_through(views.windows), done.last_worn))
    states = [plan.dressed(each, looked_at, known) for each, known in compared]
    looked_at = calibrated(looked_at, states[0], plan.energy)
    reason = what_got_worse(states[0], states[1], looked_at, plan)
    undone = None if reason is None else UNDONE.format(reason=reason)
    chosen = states[0] if undone else states[1]
    report = compare(states[0], chosen, looked_at, views)
    if plan.worn is None:
        appearance = finely_textured(chosen, source, views, plan.settings.texture_size)
    else:
        assert chosen.appearance is not None
        appearance = replace(plan.worn, gain=chosen.appearance.gain)
    return Refined(chosen, looked_at, appearance, report, done.status, undone, done.traces)


@dataclass(frozen=True)
class Progress:
    """How far the stages have come; `first_worn` is the first appearance that was estimated, `last_worn` the last."""

    scene: Scene
    status: Status
    first_worn: Appearance | None
    last_worn: Appearance | None
    traces: dict[str, tuple[float, ...]]


def run_stages(done: Progress, evidence: Evidence, views: Views, stages: Sequence[Stage], plan: Plan) -> Progress:
    """Go on from `done` through some stages."""
    for stage in stages:
        problem = stage_problem(done.scene, evidence, views, stage, plan, done.last_worn)
        solver = plan.schedule.solver_of(stage)
        outcome = run(
            solver, problem, problem.scene.state, plan.listener(stage), following(plan.settings.share, plan.worn)
        )
        done = Progress(
            done.scene.with_state(outcome.state),
            outcome.status,
            done.first_worn or problem.scene.appearance,
            outcome.appearance,
            {**done.traces, stage.name: outcome.trace},
        )
    return done


def with_offsets(done: Progress, evidence: Evidence, views: Views, plan: Plan, settings: Offsets) -> Progress:
    """Move the surface along its normals to where the terms that compare it want it, pose and shape as they are."""
    last, model = plan.schedule.pixel_stages[-1], done.scene.model
    offsets = done.scene.state.betas.new_zeros(len(model.template))
    for _ in range(OFFSET_ROUNDS):
        problem = stage_problem(done.scene, evidence, views, last, plan, done.last_worn)
        terms = [term for term in problem.terms.values() if isinstance(term, SurfaceTerm)]
        with torch.no_grad():
            rows = [term.rows(problem.scene, problem.evidence) for term in terms]
        offsets = solve_offsets(problem.scene, rows, offsets, settings)
        moved = apply_offsets(model, done.scene.state.betas, offsets)
        done = replace(done, scene=replace(done.scene, model=moved), last_worn=problem.scene.appearance)
    return done


def stage_problem(
    scene: Scene, evidence: Evidence, views: Views, stage: Stage, plan: Plan, previous: Appearance | None = None
) -> Problem:
    """The problem of one stage at its resolution; the scene wears an appearance estimated for its state, beginning at
    the `previous` one.
    """
    assert stage.resolution is not None
    scene = scene.seen_through(views.windows.resized(stage.resolution))
    evidence = views.evidence(evidence, scene)
    scene = plan.dressed(scene, evidence, previous)
    evidence = calibrated(evidence, scene, plan.energy)
    terms = {name: term for name, term in plan.energy.terms(evidence).items() if name not in stage.without}
    return Problem(scene, evidence, terms, stage.free_names(plan.focal_known, plan.shared_known), plan.held)


def calibrated(evidence: Evidence, scene: Scene, energy: Energy) -> Evidence:
    """The evidence with its pictures' level raised where the clip's colours disagree by more than the photometric
    sigma.

    Real skin has gloss, cast shadows and blood that no albedo and light explain: taken for precise, such pixels would
    all be outliers. The spread is a robust one (median absolute residual) of the state that pixels begin from. A hand
    of fewer pixels than the reference span is filmed by fewer independent ones than its windows have: it counts less.
    """
    assert evidence.pictures is not None
    if energy.photometric is None:
        return evidence
    frames = np.unique(np.linspace(0, evidence.n_frames - 1, CALIBRATION_FRAMES).astype(int))
    light, covered = rendered(scene, frames)
    counted = covered & (evidence.pictures.weight[frames].cpu().numpy() > 0)
    if not counted.any():
        return evidence
    filmed = np.stack([evidence.pictures.linear(int(frame)).cpu().numpy() for frame in frames])
    spread = float(np.median(np.abs(filmed - light)[counted])) / MEDIAN_OF_GAUSSIAN
    factor = max(1.0, spread / (energy.photometric.sigma * float(evidence.pictures.level)))
    factor /= min(1.0, float(evidence.pixel_scale))
    return replace(evidence, pictures=replace(evidence.pictures, level=evidence.pictures.level * factor))


def following(share: float, known: Appearance | None = None) -> Renewal:
    """After a step: the appearance moves a share of the way to what the new state alone would say; of a known one the
    gains alone do.
    """
    follow = followed if known is None else regained

    def renew(problem: Problem, scene: Scene) -> Problem:
        assert scene.appearance is not None and problem.evidence.pictures is not None
        return problem.wearing(follow(scene.appearance, scene, problem.evidence.pictures, share))

    return renew


def what_got_worse(before: Scene, after: Scene, evidence: Evidence, plan: Plan) -> str | None:
    """None, or what is worse after than before: the pixels' energy, each with an appearance of its own, or the
    keypoints beyond what may be given for it.
    """
    with torch.no_grad():
        energies = [surface_energy(each, evidence, plan.energy) for each in (before, after)]
        errors = [reprojection_px(each, evidence) for each in (before, after)]
    log.info("pixel energy %.1f -> %.1f, reprojection %.2f -> %.2f px", *energies, *errors)
    if not energies[1] <= energies[0]:
        return f"their energy rose from {energies[0]:.0f} to {energies[1]:.0f}"
    sigma_px = 0.0 if plan.energy.keypoints is None else plan.energy.keypoints.sigma_px * float(evidence.pixel_scale)
    if not errors[1] <= max(errors[0], plan.settings.max_reprojection_sigmas * sigma_px):
        return f"reprojection rose from {errors[0]:.1f} to {errors[1]:.1f} px"
    return None


def surface_energy(scene: Scene, evidence: Evidence, energy: Energy) -> float:
    """Energy of the terms that compare the surface, summed over the clip: means per pixel, so that states compare."""
    terms = [term for term in energy.terms(evidence).values() if isinstance(term, SurfaceTerm)]
    return sum(float(term_energy(term, scene, evidence)) for term in terms)


def reprojection_px(scene: Scene, evidence: Evidence) -> float:
    """Mean distance of the landmarks from the keypoints, weighted by confidence, undistorted pixels."""
    distance = (scene.keypoints - evidence.keypoints_px).norm(dim=-1)
    return float((distance * evidence.confidence).sum() / evidence.confidence.sum().clamp_min(1e-12))


def compare(before: Scene, after: Scene, evidence: Evidence, views: Views) -> PhotometricReport:
    """PSNR, SSIM and overlap with the masks, of two scenes in the finest windows; the first two in some frames only."""
    assert evidence.pictures is not None
    used = (views.trust > 0).numpy()
    film = evidence.pictures.rgb.cpu().numpy()
    asked = np.flatnonzero(some_of(used, MOST_COMPARED))
    light, covered = zip(*(rendered(scene, asked) for scene in (before, after)), strict=True)
    both = covered[0] & covered[1]  # a mesh that covers more, up to the very outline, is not to look worse for it
    figures = [agreement(shown, film[asked], both) for shown in light]
    overlaps = [overlap(scene, views) for scene in (before, after)]
    means = [float(np.nanmean(each)) if np.isfinite(each).any() else None for each in overlaps]
    return PhotometricReport(
        psnr_db=figures[1][0],
        psnr_before_db=figures[0][0],
        ssim=figures[1][1],
        ssim_before=figures[0][1],
        iou=means[1],
        iou_before=means[0],
        masks_used=int(views.masked.sum()),
        masks_dropped=sum(views.dropped.values()),
        frames_used=int(used.sum()),
        frame_iou=overlaps[1],
    )


def agreement(
    light: Float[np.ndarray, "frames size size 3"],
    film: UInt8[np.ndarray, "frames size size 3"],
    covered: Bool[np.ndarray, "frames size size"],
) -> tuple[float, float]:
    """Mean PSNR (dB) and SSIM of a rendering (linear RGB) over the frames, inside the covered pixels."""
    frames = np.flatnonzero(covered.any(axis=(1, 2)))
    if len(frames) == 0:
        return float("nan"), float("nan")
    figures = np.empty((len(frames), 2))

    def measure(chunk: slice) -> None:
        for index in range(chunk.start, chunk.stop):
            seen = covered[frames[index]]
            box = window_box(seen)
            shown = linear_to_srgb(torch.from_numpy(light[frames[index]][box])).clamp(0.0, 1.0).numpy()
            filmed, seen = film[frames[index]][box] / 255.0, seen[box]
            figures[index] = psnr_db(filmed, shown, seen), ssim(filmed, shown, seen)

    over_frames(measure, len(frames))
    psnr, similarity = figures.mean(axis=0).tolist()
    return psnr, similarity


def some_of(used: Bool[np.ndarray, "frames"], most: int) -> Bool[np.ndarray, "frames"]:
    """At most so many of the used frames, evenly spread over them."""
    frames = np.flatnonzero(used)
    if len(frames) <= most:
        return used
    kept = np.zeros_like(used)
    kept[frames[np.linspace(0, len(frames) - 1, most).round().astype(int)]] = True
    return kept


def overlap(scene: Scene, views: Views) -> Float[np.ndarray, "frames"]:
    """Intersection over union of mesh and mask, the forearm's side left out; NaN where no mask acts."""
    overlaps = views.overlaps(scene)
    nothing = np.full(len(views.masked), np.nan)
    return nothing if overlaps is None else np.where(views.masked.numpy(), overlaps, nothing)
