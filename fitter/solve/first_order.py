"""Adam and L-BFGS over the same terms: the field's usual solvers, as alternative and as baseline.

Both move in the tangent space of the starting state, by automatic differentiation through the whole scene.

    outcome = run(Adam(learning_rate=0.02, max_steps=500), problem, state)
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fitter.scene import Scene
from fitter.solve.problem import Problem
from fitter.solve.solver import Status
from fitter.state import State, Step


@dataclass
class Memory:
    """The optimizer and what it moves; `best` is kept because first-order energies do not only fall."""

    start: State
    frames: Tensor
    shared: Tensor
    optimizer: torch.optim.Optimizer
    best_state: State
    best_energy: float
    settled: int = 0


class FirstOrder:
    """What both have in common: they end when `patience` steps in a row gained less than `tolerance`."""

    tolerance: float
    patience: int

    def step(self, problem: Problem, memory: Memory) -> Memory:
        return advance(problem, memory, self.tolerance)

    def best(self, memory: Memory) -> tuple[State, float]:
        return memory.best_state, memory.best_energy

    def current(self, problem: Problem, memory: Memory) -> Scene:
        return problem.at(memory.best_state)

    def renewed(self, problem: Problem, memory: Memory) -> Memory:
        memory.best_energy = problem.energy(memory.best_state)
        return memory

    def terminate(self, memory: Memory) -> Status | None:
        return Status.CONVERGED if memory.settled >= self.patience else None


@dataclass(frozen=True)
class Adam(FirstOrder):
    """Kingma & Ba 2015. Stops when the best energy fell by less than `tolerance` of itself in `patience` steps."""

    max_steps: int = 1000
    learning_rate: float = 0.02
    tolerance: float = 1e-6
    patience: int = 50

    def init(self, problem: Problem, state: State) -> Memory:
        return remember(problem, state, lambda moved: torch.optim.Adam(moved, lr=self.learning_rate))


@dataclass(frozen=True)
class LBFGS(FirstOrder):
    """Limited-memory BFGS with strong Wolfe line search (Nocedal & Wright 2006); one step is `inner_steps`
    iterations.
    """

    max_steps: int = 40
    inner_steps: int = 5
    learning_rate: float = 1.0
    history: int = 20
    tolerance: float = 1e-6
    patience: int = 3

    def init(self, problem: Problem, state: State) -> Memory:
        return remember(
            problem,
            state,
            lambda moved: torch.optim.LBFGS(
                moved,
                lr=self.learning_rate,
                max_iter=self.inner_steps,
                history_size=self.history,
                line_search_fn="strong_wolfe",
            ),
        )


def remember(problem: Problem, state: State, optimizer_of: Callable[[list[Tensor]], torch.optim.Optimizer]) -> Memory:
    zero = state.zero_step()
    frames, shared = zero.frames.requires_grad_(), zero.shared.requires_grad_()
    return Memory(state, frames, shared, optimizer_of([frames, shared]), state, problem.energy(state))


def advance(problem: Problem, memory: Memory, tolerance: float) -> Memory:
    """One optimizer step; the energy counted is the one at which the gradient was taken, so that none is computed
    twice.
    """

    def closure() -> float:
        memory.optimizer.zero_grad()
        step = problem.masked(Step(memory.frames, memory.shared))
        state = memory.start.retract(step)
        energy = torch.stack(list(problem.energies(state).values())).sum()
        energy.backward()
        value = float(energy.detach())
        if value < memory.best_energy:
            decrease = (memory.best_energy - value) / max(memory.best_energy, 1e-300)
            memory.settled = -1 if decrease > tolerance else memory.settled
            memory.best_energy = value
            memory.best_state = State(
                state.rotations.detach(), state.trajectory.detach(), state.betas.detach(), state.log_focal.detach()
            )
        return value

    memory.optimizer.step(closure)
    memory.settled += 1
    return memory
