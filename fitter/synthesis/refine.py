"""Refine a fit of keypoints by pixels: coarse windows, then fine ones, the appearance following slowly.

    refined = refine_by_pixels(scene, evidence, footage, plan)
    refined.scene.state, refined.report.psnr_db, refined.undone

The result is never worse than the fit it began from, judged over the clip by what the pixels say and by the keypoints.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch

from fitter.appearance.estimate import followed
from fitter.appearance.gains import regained
from fitter.energy import Energy
from fitter.energy.term import SurfaceTerm
from fitter.observe.evidence import Evidence
from fitter.render.appearance import Appearance
from fitter.scene import Scene
from fitter.solve.problem import Problem
from fitter.solve.schedule import Schedule, Stage
from fitter.solve.solver import Listener, Renewal, Status, run
from fitter.synthesis.calibrate import calibrated
from fitter.synthesis.judge import what_got_worse
from fitter.synthesis.offsets import Offsets, apply_offsets, solve_offsets
from fitter.synthesis.report import PhotometricReport, compare
from fitter.synthesis.settings import Synthesis
from fitter.synthesis.views import Source, Views, dressed_scene, finely_textured, look_at


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
    reason = what_got_worse(states[0], states[1], looked_at, plan.energy, plan.settings)
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


def following(share: float, known: Appearance | None = None) -> Renewal:
    """After a step: the appearance moves a share of the way to what the new state alone would say; of a known one the
    gains alone do.
    """
    follow = followed if known is None else regained

    def renew(problem: Problem, scene: Scene) -> Problem:
        assert scene.appearance is not None and problem.evidence.pictures is not None
        return problem.wearing(follow(scene.appearance, scene, problem.evidence.pictures, share))

    return renew
