"""What a term is: unreduced, unit-free residuals of a scene against the evidence. Everything else derives from them.

Residuals come in groups: `(*batch, frames, groups, components)`. A group is one measurement (a keypoint has two
components), and a robust loss acts on the norm of a group, so that it does not depend on the choice of axes.

    energy = term_energy(term, scene, evidence)       # half the sum of rho(|group|^2)
    rows = linearise(term, scene, evidence)           # residuals and their Jacobian, for second-order solvers
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from fitter.observe.evidence import Evidence
from fitter.scene import Scene
from fitter.state import FRAME_UNKNOWNS, N_ROTATIONS, Step

# A frame's state as 3-vectors that a residual may touch: 21 points, then 16 rotations (their tangents), then the
# trajectory.
FIRST_ROTATION = 21
TRAJECTORY = FIRST_ROTATION + N_ROTATIONS
N_FEATURES = TRAJECTORY + 1


@runtime_checkable
class EnergyTerm(Protocol):
    """One thing the fit should satisfy. Its dataclass fields are its YAML keys; weights are standard deviations.

    `robust_width` is the Cauchy loss's width in standard deviations; None means quadratic.
    """

    @property
    def robust_width(self) -> float | None: ...

    def residual(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "*batch frames groups components"]: ...


@dataclass(frozen=True)
class FrameRows:
    """Residuals of each frame alone, with their Jacobian by feature: group g touches `features[g]`, k 3-vectors.

    `focal` is the derivative with respect to the log focal length (None: does not depend on it).
    """

    residual: Float[Tensor, "frames groups components"]
    jacobian: Float[Tensor, "frames groups components k 3"]
    features: Int[np.ndarray, "groups k"]
    focal: Float[Tensor, "frames groups components"] | None = None


@dataclass(frozen=True)
class TemporalRows:
    """Residuals of three consecutive frames; group g touches the same feature (a rotation or the trajectory) in
    each.
    """

    residual: Float[Tensor, "triples groups 3"]
    jacobian: Float[Tensor, "triples groups 3 lags=3 3"]
    features: Int[np.ndarray, "groups"]


@dataclass(frozen=True)
class SharedRows:
    """Residuals of what the clip shares: betas, then the log focal length."""

    residual: Float[Tensor, "1 groups 1"]
    jacobian: Float[Tensor, "groups shared"]


@dataclass(frozen=True)
class DenseRows:
    """Residuals of each frame with a dense Jacobian, for terms that give no rows of their own."""

    residual: Float[Tensor, "frames groups components"]
    frames: Float[Tensor, "frames groups components unknowns=51"]
    shared: Float[Tensor, "frames groups components shared"]


@dataclass(frozen=True)
class SurfaceRows:
    """What a term makes of the surface's motion, summed over its samples and lumped at the vertices, camera axes.

    A sample with corner weights b (summing to 1), gradient g and information H, both by its own position, adds b_k g
    and b_k H to its corner k. So the gradient is exact, and the information never less than the exact J'HJ (Jensen).
    `information` holds xx, xy, xz, yy, yz, zz. `energy` is the term's, where it is known by the way.
    """

    gradient: Float[Tensor, "frames vertices 3"]
    information: Float[Tensor, "frames vertices 6"]
    energy: Float[Tensor, ""] | None = None


Rows = FrameRows | TemporalRows | SharedRows | DenseRows | SurfaceRows


@runtime_checkable
class AnalyticTerm(EnergyTerm, Protocol):
    """A term that also writes down its Jacobian; tests compare it with automatic differentiation."""

    def rows(self, scene: Scene, evidence: Evidence) -> Rows: ...


@dataclass(frozen=True)
class Samples:
    """Residuals of single places of the surface, such as pixels, as many as every frame happens to have.

    `weight` is a constant of an iteration: the energy is half the sum of weight * rho(|residual|^2).
    """

    residual: Float[Tensor, "samples components"]
    weight: Float[Tensor, "samples"]
    frame: Int[Tensor, "samples"]


@runtime_checkable
class SurfaceTerm(Protocol):
    """A term that compares places of the surface, whose number changes with the state.

    `samples` is its definition in torch, differentiable with respect to the state; visibility, weights and matches are
    constants of an iteration. `frame_energies` and `rows` are the same in compiled kernels; tests compare them.
    """

    @property
    def robust_width(self) -> float | None: ...

    def samples(self, scene: Scene, evidence: Evidence) -> Samples: ...

    def frame_energies(self, scene: Scene, evidence: Evidence) -> Float[Tensor, "frames"]: ...

    def rows(self, scene: Scene, evidence: Evidence) -> SurfaceRows: ...


@runtime_checkable
class ConditionalTerm(Protocol):
    """A term that acts only where the evidence it needs is given."""

    def given(self, evidence: Evidence) -> bool: ...


Term = EnergyTerm | SurfaceTerm


def term_energy(term: Term, scene: Scene, evidence: Evidence) -> Float[Tensor, "*batch"]:
    """Half the sum of rho(|group|^2) over the clip; of a surface term, with its weights."""
    if isinstance(term, SurfaceTerm):
        if not scene.state.trajectory.requires_grad:
            return term.frame_energies(scene, evidence).sum()
        return sampled_energies(term, scene, evidence).sum()
    squared = term.residual(scene, evidence).square().sum(-1)
    return 0.5 * robust_loss(squared, term.robust_width).sum((-2, -1))


def frame_energies(term: Term, scene: Scene, evidence: Evidence) -> Float[Tensor, "frames"] | None:
    """`term_energy` by frame, that of three frames in a row at the middle one; None for a term that acts once per clip.

    On the CPU, of one clip.
    """
    if isinstance(term, SurfaceTerm):
        return term.frame_energies(scene, evidence)
    by_frame = 0.5 * robust_loss(term.residual(scene, evidence).square().sum(-1), term.robust_width).sum(-1)
    rows = linearise(term, scene, evidence)
    if isinstance(rows, SharedRows):
        return None
    if isinstance(rows, TemporalRows):
        energies = by_frame.new_zeros(evidence.n_frames)
        energies[1:-1] = by_frame
        return energies
    return by_frame


def sampled_energies(term: SurfaceTerm, scene: Scene, evidence: Evidence) -> Float[Tensor, "frames"]:
    """Energy of every frame from the term's samples, on any device."""
    samples = term.samples(scene, evidence)
    loss = samples.weight * robust_loss(samples.residual.square().sum(-1), term.robust_width)
    return 0.5 * loss.new_zeros(evidence.n_frames).index_add(0, samples.frame, loss)


