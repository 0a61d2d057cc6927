"""Refine a fit of keypoints by pixels: coarse windows, then fine ones, the appearance following slowly.

    refined = refine_by_pixels(scene, evidence, footage, plan)
    refined.scene.state, refined.report.psnr_db, refined.undone

The result is never worse than the fit it began from, judged over the clip by what the pixels say and by the keypoints.
Of a part of a clip it is the clip that is judged: what is `Decided` there holds here.
"""

import logging
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
from fitter.synthesis.decided import RESULT, Decided
from fitter.synthesis.judge import what_got_worse
from fitter.synthesis.offsets import Offsets, apply_offsets, solve_offsets
from fitter.synthesis.report import PhotometricReport, compare
from fitter.synthesis.settings import Synthesis
from fitter.synthesis.views import Source, Views, dressed_scene, finely_textured, look_at

log = logging.getLogger(__name__)

# With less than this share of the masks left the first stage is run again without the others; few do little harm.
ENOUGH_MASKS = 0.9
OFFSET_ROUNDS = 3  # the second sees other pixels, the third changes little (bumps of 0.45 mm: 0.09 left after three)
UNDONE = "pixels made the fit worse ({reason}): the fit of the keypoints is returned instead"


@dataclass(frozen=True)
class Plan:
    """What to do: terms, stages, settings, whether the focal length is known, and who listens to a stage's steps.

    Where shape and focal length are known from other frames of the same clip, `shared_known`; `worn` is then the known
    appearance, of which only the gains follow the pictures, and `decided` how they read pixels. The first `held` frames
    do not move.
    """

    energy: Energy
    schedule: Schedule
    settings: Synthesis
    focal_known: bool
    listener: Callable[[Stage], Listener | None] = lambda stage: None
    shared_known: bool = False
    worn: Appearance | None = None
    decided: Decided | None = None
    held: int = 0

    def dressed(self, scene: Scene, evidence: Evidence, previous: Appearance | None = None) -> Scene:
        """The scene wearing what is known, or else an appearance estimated for its state, beginning at `previous`."""
        return dressed_scene(scene, evidence, self.settings, previous, self.worn)

    def levelled(self, evidence: Evidence, scene: Scene, stage: str) -> Evidence:
        """The evidence with its pictures' level as decided, or else as the scene's own pictures ask for."""
        if self.decided is None:
            return calibrated(evidence, scene, self.energy)
        return self.decided.levelled(evidence, stage)


@dataclass(frozen=True)
class Refined:
    """`scene` wears its appearance as fine as the finest windows, whose pictures `evidence` holds; `appearance` is the
    same with the texture that is written. `decided` holds for other frames of the clip, too.
    """

    scene: Scene
    evidence: Evidence
    appearance: Appearance
    report: PhotometricReport
    status: Status
    decided: Decided
    traces: dict[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def undone(self) -> str | None:
        """None, or why the fit of the keypoints is returned."""
        return self.decided.undone


def refine_by_pixels(scene: Scene, evidence: Evidence, source: Source, plan: Plan) -> Refined:
    """Run the schedule's stages with pixels from the fit of the keypoints in `scene`, and judge the outcome."""
    finest = max(stage.resolution or 0 for stage in plan.schedule.pixel_stages)
    views = look_at(scene, evidence, source, plan.settings, finest, plan.decided)
    before, done = views.scene, Progress(views.scene)
    if plan.decided is None or plan.decided.undone is None:
        done, views = all_stages(done, evidence, views, plan)
    looked_at = views.evidence(evidence, before)
    # Each begins where an appearance of nearly its own state is known: the first one, and what was worn last.
    compared = ((before, done.first_worn), (done.scene.seen_through(views.windows), done.last_worn))
    states = [plan.dressed(each, looked_at, known) for each, known in compared]
    looked_at = plan.levelled(looked_at, states[0], RESULT)
    decided = plan.decided or Decided(views.colours, {**done.levels, RESULT: level_of(looked_at)})
    reason = what_got_worse(states[0], states[1], looked_at, plan.energy, plan.settings)
    if reason is not None and plan.decided is None:
        decided = replace(decided, undone=UNDONE.format(reason=reason))
    elif reason is not None:
        log.warning("pixels are believed, as in the rest of the clip, though here %s", reason)
    chosen = states[0] if decided.undone else states[1]
    report = compare(states[0], chosen, looked_at, views)
    if plan.worn is None:
        appearance = finely_textured(chosen, source, views, plan.settings.texture_size)
    else:
        assert chosen.appearance is not None
        appearance = replace(plan.worn, gain=chosen.appearance.gain)
    return Refined(chosen, looked_at, appearance, report, done.status, decided, done.traces)


@dataclass(frozen=True)
class Progress:
    """How far the stages have come; `first_worn` is the first appearance that was estimated, `last_worn` the last, and
    `levels` are those of the pictures, by stage.
    """

    scene: Scene
    status: Status = Status.CONVERGED
    first_worn: Appearance | None = None
    last_worn: Appearance | None = None
    traces: dict[str, tuple[float, ...]] = field(default_factory=dict)
    levels: dict[str, float] = field(default_factory=dict)


def all_stages(begun: Progress, evidence: Evidence, views: Views, plan: Plan) -> tuple[Progress, Views]:
    """Through the stages with pixels, and the views with the masks that are believed in the end.

    Masks that the surface does not come to agree with in the first stage are those of something else, such as an
    object before the hand: they are dropped, and if they are many the stage is run again without them.
    """
    first, *others = plan.schedule.pixel_stages
    done = run_stages(begun, evidence, views, [first], plan)
    believed = views.believing(done.scene)
    if int(believed.masked.sum()) < ENOUGH_MASKS * int(views.masked.sum()):
        done = run_stages(begun, evidence, believed, [first], plan)
    done = run_stages(done, evidence, believed, others, plan)
    if plan.settings.offsets is not None and not plan.shared_known:
        done = with_offsets(done, evidence, believed, plan, plan.settings.offsets)
    return done, believed


def level_of(evidence: Evidence) -> float:
    assert evidence.pictures is not None
    return float(evidence.pictures.level)


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
            {**done.levels, stage.name: level_of(problem.evidence)},
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
    evidence = plan.levelled(evidence, scene, stage.name)
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
