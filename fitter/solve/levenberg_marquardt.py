"""Levenberg-Marquardt over the whole clip: Gauss-Newton steps, damped until they lower the energy.

Damping follows Nielsen (1999): the gain ratio decides how much to trust the model, and a refused step raises the
damping ever faster. Robust losses enter as iteratively reweighted least squares.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from fitter.solve.band import NotPositiveDefinite, Workspace, factorise
from fitter.solve.normal_equations import NormalEquations
from fitter.solve.problem import Problem
from fitter.solve.solver import Solvable, Status
from fitter.state import Step

HIGHEST_DAMPING = 1e12


@dataclass(frozen=True)
class Memory:
    scene: Any  # of the problem's kind
    energy: float
    normal: NormalEquations | None
    damping: float
    raise_by: float
    relative_decrease: float
    workspace: Workspace | None = None


@dataclass(frozen=True)
class LevenbergMarquardt:
    """`damping`: share of the diagonal to begin with; a schedule's stages bring their own, fit for their start.

    Stops at a relative decrease of `tolerance`.
    """

    max_steps: int = 60
    damping: float = 0.1
    tolerance: float = 1e-6

    def init(self, problem: Solvable, state: Any) -> Memory:
        scene = problem.at(state)
        return Memory(scene, problem.energy_of(scene), None, self.damping, 2.0, float("inf"))

    def step(self, problem: Solvable, memory: Memory) -> Memory:
        """One accepted step, after as many refused ones as it takes."""
        normal = memory.normal or problem.linearise_of(memory.scene)
        workspace = memory.workspace or Workspace.of(normal, np.float32)
        damping, raise_by = memory.damping, memory.raise_by
        while damping < HIGHEST_DAMPING:
            try:
                step = damped_step(normal, damping, workspace)
            except NotPositiveDefinite:
                damping, raise_by = damping * raise_by, raise_by * 2.0
                continue
            before = memory.scene.state
            scene = problem.at(before.retract(step.to(before.device)))
            energy = problem.energy_of(scene)
            if energy < memory.energy:
                gain = (memory.energy - energy) / predicted_decrease(normal, step, damping)
                eased = damping * max(1.0 / 3.0, 1.0 - (2.0 * min(gain, 1.0) - 1.0) ** 3)
                decrease = (memory.energy - energy) / max(memory.energy, 1e-300)
                return Memory(scene, energy, None, max(eased, 1e-12), 2.0, decrease, workspace)
            if negligible(step):
                return replace(memory, normal=normal, relative_decrease=0.0, workspace=workspace)
            damping, raise_by = damping * raise_by, raise_by * 2.0
        return replace(memory, normal=normal, damping=damping, workspace=workspace)

    def best(self, memory: Memory) -> tuple[Any, float]:
        return memory.scene.state, memory.energy

    def current(self, problem: Solvable, memory: Memory) -> Any:
        return memory.scene

    def renewed(self, problem: Problem, memory: Memory) -> Memory:
        scene = memory.scene.wearing(problem.appearance)
        energy, normal = problem.expand(scene)
        return replace(memory, scene=scene, energy=energy, normal=normal)

    def terminate(self, memory: Memory) -> Status | None:
        if memory.damping >= HIGHEST_DAMPING:
            return Status.STUCK
        return Status.CONVERGED if memory.relative_decrease < self.tolerance else None


def damped_step(normal: NormalEquations, damping: float, workspace: Workspace) -> Step:
    """The step in float32, or in float64 where that is not exact enough to see a positive definite matrix."""
    try:
        return factorise(normal, damping, workspace).solve()
    except NotPositiveDefinite:
        return factorise(normal, damping).solve()


def predicted_decrease(normal: NormalEquations, step: Step, damping: float) -> float:
    """Decrease of the damped quadratic model: half of step' (damping D step - gradient)."""
    scaled_frames = torch.diagonal(normal.diagonal, dim1=1, dim2=2) * step.frames * damping
    scaled_shared = torch.diagonal(normal.corner) * step.shared * damping
    frames = (step.frames * (scaled_frames - normal.gradient.frames)).sum()
    shared = (step.shared * (scaled_shared - normal.gradient.shared)).sum()
    return max(0.5 * float(frames + shared), 1e-300)


def negligible(step: Step) -> bool:
    """Below what float64 rotations can express: the minimum is reached as exactly as it can be."""
    return float(step.frames.abs().max()) < 1e-10 and float(step.shared.abs().max()) < 1e-10
