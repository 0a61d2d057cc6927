"""How sure the fit is: the Gaussian posterior around the minimum (Laplace), from the same normal equations.

The energies are negative log densities, so the inverse of J'J is the covariance of the unknowns, if the sigmas are
true. They are checked: each data term's variance factor, its weighted squared residuals over its redundancy (Helmert
1907; Koch 1999, sec. 3.6), rescales its rows before the inverse is taken. Of joints that the detector was unsure of a
moment before or after, the rows count less (`fitter.observe.lasting`).

    posterior = estimate_posterior(problem, state)
    posterior.joints_sigma_mm        # (frames, 21)
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from fitter.energy.shape import Shape, repetitions
from fitter.energy.term import EnergyTerm, robust_weight
from fitter.observe.lasting import lasting
from fitter.scene import Scene
from fitter.solve.band import Covariance, factorise
from fitter.solve.calibration import Calibration, Regime, Trust, load_calibration
from fitter.solve.normal_equations import NormalEquations, feature_jacobian
from fitter.solve.problem import Problem
from fitter.state import State, Step

# Terms that measure, and how many numbers each of their groups does: a unit vector has one less than components. The
# others say what hands and motions are like, and are believed as they are.
DATA_TERMS = {"keypoints": 2, "bone_direction": 1, "image_depth": 1, "articulation": 2}

# Terms that compare the surface with pixels. Their residuals are alike all over the hand and from frame to frame
# (gloss, shadows, a skin that the model cannot have), so no residual tells how much less they say than they claim:
# their factor is measured on clips with truth.
SURFACE_TERMS = ("silhouette", "photometric")
# Terms that know positions in space.
SPACE_TERMS = ("depth_map", "joint_positions", "vertex_positions")

# Detectors' errors have structure that no residual shows, so a variance factor is trusted within these bounds only.
LEAST_FACTOR, MOST_FACTOR = 0.1, 10.0
FRAMES_AT_ONCE = 256


@dataclass(frozen=True)
class Posterior:
    """Standard deviations at the minimum.

    joints_sigma_mm      of each joint in camera axes, the root of its mean variance over the three axes
    relative_sigma_mm    the same if the shared unknowns (size, focal length) were known: what the frame itself lacks
    focal_sigma          of the log focal length; 0 where it is known
    variance_factors     of each data term: 1 where its sigma is as stated, below where the detector does better
    """

    joints_sigma_mm: Float[np.ndarray, "frames 21"]
    relative_sigma_mm: Float[np.ndarray, "frames 21"]
    focal_sigma: float
    variance_factors: dict[str, float]


def estimate_posterior(problem: Problem, state: State, calibration: Calibration | None = None) -> Posterior:
    """Posterior of the joints at a minimum of the energy (on the CPU); None: calibrated as measured."""
    calibration = calibration or load_calibration()
    raw = laplace(problem, state, calibration.trust)
    scale = calibration.scale(regime_of(problem))
    joints, relative = scale.applied(raw.relative_mm, raw.shared_mm, raw.focal_mm)
    return Posterior(joints, relative, raw.focal_sigma, raw.variance_factors)


@dataclass(frozen=True)
class Laplace:
    """What the normal equations say before model error is accounted for, by joint: roots of mean variances over the
    axes, millimetres. `relative_mm` as of `Posterior`, `shared_mm` what size and shape add to it, `focal_mm` what an
    assumed focal length that stays as assumed adds: their squares add up.
    """

    relative_mm: Float[np.ndarray, "frames 21"]
    shared_mm: Float[np.ndarray, "frames 21"]
    focal_mm: Float[np.ndarray, "frames 21"]
    focal_sigma: float
    variance_factors: dict[str, float]


def laplace(problem: Problem, state: State, trust: Trust) -> Laplace:
    """The Gaussian around a minimum of the energy."""
    scene = problem.at(state.to(device="cpu"))
    whole = problem.linearise_of(scene)
    for name in problem.terms:
        if name in SURFACE_TERMS:
            whole = plus(whole, one_term(problem, name, scene), 1.0 / trust.surface_factor - 1.0)
    parts = {name: one_term(problem, name, scene) for name in problem.terms if name in DATA_TERMS}
    covariance = factorise(whole).covariance()
    factors = {name: variance_factor(problem, name, scene, part, covariance) for name, part in parts.items()}
    doubting = replace(problem, evidence=lasting(problem.evidence, trust.lasting_s))
    rescaled = whole
    for name, part in parts.items():
        believed = one_term(doubting, name, scene)
        rescaled = plus(plus(rescaled, part, -1.0), believed, 1.0 / (trust.data_factor * factors[name]))
    covariance = counted_once(factorise(rescaled).covariance(), repeated(problem))
    joints, relative = joint_sigmas_mm(scene, (covariance, without_shared(covariance)))
    shared = np.sqrt(np.maximum(np.square(joints) - np.square(relative), 0.0))
    focal_sigma = sigma_of_focal(problem, covariance)
    return Laplace(relative, shared, assumed_focal_mm(problem, scene), focal_sigma, factors)


def regime_of(problem: Problem) -> Regime:
    """What the fit was given, as far as it decides how its posterior is calibrated."""
    if any(name in problem.terms for name in SPACE_TERMS):
        return "space"
    if any(name in problem.terms for name in SURFACE_TERMS):
        return "pixels"
    return "depth cue" if bool((problem.evidence.depth_weight > 0).any()) else "no depth cue"


def sigma_of_focal(problem: Problem, covariance: Covariance) -> float:
    """Of the log focal length: 0 where it is known, as assumed where it was not free."""
    camera = problem.scene.camera
    if "focal" in problem.free:
        return float(np.sqrt(covariance.shared[-1, -1]))
    return 0.0 if camera.known else camera.focal_sigma


def assumed_focal_mm(problem: Problem, scene: Scene) -> Float[np.ndarray, "frames 21"]:
    """What an assumed focal length that stays as assumed adds: the whole clip lies nearer or farther by its share.

    As the sigmas, the root of the mean over the axes, of which only the depth is moved.
    """
    depth_mm = 1000.0 * scene.posed.joints[..., 2].numpy()
    if scene.camera.known or "focal" in problem.free:
        return np.zeros_like(depth_mm)
    return scene.camera.focal_sigma * depth_mm / np.sqrt(3.0)


def one_term(problem: Problem, name: str, scene: Scene) -> NormalEquations:
    """What one term adds to the normal equations; nothing for fixed unknowns, whose 1 belongs to the whole."""
    part = Problem(problem.scene, problem.evidence, {name: problem.terms[name]}, problem.free).linearise_of(scene)
    frames, shared = problem.fixed
    part.diagonal[:, frames, frames] = 0.0
    part.corner[shared, shared] = 0.0
    return part


def variance_factor(problem: Problem, name: str, scene: Scene, part: NormalEquations, covariance: Covariance) -> float:
    """Weighted squared residuals over redundancy: components measured, less those the fit used up."""
    term = problem.terms[name]
    assert isinstance(term, EnergyTerm), "data terms of the keypoints have residuals by frame"
    squared = term.residual(scene, problem.evidence).square().sum(-1)
    weight = robust_weight(squared, term.robust_width)
    measured = (squared > 0).sum() * DATA_TERMS[name]
    if int(measured) == 0:
        return 1.0
    # The trace of a product of symmetric matrices is the sum of their entries' products.
    used = np.vdot(part.diagonal.numpy(), covariance.frames)
    used += 2.0 * np.vdot(part.border.numpy(), covariance.frames_shared)
    used += np.vdot(part.corner.numpy(), covariance.shared)
    effective = float(weight[squared > 0].mean()) * float(measured)
    redundancy = max(effective - float(used), 0.1 * effective)
    return float(np.clip(float((weight * squared).sum()) / redundancy, LEAST_FACTOR, MOST_FACTOR))


def plus(normal: NormalEquations, other: NormalEquations, factor: float) -> NormalEquations:
    """normal + factor * other."""
    return NormalEquations(
        normal.diagonal + factor * other.diagonal,
        normal.first + factor * other.first,
        normal.second + factor * other.second,
        normal.border + factor * other.border,
        normal.corner + factor * other.corner,
        Step(
            normal.gradient.frames + factor * other.gradient.frames,
            normal.gradient.shared + factor * other.gradient.shared,
        ),
    )


def repeated(problem: Problem) -> float:
    """How many times over the clip counts what it says of the shared unknowns, see `Shape`."""
    shape = problem.terms.get("shape")
    return float(repetitions(problem.evidence, shape.independent_frames)) if isinstance(shape, Shape) else 1.0


def counted_once(covariance: Covariance, times: float) -> Covariance:
    """The covariance with the shared unknowns' information divided by `times`, and what follows for the frames."""
    cross = covariance.frames_shared
    share = cross @ np.linalg.inv(covariance.shared) @ cross.transpose(0, 2, 1)
    return Covariance(covariance.frames + (times - 1.0) * share, times * cross, times * covariance.shared)