def robust_loss(squared: Float[Tensor, "*any"], width: float | None) -> Float[Tensor, "*any"]:
    """Cauchy: rho(s) = c^2 log(1 + s / c^2) for the squared norm s of a whitened group; s itself where width is
    None.
    """
    return squared if width is None else width**2 * torch.log1p(squared / width**2)


def robust_weight(squared: Float[Tensor, "*any"], width: float | None) -> Float[Tensor, "*any"]:
    """rho'(s): the weight of a group in iteratively reweighted least squares."""
    return torch.ones_like(squared) if width is None else 1.0 / (1.0 + squared / width**2)


def linearise(term: Term, scene: Scene, evidence: Evidence) -> Rows:
    """The term's own rows where it has them, else dense ones by forward-mode differentiation (frame terms only)."""
    if isinstance(term, AnalyticTerm | SurfaceTerm):
        return term.rows(scene, evidence)
    return dense_rows(term, scene, evidence)


def dense_rows(term: EnergyTerm, scene: Scene, evidence: Evidence) -> DenseRows:
    """Differentiate a frame term: one perturbation of all frames at once, since frames do not touch each other."""
    state = scene.state

    def moved(delta: Tensor) -> Tensor:
        frames = delta[:FRAME_UNKNOWNS].expand(*state.trajectory.shape[:-1], FRAME_UNKNOWNS)
        step = Step(frames, delta[FRAME_UNKNOWNS:])
        return term.residual(scene.with_state(state.retract(step)), evidence)

    zero = state.trajectory.new_zeros(FRAME_UNKNOWNS + state.n_shared)
    jacobian = torch.func.jacfwd(moved)(zero)
    return DenseRows(moved(zero), jacobian[..., :FRAME_UNKNOWNS], jacobian[..., FRAME_UNKNOWNS:])


def unit_jacobian(unit: Float[Tensor, "*any c"], length: Float[Tensor, "*any"]) -> Float[Tensor, "*any c c"]:
    """Derivative of v / |v| with respect to v, given both."""
    identity = torch.eye(unit.shape[-1], dtype=unit.dtype, device=unit.device)
    return (identity - unit.unsqueeze(-1) * unit.unsqueeze(-2)) / length[..., None, None]
