"""One hand of one clip, from its evidence and starts to its fit: run the schedule, judge, and say how sure it is.

fit = fit_hand(FitInput(model, landmarks, camera, evidence, starts), energy, schedule)
fit.state, fit.status, fit.posterior.joints_sigma_mm
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch
from jaxtyping import Bool, Float

from fitter.camera import Camera
from fitter.energy import Energy
from fitter.energy.keypoints import reprojections_px
from fitter.energy.photometric import Photometric
from fitter.hand import HandModel, Landmarks
from fitter.initialise import Advice, Start
from fitter.observe.depth_maps import DepthFolder
from fitter.observe.evidence import Evidence
from fitter.observe.footage import Footage
from fitter.pipeline.known import Known, holding
from fitter.quantity import Positive
from fitter.render.appearance import Appearance
from fitter.render.beside import Beside
from fitter.render.window import Windows
from fitter.scene import Scene
from fitter.solve.posterior import Posterior, estimate_posterior
from fitter.solve.problem import Problem
from fitter.solve.schedule import Schedule, Stage
from fitter.solve.solver import Listener, Outcome, Status, run
from fitter.solve.threads import one_thread
from fitter.state import State
from fitter.synthesis.depth import with_depth
from fitter.synthesis.refine import Plan, refine_by_pixels
from fitter.synthesis.report import PhotometricReport
from fitter.synthesis.settings import Synthesis
from fitter.synthesis.views import LEAST_LANDMARKS, Source, trust_of

log = logging.getLogger(__name__)

OnStep = Callable[[str, int, float, dict[str, float]], None]  # stage, step, energy, energy by term


@dataclass(frozen=True)
class Presence:
    """Where belief in the hand ends: frames of which the fit itself is less sure than `max_sigma_mm` are not present.

    The sigma is what the frame lacks, size and focal length given: 40 mm is half a palm's breadth. Of the frames in
    gaps of clips with truth 11 % are less sure; aligned, they are 12 mm off on average, the others 9 mm.
    `max_gap_s` bounds how far from an observed frame smoothness is believed at all. Nor is a hand present that the
    fit has moved out of the image.
    """

    max_sigma_mm: Positive = 40.0
    max_gap_s: Positive = 0.6


@dataclass(frozen=True)
class FitInput:
    """All that is given about one right hand: `camera` may be of unknown focal length. `known` is what other frames of
    the same clip have decided, see `with_known`.
    """

    model: HandModel
    landmarks: Landmarks
    camera: Camera
    evidence: Evidence
    starts: tuple[Start, ...]  # the first is the one that the fit is never worse than
    footage: Footage | None = None  # the frames as this hand's camera sees them; None: keypoints alone
    depth: DepthFolder | None = None  # seen once it is known where the hand is
    advice: Advice | None = None  # asked once it is known where the hand is
    known: Known | None = None
    mirrored: bool = False  # a left hand, in frames flipped so that it looks like a right one
    beside: Beside | None = None  # the other hand of the clip, which may hide this one

    @property
    def held(self) -> int:
        """How many of the first frames do not move."""
        return 0 if self.known is None else self.known.n_held

    def free(self, stage: Stage) -> tuple[str, ...]:
        """What may move in a stage."""
        return stage.free_names(self.camera.known, self.known is not None)

    def to(self, device: torch.device | str) -> "FitInput":
        """The same on another device: there the fit computes what depends on the frames, see `fit_hand`."""
        return replace(
            self,
            model=self.model.to(device=device),
            landmarks=self.landmarks.to(device),
            evidence=self.evidence.to(device),
            starts=tuple(Start(start.name, start.state.to(device=device)) for start in self.starts),
            beside=None if self.beside is None else self.beside.to(device),
        )


@dataclass(frozen=True)
class HandFit:
    """The fit of one right hand: `energies` and `initial_energies` by term, of the result and of the start it grew
    from. `frames` says how each frame is explained. `appearance` and `photometric` are None where no pixels were
    compared.
    """

    scene: Scene
    status: str
    start: str
    energies: dict[str, float]
    initial_energies: dict[str, float]
    posterior: Posterior
    present: Bool[np.ndarray, "frames"]
    frames: "FrameFigures"
    traces: dict[str, tuple[float, ...]] = field(default_factory=dict)
    appearance: Appearance | None = None
    photometric: PhotometricReport | None = None

    @property
    def state(self) -> State:
        return self.scene.state


@dataclass(frozen=True)
class FrameFigures:
    """How a fit explains each frame; NaN where a figure does not apply.

    energies          by term, without the terms that act once per clip
    reprojection_px   mean distance of the landmarks from the keypoints by confidence, undistorted pixels
    photometric       root mean robust square of the colours' residuals, in the photometric term's standard deviations
    overlap           intersection over union of mesh and mask, where a mask acts
    """

    energies: dict[str, Float[np.ndarray, "frames"]]
    reprojection_px: Float[np.ndarray, "frames"]
    photometric: Float[np.ndarray, "frames"]
    overlap: Float[np.ndarray, "frames"]


def fit_hand(
    given: FitInput,
    energy: Energy,
    schedule: Schedule,
    presence: Presence | None = None,
    on_step: OnStep | None = None,
    synthesis: Synthesis | None = None,
) -> HandFit:
    """Fit one hand over all its frames; never worse than its start, which is returned, and said so, if it would be.

    Residuals and normal equations are computed on the device of `given`; the factorisation, the posterior and the
    result are the CPU's.
    """
    with one_thread():
        reached = fit_keypoints(given, energy, schedule, on_step)
        given = replace(given, evidence=reached.problem.evidence.to(given.evidence.time_s.device))
        if given.footage is not None and schedule.pixel_stages and shows_enough(given.evidence):
            reached = fit_pixels(given, reached, energy, schedule, synthesis or Synthesis(), on_step)
        return judged_fit(given, reached, schedule, presence or Presence())


def judged_fit(given: FitInput, reached: "Reached", schedule: Schedule, presence: Presence) -> HandFit:
    """The fit that was reached, with how sure it is and how it explains each frame."""
    whole, here = reached.problem, given.to("cpu")
    scene = whole.at(reached.state)
    posterior = estimate_posterior(unheld(whole, given, schedule), reached.state)
    return HandFit(
        scene=replace(scene),  # without what was computed of it: pixels take much memory
        status=reached.status,
        start=reached.start,
        energies=whole.energies_by_term(reached.state),
        initial_energies=whole.energies_by_term(here.starts[0].state),
        posterior=posterior,
        present=believed(here.evidence, posterior, presence, in_view(scene)),
        frames=frame_figures(whole, reached),
        traces=reached.traces,
        appearance=reached.appearance,
        photometric=reached.photometric,
    )


def unheld(problem: Problem, given: FitInput, schedule: Schedule) -> Problem:
    """The problem in which all moves that the clip as a whole would leave free: how sure a fit is does not grow with
    what was decided before.
    """
    if given.known is None:
        return problem
    return replace(problem, free=schedule.keypoint_stages[-1].free_names(given.camera.known), held=0)


def frame_figures(problem: Problem, reached: "Reached") -> FrameFigures:
    """How the state that was reached explains each frame."""
    scene, evidence = problem.at(reached.state), problem.evidence
    energies = problem.frame_energies_of(scene)
    nothing = np.full(evidence.n_frames, np.nan)
    photometric = nothing
    term = problem.terms.get("photometric")
    if isinstance(term, Photometric):
        photometric = term.deviation(energies["photometric"], evidence)
    overlap = nothing if reached.photometric is None else reached.photometric.frame_iou
    return FrameFigures(energies, reprojections_px(scene, evidence).numpy(), photometric, overlap)


@dataclass(frozen=True)
class Reached:
    """Where a part of the schedule has come to, on the CPU: the state, and the problem of all terms it is judged by."""

    problem: Problem
    state: State
    status: str
    start: str
    traces: dict[str, tuple[float, ...]]
    appearance: Appearance | None = None
    photometric: PhotometricReport | None = None


def fit_keypoints(given: FitInput, energy: Energy, schedule: Schedule, on_step: OnStep | None) -> Reached:
    """The stages without pixels: explore from every start, refine the best."""
    starts, last = given.starts, schedule.keypoint_stages[-1]
    scene, whole = whole_problem(given, energy, last)
    explored = [explore(start, scene, given, energy, schedule, on_step) for start in starts]
    reached = [whole.energy(outcome.state) for outcome in explored]
    best = int(np.argmin(reached))
    log.info("energies reached from each start: %s", dict(zip((s.name for s in starts), reached, strict=True)))
    begun = scene.with_state(explored[best].state)
    if given.depth is not None:
        begun, evidence = with_depth(begun, given.evidence, given.depth)
        if given.known is not None:
            begun = begun.with_state(holding(begun.state, given.known))
        given = replace(given, evidence=evidence)
        scene, whole = whole_problem(given, energy, last, begun.windows)
    if given.advice is not None:
        settled = run(schedule.solver_of(last), whole, begun.state, listener(last, on_step))
        given, begun = advised(given, given.advice, settled.state), scene.with_state(settled.state)
        scene, whole = whole_problem(given, energy, last, begun.windows)
    refined = run(schedule.solver_of(last), whole, begun.state, listener(last, on_step))
    state, status = judged(whole, starts[0].state, refined)
    windows = None if begun.windows is None else begun.windows.to("cpu")
    _, whole = whole_problem(given.to("cpu"), energy, last, windows)
    traces = {"explore": explored[best].trace, last.name: refined.trace}
    return Reached(whole, state.to(device="cpu"), status, starts[best].name, traces)


def advised(given: FitInput, advice: Advice, state: State) -> FitInput:
    """The input with the advice for a fit that has come to `state`."""
    evidence = advice(state.to(device="cpu"), given.evidence.to("cpu"))
    return replace(given, evidence=evidence.to(given.evidence.time_s.device))


def shows_enough(evidence: Evidence) -> bool:
    """Whether pixels can be compared in any frame; where they cannot, the user is told."""
    if bool((trust_of(evidence) > 0).any()):
        return True
    log.warning("no frame shows %d landmarks of the hand: the fit is one of keypoints alone", LEAST_LANDMARKS)
    return False


def fit_pixels(
    given: FitInput, reached: Reached, energy: Energy, schedule: Schedule, settings: Synthesis, on_step: OnStep | None
) -> Reached:
    """The stages with pixels, from what the keypoints gave; on the device of `given`."""
    assert given.footage is not None
    device = given.evidence.time_s.device
    scene = whole_problem(given, energy, schedule.pixel_stages[-1])[0].with_state(reached.state.to(device=device))
    firm = with_firm_size(energy, scene)
    plan = Plan(
        firm,
        schedule,
        settings,
        given.camera.known,
        partial(listener, on_step=on_step),
        shared_known=given.known is not None,
        worn=given.known and given.known.appearance,
        held=given.held,
    )
    refined = refine_by_pixels(scene, given.evidence, Source(given.footage, given.depth, given.beside), plan)
    scene = refined.scene
    if device.type != "cpu":
        scene = replace(
            whole_problem(given.to("cpu"), energy, schedule.pixel_stages[-1], scene.windows)[0],
            model=scene.model.to(device="cpu"),
            state=scene.state.to(device="cpu"),
            appearance=scene.appearance,
        )
    terms = energy.terms(refined.evidence)
    problem = replace(reached.problem, scene=scene, evidence=refined.evidence.to("cpu"), terms=terms)
    status = refined.undone or (reached.status if reached.status != Status.CONVERGED.value else refined.status.value)
    traces = {**reached.traces, **refined.traces}
    appearance = refined.appearance.to(device="cpu")
    return Reached(problem, scene.state, status, reached.start, traces, appearance, refined.report)


def with_firm_size(energy: Energy, scene: Scene) -> Energy:
    """The energy with the size held near that of `scene`, in every frame as the pixels are.

    How perspective shrinks a hand's far parts says little of its size compared with what landmarks and masks are wrong
    by, and that in all frames alike: thousands of pixels are not to overrule keypoints and prior by it. Of the shape
    pixels do say much: its prior stays (held as firmly, it cost 8 % of the vertex error on synthetic clips).
    """
    if energy.size is None:
        return energy
    length_mm = 1000.0 * float(scene.model.hand_length(scene.state.betas))
    return replace(energy, size=replace(energy.size, length_mm=length_mm, independent_frames=1.0))


def whole_problem(
    given: FitInput, energy: Energy, stage: Stage, windows: Windows | None = None
) -> tuple[Scene, Problem]:
    """The first start's scene, and the problem of a stage in which every term acts."""
    scene = Scene(given.model, given.landmarks, given.camera, given.starts[0].state, windows)
    return scene, Problem(scene, given.evidence, energy.terms(given.evidence), given.free(stage), given.held)


