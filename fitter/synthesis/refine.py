"""Refine a fit of keypoints by pixels: coarse windows, then fine ones, the appearance following slowly.

    refined = refine_by_pixels(scene, evidence, footage, plan)
    refined.scene.state, refined.report.psnr_db, refined.undone

The result is never worse than the fit it began from, judged over the clip by what the pixels say and by the keypoints.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Int, UInt8
from torch import Tensor

from fitter.appearance.estimate import followed
from fitter.appearance.picture import rendered
from fitter.energy import Energy
from fitter.energy.term import SurfaceTerm, term_energy
from fitter.observe.evidence import Evidence
from fitter.observe.masks import HAND
from fitter.render.appearance import Appearance
from fitter.render.picture_metrics import psnr_db, ssim, window_box
from fitter.render.shading import linear_to_srgb
from fitter.render.workers import over_frames
from fitter.scene import Scene
from fitter.solve.problem import Problem
from fitter.solve.schedule import Schedule, Stage
from fitter.solve.solver import Listener, Renewal, Status, run
from fitter.synthesis.report import PhotometricReport
from fitter.synthesis.settings import Synthesis
from fitter.synthesis.views import Source, Views, dressed_scene, look_at

log = logging.getLogger(__name__)

# PSNR and SSIM are means over at most so many frames, evenly spread: frames of a synthetic clip of 100 deviate by 1.6
# dB and 0.03, so the means of 60 are good to 0.2 dB and 0.004, and a long clip does not pay for more.
MOST_COMPARED = 60

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
    """`scene` wears its appearance; `evidence` holds the finest windows' pictures. `undone` is None, or says why the
    fit of the keypoints was returned.
    """

    scene: Scene
    evidence: Evidence
    report: PhotometricReport
    status: Status
    undone: str | None
    traces: dict[str, tuple[float, ...]] = field(default_factory=dict)


def refine_by_pixels(scene: Scene, evidence: Evidence, source: Source, plan: Plan) -> Refined:
    """Run the schedule's stages with pixels from the fit of the keypoints in `scene`, and judge the outcome."""
    stages = plan.schedule.pixel_stages
    finest = max(stage.resolution or 0 for stage in stages)
    views = look_at(scene, evidence, source, plan.settings, finest)
    before, worn = views.scene, list[Appearance | None]()
    traces, status = dict[str, tuple[float, ...]](), Status.CONVERGED
    for stage in stages:
        problem = stage_problem(scene, evidence, views, stage, plan, worn[-1] if worn else None)
        solver = plan.schedule.solver_of(stage)
        outcome = run(solver, problem, problem.scene.state, plan.listener(stage), following(plan.settings.share))
        scene, traces[stage.name], status = scene.with_state(outcome.state), outcome.trace, outcome.status
        worn += [*([] if worn else [problem.scene.appearance]), outcome.appearance]
    looked_at = views.evidence(evidence, before)
    # Each begins where an appearance of nearly its own state is known: the first one, and what was worn last.
    compared = zip((before, scene.seen_through(views.windows)), (worn[0], worn[-1]), strict=True)
    states = [dressed_scene(each, looked_at, plan.settings, known) for each, known in compared]
    reason = what_got_worse(states[0], states[1], looked_at, plan)
    undone = None if reason is None else UNDONE.format(reason=reason)
    report = compare(states[0], states[0] if undone else states[1], looked_at, views)
    return Refined(states[0] if undone else states[1], looked_at, report, status, undone, traces)


def stage_problem(
    scene: Scene, evidence: Evidence, views: Views, stage: Stage, plan: Plan, previous: Appearance | None = None
) -> Problem:
    """The problem of one stage at its resolution; the scene wears an appearance estimated for its state, beginning at
    the `previous` one.
    """
    assert stage.resolution is not None
    scene = scene.seen_through(views.windows.resized(stage.resolution))
    evidence = views.evidence(evidence, scene)
    scene = dressed_scene(scene, evidence, plan.settings, previous)
    terms = {name: term for name, term in plan.energy.terms(evidence).items() if name not in stage.without}
    return Problem(scene, evidence, terms, stage.free_names(plan.focal_known))


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
    """PSNR, SSIM and overlap with the masks, of two scenes in the finest windows; the first two in some frames only."""
    assert evidence.pictures is not None
    used = (views.trust > 0).numpy()
    film = evidence.pictures.rgb.cpu().numpy()
    asked = some_of(used, MOST_COMPARED)
    figures = [agreement(before, film, asked)]
    figures += figures if after is before else [agreement(after, film, asked)]
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


def agreement(scene: Scene, film: UInt8[np.ndarray, "frames size size 3"], used: np.ndarray) -> tuple[float, float]:
    """Mean PSNR (dB) and SSIM of the rendering over the used frames, where the mesh covers the picture."""
    light, covered = rendered(scene)
    frames = np.flatnonzero(used & covered.any(axis=(1, 2)))
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


def overlap(scene: Scene, views: Views) -> float | None:
    """Intersection over union of mesh and mask, mean over the frames whose mask acts, the forearm's side left out."""
    if views.cut.masks is None or not bool(views.masked.any()):
        return None
    counted = ~views.forearm & views.cut.inside
    mesh, mask = scene.fragments.covered.cpu() & counted, (views.cut.masks >= HAND) & counted
    both, either = (count(each) for each in (mesh & mask, mesh | mask))
    return float((both / either.clip(min=1))[views.masked.numpy()].mean())


def count(pixels: Bool[Tensor, "frames size size"]) -> Int[np.ndarray, "frames"]:
    return np.count_nonzero(pixels.numpy().reshape(len(pixels), -1), axis=1)
