"""What every solver shares: init, step, terminate, and the loop around them, written once.

outcome = run(LevenbergMarquardt(max_steps=50), problem, state)
outcome.state, outcome.status.value        # the status explains itself
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, Protocol, TypeVar

from fitter.render.appearance import Appearance
from fitter.scene import Scene
from fitter.solve.normal_equations import NormalEquations
from fitter.solve.problem import Problem


class Status(Enum):
    """How a solve ended; the value is the explanation."""

    CONVERGED = "converged"
    OUT_OF_STEPS = "stopped after the allowed number of steps, before the energy settled"
    STUCK = "stopped where no damping gives a lower energy"
    NOT_FINITE = "the starting state has no finite energy"


S = TypeVar("S")


@dataclass(frozen=True)
class Outcome(Generic[S]):
    """Best state found, its energy, how it ended, the energy after every step, and what the surface wore last."""

    state: S
    energy: float
    status: Status
    trace: tuple[float, ...]
    appearance: Appearance | None = None


Memory = TypeVar("Memory")
Listener = Callable[[int, float, dict[str, float]], None]  # step, energy, energy by term
Renewal = Callable[[Problem, Scene], Problem]


class Solvable(Protocol):
    """What a second-order solver asks of a problem: of one hand (`Problem`) or of two (`PairProblem`), each with states
    and scenes of its own kind.
    """

    @property
    def appearance(self) -> Appearance | None: ...

    def at(self, state: Any) -> Any: ...

    def energy_of(self, scene: Any) -> float: ...

    def energies_by_term_of(self, scene: Any) -> dict[str, float]: ...

    def linearise_of(self, scene: Any) -> NormalEquations: ...


class Solver(Protocol[Memory]):
    """A method: its fields are its settings, `Memory` is what it carries from step to step.

    Problem, state and scene are of one kind, see `Solvable`; first-order methods know problems of one hand only.
    """

    @property
    def max_steps(self) -> int: ...

    def init(self, problem: Any, state: Any) -> Memory: ...

    def step(self, problem: Any, memory: Memory) -> Memory: ...

    def best(self, memory: Memory) -> tuple[Any, float]: ...

    def terminate(self, memory: Memory) -> Status | None: ...

    def current(self, problem: Any, memory: Memory) -> Any:
        """The scene of the best state; what is already computed of it is kept."""
        ...

    def renewed(self, problem: Any, memory: Memory) -> Memory:
        """Go on from the best state with a problem whose energy has changed."""
        ...


def run(
    solver: Solver[Memory],
    problem: Solvable,
    state: S,
    on_step: Listener | None = None,
    renew: Renewal | None = None,
) -> Outcome[S]:
    """Step until the solver says stop or its steps are used up; `on_step(step, energy, by term)` after each.

    `renew` may change the problem between steps, as an appearance that follows the pose does; then energies of
    different steps are of different problems.
    """
    memory = solver.init(problem, state)
    _, energy = solver.best(memory)
    if energy == float("inf"):
        return Outcome(state, energy, Status.NOT_FINITE, (energy,))
    trace, status = [energy], None
    for index in range(solver.max_steps):
        memory = solver.step(problem, memory)
        trace.append(solver.best(memory)[1])
        if on_step is not None:
            on_step(index + 1, trace[-1], problem.energies_by_term_of(solver.current(problem, memory)))
        status = solver.terminate(memory)
        if status is not None:
            break
        if renew is not None and isinstance(problem, Problem) and index + 1 < solver.max_steps:
            problem = renew(problem, solver.current(problem, memory))
            memory = solver.renewed(problem, memory)
    best, energy = solver.best(memory)
    status, worn = status or Status.OUT_OF_STEPS, problem.appearance
    return Outcome(best.orthonormalised(), energy, status, tuple(trace), worn)
