"""Two hands of one clip: each is brought near by itself, then both are fitted in one problem.

right, left = fit_pair((given_right, given_left), energy, schedule)

One problem, because they share the focal length (and the shape, if they are one person's), and because they cannot be
in the same place: where only one of them was told how far away it is, the other gives way. Pixels are compared hand by
hand, each with the other as something that hides it, and then both together once more.
"""

import logging
from dataclasses import dataclass, replace

import torch

from fitter.energy import Energy
from fitter.pipeline.by_keypoints import OnStep, Reached, fit_keypoints, listener
from fitter.pipeline.by_pixels import fit_pixels, shows_enough, with_firm_size
from fitter.pipeline.fit_input import FitInput
from fitter.pipeline.hand_fit import HandFit
from fitter.pipeline.one_hand import judged_fit
from fitter.pipeline.presence import Presence
from fitter.render.beside import Beside
from fitter.solve.levenberg_marquardt import LevenbergMarquardt
from fitter.solve.pair import PairProblem, PairState
from fitter.solve.problem import Problem
from fitter.solve.schedule import Schedule, Stage
from fitter.solve.solver import Status, run
from fitter.solve.threads import one_thread
from fitter.state import State, at_focal
from fitter.synthesis.settings import Synthesis

log = logging.getLogger(__name__)

Pair = tuple[Reached, Reached]


@dataclass(frozen=True)
class Together:
    """How two hands are fitted together."""

    energy: Energy
    flipped: bool  # they are of different sides, so that their axes are each other's mirror image
    one_shape: bool
    on_step: OnStep | None


def fit_pair(
    given: tuple[FitInput, FitInput],
    energy: Energy,
    schedule: Schedule,
    presence: Presence | None = None,
    on_step: OnStep | None = None,
    synthesis: Synthesis | None = None,
    same_person: bool = False,
) -> list[HandFit]:
    """Fit two hands in one problem. Where nothing couples them, the fits are those of each hand alone.

    The joint steps are Levenberg-Marquardt's whatever the schedule's solver. Posteriors are each hand's own: what the
    other one tells of the focal length, a common shape and where it cannot be is left out, so they are a little wide.
    """
    together = Together(energy, given[0].mirrored != given[1].mirrored, same_person, on_step)
    with one_thread():
        one, other = (fit_keypoints(each, energy, schedule, on_step) for each in given)
        devices = [each.evidence.time_s.device for each in given]
        seen = [
            replace(each, evidence=reached.problem.evidence.to(device))
            for each, reached, device in zip(given, (one, other), devices, strict=True)
        ]
        reached = fit_together((one, other), schedule.keypoint_stages[-1], together)
        if schedule.pixel_stages:
            reached = fit_pixels_in_turn((seen[0], seen[1]), reached, schedule, synthesis or Synthesis(), together)
            firm = with_firm_sizes(reached, energy)
            settled = fit_together(firm, schedule.pixel_stages[-1], together)
            reached = with_problems(settled, reached)
        believed = presence or Presence()
        return [judged_fit(each, own, schedule, believed) for each, own in zip(seen, reached, strict=True)]


def fit_pixels_in_turn(
    given: tuple[FitInput, FitInput], reached: Pair, schedule: Schedule, settings: Synthesis, together: Together
) -> Pair:
    """Refine each hand by pixels, the other standing where it was last found."""
    hands = list(reached)
    for turn, (each, own) in enumerate(zip(given, reached, strict=True)):
        if each.footage is None or not shows_enough(each.evidence):
            continue
        other = hands[1 - turn].problem.at(hands[1 - turn].state)
        beside = Beside.of(other.vertices, other.model.faces, together.flipped)
        each = replace(each, beside=beside.to(each.evidence.time_s.device))
        hands[turn] = fit_pixels(each, own, together.energy, schedule, settings, together.on_step)
    return hands[0], hands[1]


def fit_together(reached: Pair, stage: Stage, together: Together) -> Pair:
    """Go on from what either hand has reached, in one problem; as it is where nothing couples the two."""
    one, other = reached
    problem = PairProblem(problems_of(reached), together.flipped, together.energy.interpenetration)
    state = PairState(with_one_focal((one.state, other.state)), together.one_shape)
    if together.one_shape:
        state = replace(state, hands=with_one_shape(reached, state.hands))
    shares = together.one_shape or "focal" in one.problem.free or "focal" in other.problem.free
    term = problem.interpenetration
    touching = term is not None and len(problem.at(state).contacts(term).frame) > 0
    if not shares and not touching:
        return reached
    log.info("fitting both hands together: %s", "they touch" if touching else "they share what the clip does")
    solver = LevenbergMarquardt(stage.max_steps, stage.damping, stage.tolerance)
    outcome = run(solver, problem, state, listener(replace(stage, name=f"{stage.name}, both"), together.on_step))
    parts = []
    for own, ended in zip(reached, outcome.state.hands, strict=True):
        unsettled = outcome.status.value if outcome.status is Status.OUT_OF_STEPS else own.status
        status = own.status if own.status != Status.CONVERGED.value else unsettled
        traces = {**own.traces, f"{stage.name}, both": outcome.trace}
        parts.append(replace(own, state=ended, status=status, traces=traces))
    return parts[0], parts[1]


def with_firm_sizes(reached: Pair, energy: Energy) -> Pair:
    """The same, sizes held near what they are, as in all stages with pixels."""
    firm = []
    for own in reached:
        size = with_firm_size(energy, own.problem.at(own.state)).size
        terms = own.problem.terms if size is None else {**own.problem.terms, "size": size}
        firm.append(replace(own, problem=replace(own.problem, terms=terms)))
    return firm[0], firm[1]


def with_problems(reached: Pair, judging: Pair) -> Pair:
    """What was reached, by the problems of `judging`."""
    one, other = (replace(own, problem=judge.problem) for own, judge in zip(reached, judging, strict=True))
    return one, other


def problems_of(reached: Pair) -> tuple[Problem, Problem]:
    """The two hands' problems, what is believed of the one focal length counted once."""
    one, other = (each.problem for each in reached)
    return one, replace(other, terms={name: term for name, term in other.terms.items() if name != "focal"})


def with_one_focal(states: tuple[State, State]) -> tuple[State, State]:
    """The states at the mean of their focal lengths, the hands seen where they were; as they are where it is one."""
    one, other = states
    if torch.equal(one.log_focal, other.log_focal):
        return states
    mean = 0.5 * (one.log_focal + other.log_focal)
    return at_focal(one, mean), at_focal(other, mean)


def with_one_shape(reached: Pair, states: tuple[State, State]) -> tuple[State, State]:
    """The states with the mean of their betas, each as often as its hand was observed."""
    counts = [int((each.problem.evidence.confidence > 0).any(dim=1).sum()) for each in reached]
    total = max(sum(counts), 1)
    betas = torch.stack([state.betas * (count / total) for state, count in zip(states, counts, strict=True)]).sum(0)
    return replace(states[0], betas=betas), replace(states[1], betas=betas)