def explore(
    start: Start, scene: Scene, given: FitInput, energy: Energy, schedule: Schedule, on_step: OnStep | None
) -> Outcome:
    """Run every stage without pixels but the last from one start."""
    outcome = Outcome(start.state, float("inf"), Status.OUT_OF_STEPS, ())
    for stage in schedule.keypoint_stages[:-1]:
        terms = {name: term for name, term in energy.terms(given.evidence).items() if name not in stage.without}
        problem = Problem(scene, given.evidence, terms, given.free(stage), given.held)
        outcome = run(schedule.solver_of(stage), problem, outcome.state, listener(stage, on_step))
    return outcome


def listener(stage: Stage, on_step: OnStep | None) -> Listener | None:
    return None if on_step is None else lambda step, energy, terms: on_step(stage.name, step, energy, terms)


def judged(problem: Problem, initial: State, refined: Outcome) -> tuple[State, str]:
    """The refined state, unless the start was better; and the sentence that says how it ended.

    The energy is taken anew: a first-order solver's own does not know a hand behind the camera.
    """
    if problem.energy(refined.state) <= problem.energy(initial):
        return refined.state, refined.status.value
    return initial, "the solver ended worse than its start, which is returned instead"


def in_view(scene: Scene) -> Bool[np.ndarray, "frames"]:
    """Frames in whose image at least one landmark lies; without the lens's distortion, which moves borders little."""
    pixels, depth = scene.keypoints.detach().cpu().numpy(), scene.points[..., 2].detach().cpu().numpy()
    if not scene.camera.distortion:
        pixels = scene.camera.distort_frames(pixels)  # of a camera that zooms, each frame's own
    inside = ((pixels >= 0.0) & (pixels <= [scene.camera.width, scene.camera.height])).all(axis=-1)
    return (inside & (depth > 0.0)).any(axis=-1)


