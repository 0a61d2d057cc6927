"""Refine a fit of keypoints by pixels: coarse windows, then fine ones, the appearance following slowly.

    refined = refine_by_pixels(scene, evidence, footage, plan)
    refined.scene.state, refined.report.psnr_db, refined.undone

The result is never worse than the fit it began from, judged over the clip by what the pixels say and by the keypoints.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8

from fitter.appearance.estimate import followed
from fitter.appearance.picture import rendered
from fitter.energy import Energy
from fitter.energy.term import SurfaceTerm, term_energy
from fitter.observe.evidence import Evidence
from fitter.observe.masks import HAND
from fitter.render.appearance import Appearance
from fitter.render.picture_metrics import psnr_db, ssim
from fitter.render.shading import linear_to_srgb
from fitter.scene import Scene
from fitter.solve.problem import Problem
from fitter.solve.schedule import Schedule, Stage
from fitter.solve.solver import Listener, Renewal, Status, run
from fitter.synthesis.report import PhotometricReport
from fitter.synthesis.settings import Synthesis
from fitter.synthesis.views import Source, Views, dressed_scene, finely_textured, look_at

log = logging.getLogger(__name__)

CALIBRATION_FRAMES = 20  # evenly over the clip: what colours disagree by is much the same in all
MEDIAN_OF_GAUSSIAN = 0.6745  # median absolute deviation of a unit Gaussian
UNDONE = "pixels made the fit worse ({reason}): the fit of the keypoints is returned instead"


@dataclass(frozen=True)
class Plan:
    """What to do: terms, stages, settings, whether the focal length is known, and who listens to a stage's steps."""

    energy: Energy
    schedule: Schedule
    settings: Synthesis
    focal_known: bool
    listener: Callable[[Stage], Listener | None] = lambda stage: None


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
    """Run the schedule's stages with pixels from the fit of the keypoints in `scene`, and judge the outcome."""
    stages = plan.schedule.pixel_stages
    finest = max(stage.resolution or 0 for stage in stages)
    views = look_at(scene, evidence, source, plan.settings, finest)
    before, traces, status = scene, dict[str, tuple[float, ...]](), Status.CONVERGED
    for stage in stages:
        problem = stage_problem(scene, evidence, views, stage, plan)
        solver = plan.schedule.solver_of(stage)
        outcome = run(solver, problem, scene.state, plan.listener(stage), following(plan.settings.share))
        scene, traces[stage.name], status = scene.with_state(outcome.state), outcome.trace, outcome.status
    windows = views.windows
    looked_at = views.evidence(evidence, before.seen_through(windows))
    states = [dressed_scene(each.seen_through(windows), looked_at, plan.settings) for each in (before, scene)]
    looked_at = calibrated(looked_at, states[0], plan.energy)
    reason = what_got_worse(states[0], states[1], looked_at, plan)
    undone = None if reason is None else UNDONE.format(reason=reason)
    chosen = states[0] if undone else states[1]
    report = compare(states[0], chosen, looked_at, views)
    appearance = finely_textured(chosen, source, views, plan.settings.texture_size)
    return Refined(chosen, looked_at, appearance, report, status, undone, traces)


def stage_problem(scene: Scene, evidence: Evidence, views: Views, stage: Stage, plan: Plan) -> Problem:
    """The problem of one stage at its resolution; the scene wears an appearance estimated for its state."""
    assert stage.resolution is not None
    scene = scene.seen_through(views.windows.resized(stage.resolution))
    evidence = views.evidence(evidence, scene)
    scene = dressed_scene(scene, evidence, plan.settings)
    evidence = calibrated(evidence, scene, plan.energy)
    terms = {name: term for name, term in plan.energy.terms(evidence).items() if name not in stage.without}
    return Problem(scene, evidence, terms, stage.free_names(plan.focal_known))


def calibrated(evidence: Evidence, scene: Scene, energy: Energy) -> Evidence:
    """The evidence with its pictures' level raised where the clip's colours disagree by more than the photometric
    sigma.

    Real skin has gloss, cast shadows and blood that no albedo and light explain: taken for precise, such pixels would
    all be outliers. The spread is a robust one (median absolute residual) of the state that pixels begin from.
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
    return replace(evidence, pictures=replace(evidence.pictures, level=evidence.pictures.level * factor))


def following(share: float) -> Renewal:
    """After a step: the appearance moves a share of the way to what the new state alone would say."""

    def renew(problem: Problem, scene: Scene) -> Problem:
        assert scene.appearance is not None and problem.evidence.pictures is not None
        return problem.wearing(followed(scene.appearance, scene, problem.evidence.pictures, share))

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
    """PSNR, SSIM and overlap with the masks, of two scenes in the finest windows."""
    assert evidence.pictures is not None
    used = (views.trust > 0).numpy()
    film = evidence.pictures.rgb.cpu().numpy()
    light, covered = zip(*(rendered(scene) for scene in (before, after)), strict=True)
    both = covered[0] & covered[1]  # a mesh that covers more, up to the very outline, is not to look worse for it
    figures = [agreement(shown, film, both, used) for shown in light]
    overlaps = [overlap(scene, views) for scene in (before, after)]
    return PhotometricReport(
        psnr_db=figures[1][0],
        psnr_before_db=figures[0][0],
        ssim=figures[1][1],
        ssim_before=figures[0][1],
        iou=overlaps[1],
        iou_before=overlaps[0],
        masks_used=int(views.masked.sum()),
        masks_dropped=sum(views.dropped.values()),
        frames_used=int(used.sum()),
    )


def agreement(
    light: Float[np.ndarray, "frames size size 3"],
    film: UInt8[np.ndarray, "frames size size 3"],
    covered: Bool[np.ndarray, "frames size size"],
    used: Bool[np.ndarray, "frames"],
) -> tuple[float, float]:
    """Mean PSNR (dB) and SSIM of a rendering (linear RGB) over the used frames, inside the covered pixels."""
    figures = []
    for frame in np.flatnonzero(used & covered.any(axis=(1, 2))):
        shown = linear_to_srgb(torch.from_numpy(light[frame])).clamp(0.0, 1.0).numpy()
        filmed = film[frame] / 255.0
        figures.append((psnr_db(filmed, shown, covered[frame]), ssim(filmed, shown, covered[frame])))
    if not figures:
        return float("nan"), float("nan")
    mean = np.mean(figures, axis=0)
    return float(mean[0]), float(mean[1])


def overlap(scene: Scene, views: Views) -> float | None:
    """Intersection over union of mesh and mask, mean over the frames whose mask acts, the forearm's side left out."""
    if views.cut.masks is None or not bool(views.masked.any()):
        return None
    counted = ~views.forearm & views.cut.inside
    mesh, mask = scene.fragments.covered.cpu() & counted, (views.cut.masks >= HAND) & counted
    both, either = (mesh & mask).sum(dim=(1, 2)), (mesh | mask).sum(dim=(1, 2)).clamp_min(1)
    return float((both / either)[views.masked].mean())
