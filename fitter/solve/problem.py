"""A fit as a solver sees it: an energy, its linearisation and what is free to move. Solvers know nothing of hands.

problem = Problem(scene, evidence, terms, free)
problem.energy(state)                  # a number
normal = problem.linearise(state)      # J'J and J'r of every term, fixed unknowns taken out
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fitter.energy.term import Rows, SurfaceRows, Term, frame_energies, linearise, term_energy
from fitter.observe.evidence import Evidence
from fitter.render.appearance import Appearance
from fitter.scene import Scene
from fitter.solve import assembly, normal_equations
from fitter.solve.normal_equations import NormalEquations
from fitter.state import FRAME_UNKNOWNS, State, Step

FREE_NAMES = ("orientation", "pose", "trajectory", "betas", "focal")


@dataclass(frozen=True)
class Problem:
    """`scene` gives the model, landmarks and camera; its state is not used.

    `free` names what may move, of FREE_NAMES; the first `held` frames do not move at all.
    """

    scene: Scene
    evidence: Evidence
    terms: Mapping[str, Term]
    free: tuple[str, ...] = FREE_NAMES
    held: int = 0

    def at(self, state: State) -> Scene:
        """The scene of a state; what it predicts is computed once and kept."""
        return self.scene.with_state(state)

    @property
    def appearance(self) -> Appearance | None:
        """What the surface wears."""
        return self.scene.appearance

    def wearing(self, appearance: Appearance) -> "Problem":
        """The same problem for a surface of another appearance."""
        return replace(self, scene=self.scene.wearing(appearance))

    def energies(self, state: State) -> dict[str, Float[Tensor, "*batch"]]:
        """Energy of each term; differentiable."""
        return self.energies_of(self.at(state))

    def energies_of(self, scene: Scene) -> dict[str, Float[Tensor, "*batch"]]:
        """As `energies` of its state."""
        return {name: term_energy(term, scene, self.evidence) for name, term in self.terms.items()}

    def frame_energies_of(self, scene: Scene) -> dict[str, Float[np.ndarray, "frames"]]:
        """Energy of each frame, by term, in plain numbers; without the terms that act once per clip."""
        with torch.no_grad():
            found = {name: frame_energies(term, scene, self.evidence) for name, term in self.terms.items()}
        return {name: energies.numpy() for name, energies in found.items() if energies is not None}

    def energy(self, state: State) -> float:
        """As `energy_of` its scene."""
        return self.energy_of(self.at(state))

    def energy_of(self, scene: Scene) -> float:
        """Total energy; infinite where a state cannot be evaluated (a landmark behind the camera)."""
        with torch.no_grad():
            if bool((scene.points[..., 2] <= 0).any()):
                return float("inf")
            total = sum(float(term_energy(term, scene, self.evidence)) for term in self.terms.values())
        return total if total == total else float("inf")

    def energies_by_term(self, state: State) -> dict[str, float]:
        """As `energies`, in plain numbers."""
        return self.energies_by_term_of(self.at(state))

    def energies_by_term_of(self, scene: Scene) -> dict[str, float]:
        """As `energies_by_term` of its state."""
        with torch.no_grad():
            return {name: float(value) for name, value in self.energies_of(scene).items()}

    def linearise(self, state: State) -> NormalEquations:
        """As `linearise_of` its scene."""
        return self.linearise_of(self.at(state))

    def linearise_of(self, scene: Scene) -> NormalEquations:
        """Normal equations at a scene, on the CPU: by numba there, by the torch twin on any other device."""
        with torch.no_grad():
            return self._assembled([linearise(term, scene, self.evidence) for term in self.terms.values()], scene)

    def expand(self, scene: Scene) -> tuple[float, NormalEquations]:
        """`energy_of` and `linearise_of` the same scene, whose landmarks are before the camera: terms that know their
        energy when they have made their rows are asked once.
        """
        with torch.no_grad():
            rows = [linearise(term, scene, self.evidence) for term in self.terms.values()]
            total = 0.0
            for term, own in zip(self.terms.values(), rows, strict=True):
                known = own.energy if isinstance(own, SurfaceRows) else None
                total += float(term_energy(term, scene, self.evidence) if known is None else known)
            return (total if total == total else float("inf")), self._assembled(rows, scene)

    def _assembled(self, rows: Sequence[Rows], scene: Scene) -> NormalEquations:
        weighted = [(own, term.robust_width) for own, term in zip(rows, self.terms.values(), strict=True)]
        on_cpu = scene.state.trajectory.device.type == "cpu"
        normal = (assembly if on_cpu else normal_equations).assemble(weighted, scene).to("cpu")
        self._fix(normal)
        return normal

    @cached_property
    def fixed(self) -> tuple[Float[Tensor, "51"], Float[Tensor, "shared"]]:
        """True for the unknowns that may not move: of a frame, and shared."""
        frames = torch.ones(FRAME_UNKNOWNS, dtype=torch.bool)
        shared = torch.ones(self.scene.model.n_betas + 1, dtype=torch.bool)
        places = {
            "orientation": frames[:3],
            "pose": frames[3:48],
            "trajectory": frames[48:],
            "betas": shared[:-1],
            "focal": shared[-1:],
        }
        for name in self.free:
            places[name][:] = False
        return frames, shared

    def masked(self, step: Step) -> Step:
        """`step` with fixed unknowns at rest."""
        frames, shared = self.fixed
        keep_frames, keep_shared = ~frames.to(step.frames.device), ~shared.to(step.shared.device)
        if self.held:
            moving = torch.arange(step.frames.shape[-2], device=step.frames.device) >= self.held
            keep_frames = keep_frames & moving[:, None]
        return Step(step.frames * keep_frames, step.shared * keep_shared)

    def _fix(self, normal: NormalEquations) -> None:
        """Take fixed unknowns out: rows and columns 0, diagonal 1, gradient 0."""
        frames, shared = self.fixed
        if self.held:  # the couplings begin at the earlier frame
            held = slice(0, self.held)
            normal.diagonal[held] = torch.eye(FRAME_UNKNOWNS, dtype=normal.diagonal.dtype)
            for coupling in (normal.border, normal.first, normal.second, normal.gradient.frames):
                coupling[held] = 0.0
        if bool(frames.any()):
            normal.diagonal[:, frames, :] = 0.0
            normal.diagonal[:, :, frames] = 0.0
            normal.diagonal[:, frames, frames] = 1.0
            normal.border[:, frames, :] = 0.0
            blocks = frames.unflatten(0, (-1, 3)).all(dim=1)
            normal.first[:, blocks] = 0.0
            normal.second[:, blocks] = 0.0
            normal.gradient.frames[:, frames] = 0.0
        if bool(shared.any()):
            normal.border[:, :, shared] = 0.0
            normal.corner[shared, :] = 0.0
            normal.corner[:, shared] = 0.0
            normal.corner[shared, shared] = 1.0
            normal.gradient.shared[shared] = 0.0