def without_shared(covariance: Covariance) -> Covariance:
    """The frames' covariance given the shared unknowns: their share taken out again."""
    shared_precision = np.linalg.inv(covariance.shared)
    cross = covariance.frames_shared
    given = covariance.frames - cross @ shared_precision @ cross.transpose(0, 2, 1)
    return Covariance(given, np.zeros_like(cross), np.zeros_like(covariance.shared))


def joint_sigmas_mm(
    scene: Scene, covariances: tuple[Covariance, Covariance]
) -> tuple[Float[np.ndarray, "frames 21"], Float[np.ndarray, "frames 21"]]:
    """Propagate to the model's joints: the root of a third of the trace of each joint's covariance, millimetres."""
    sigmas: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for first in range(0, scene.state.n_frames, FRAMES_AT_ONCE):
        chunk = slice(first, first + FRAMES_AT_ONCE)
        slopes = joint_slopes(scene, chunk)
        own, shared = slopes[..., :51], slopes[..., 51:]
        for covariance, sigma in zip(covariances, sigmas, strict=True):
            half = own @ covariance.frames[chunk] + 2.0 * shared @ covariance.frames_shared[chunk].transpose(0, 2, 1)
            variance = (half * own).sum(-1) + (shared @ covariance.shared * shared).sum(-1)
            traces = variance.reshape(len(variance), 21, 3).sum(-1)
            sigma.append(np.sqrt(np.maximum(traces, 0.0) / 3.0) * 1000.0)
    return np.concatenate(sigmas[0]), np.concatenate(sigmas[1])


def joint_slopes(scene: Scene, frames: slice) -> Float[np.ndarray, "frames 63 unknowns"]:
    """Derivative of the model's joints by a frame's unknowns and the shared ones, metres."""
    part = Scene(scene.model, scene.model.landmarks, scene.camera, scene.state.at(frames))
    return feature_jacobian(part)[:, :21].flatten(1, 2).numpy()