def believed(
    evidence: Evidence, posterior: Posterior, presence: Presence, shown: Bool[np.ndarray, "frames"]
) -> Bool[np.ndarray, "frames"]:
    """Frames in which the hand is believed to be: seen, or sure enough, near enough to an observation, and `shown` by
    the fit within the image. A hand that has left is nowhere in it.
    """
    observed, time_s = (evidence.confidence > 0).any(dim=1).numpy(), evidence.time_s.numpy()
    return believed_near(time_s[observed], observed, time_s, posterior, presence) & (observed | shown)


def believed_near(
    seen_s: Float[np.ndarray, "seen"],
    observed: Bool[np.ndarray, "frames"],
    time_s: Float[np.ndarray, "frames"],
    posterior: Posterior,
    presence: Presence,
) -> Bool[np.ndarray, "frames"]:
    """As `believed`, for frames of a clip in which the hand was observed at the times `seen_s`."""
    if len(seen_s) == 0:
        return observed
    after = np.searchsorted(seen_s, time_s).clip(max=len(seen_s) - 1)
    gap_s = np.minimum(np.abs(time_s - seen_s[after]), np.abs(time_s - seen_s[(after - 1).clip(min=0)]))
    sure = np.sqrt(np.square(posterior.relative_sigma_mm).mean(axis=1)) <= presence.max_sigma_mm
    return observed | (sure & (gap_s <= presence.max_gap_s))
