"""Two hands in one problem: each keeps its own whole `Problem`; here they share what they have in common.

    problem = PairProblem((right, left), flipped=True, interpenetration=Interpenetration())
    outcome = run(LevenbergMarquardt(), problem, PairState((state_right, state_left)))

A frame has the unknowns of the first hand, then those of the second. Shared are the betas of either hand, or of both
where they are one person's, and one focal length. The blocks of two hands in a frame are coupled where they would lie
inside each other. Every hand is a right one: the axes of a left one are the mirror image of the true ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fitter.energy.interpenetration import Contacts, Interpenetration, Pulls, volume_of
from fitter.hand.capsules import ROTATIONS
from fitter.hand.mirror import mirror_points
from fitter.render.appearance import Appearance
from fitter.rotation import skew
from fitter.scene import Scene
from fitter.skeleton import POINT_OF_ROTATION, ROTATION_PARENTS
from fitter.solve.normal_equations import NormalEquations, joints_shape_jacobian, trajectory_jacobian
from fitter.solve.problem import Problem
from fitter.state import FRAME_UNKNOWNS, State, Step

NAME = "interpenetration"


@dataclass(frozen=True)
class PairState:
    """The states of two hands of one clip, with equal focal lengths; with `one_shape` they have equal betas, too."""

    hands: tuple[State, State]
    one_shape: bool = False

    @property
    def device(self) -> torch.device:
        return self.hands[0].device

    @cached_property
    def columns(self) -> tuple[Int[Tensor, "own"], Int[Tensor, "own"]]:
        """Where each hand's shared unknowns are among the pair's."""
        sizes = [hand.betas.shape[-1] for hand in self.hands]
        starts = (0, 0) if self.one_shape else (0, sizes[0])
        focal = starts[1] + sizes[1]
        first, second = (torch.tensor([*range(a, a + n), focal]) for a, n in zip(starts, sizes, strict=True))
        return first, second

    @property
    def n_shared(self) -> int:
        return int(self.columns[1][-1]) + 1

    def retract(self, step: Step) -> "PairState":
        """Move along a tangent vector, each hand by its part."""
        parts = step.frames.split(FRAME_UNKNOWNS, dim=-1)
        moved = [
            hand.retract(Step(part, step.shared[columns.to(step.shared.device)]))
            for hand, part, columns in zip(self.hands, parts, self.columns, strict=True)
        ]
        return replace(self, hands=(moved[0], moved[1]))

    def orthonormalised(self) -> "PairState":
        one, other = self.hands
        return replace(self, hands=(one.orthonormalised(), other.orthonormalised()))


@dataclass(frozen=True)
class PairScene:
    """What a pair's state predicts: the scene of each hand; `flipped` where they are of different sides."""

    hands: tuple[Scene, Scene]
    state: PairState
    flipped: bool

    def contacts(self, term: Interpenetration) -> Contacts:
        """Where the hands lie inside each other; computed once."""
        if term not in self._kept:
            one, other = self.hands
            self._kept[term] = term.contacts(volume_of(one), volume_of(other, self.flipped))
        return self._kept[term]

    @cached_property
    def _kept(self) -> dict[Interpenetration, Contacts]:
        return {}


@dataclass(frozen=True)
class PairProblem:
    """The problems of two hands, and what keeps them out of each other (null: nothing does).

    It has the face that solvers know of `Problem`.
    """

    hands: tuple[Problem, Problem]
    flipped: bool
    interpenetration: Interpenetration | None = None

    def at(self, state: PairState) -> PairScene:
        one, other = (problem.at(own) for problem, own in zip(self.hands, state.hands, strict=True))
        return PairScene((one, other), state, self.flipped)

    @property
    def appearance(self) -> Appearance | None:
        """None: what the surfaces wear stays as it is while two hands move together."""
        return None

    def energy(self, state: PairState) -> float:
        return self.energy_of(self.at(state))

    def energy_of(self, scene: PairScene) -> float:
        """Total energy; infinite where a hand is behind the camera."""
        with torch.no_grad():
            total = sum(problem.energy_of(own) for problem, own in self._each(scene))
            return total + self._coupling(scene)

    def energies_by_term_of(self, scene: PairScene) -> dict[str, float]:
        """Of each term, both hands' together."""
        total: dict[str, float] = {}
        for problem, own in self._each(scene):
            for name, energy in problem.energies_by_term_of(own).items():
                total[name] = total.get(name, 0.0) + energy
        return total if self.interpenetration is None else {**total, NAME: self._coupling(scene)}

    def linearise_of(self, scene: PairScene) -> NormalEquations:
        """The normal equations of both hands, on the CPU."""
        with torch.no_grad():
            parts = [problem.linearise_of(own) for problem, own in self._each(scene)]
            whole = composed(parts, scene.state)
            if self.interpenetration is not None:
                contacts = scene.contacts(self.interpenetration)
                slopes = [
                    held_still(problem, contacts, contact_slopes(contacts, hand, own, hand == 1 and self.flipped))
                    for hand, (problem, own) in enumerate(self._each(scene))
                ]
                add_contacts(whole, contacts, slopes, scene.state)
            return whole

    def _each(self, scene: PairScene) -> list[tuple[Problem, Scene]]:
        return list(zip(self.hands, scene.hands, strict=True))

    def _coupling(self, scene: PairScene) -> float:
        return 0.0 if self.interpenetration is None else float(scene.contacts(self.interpenetration).energy)


def held_still(
    problem: Problem, contacts: Contacts, slopes: Float[Tensor, "contacts unknowns"]
) -> Float[Tensor, "contacts unknowns"]:
    """What is fixed does not answer to contacts either, nor do frames that are held."""
    slopes[:, torch.cat(problem.fixed)] = 0.0
    slopes[contacts.frame < problem.held] = 0.0
    return slopes


def composed(parts: Sequence[NormalEquations], state: PairState) -> NormalEquations:
    """Normal equations of two hands that do not know of each other but for what they share."""
    n_frames, n_shared = len(parts[0].diagonal), state.n_shared
    n, like = FRAME_UNKNOWNS, parts[0].diagonal
    border, corner = like.new_zeros(n_frames, 2 * n, n_shared), like.new_zeros(n_shared, n_shared)
    diagonal, shared = like.new_zeros(n_frames, 2 * n, 2 * n), like.new_zeros(n_shared)
    for hand, (part, columns) in enumerate(zip(parts, state.columns, strict=True)):
        own = slice(n * hand, n * (hand + 1))
        diagonal[:, own, own] = part.diagonal
        border[:, own, columns] = part.border
        corner[columns[:, None], columns] += part.corner
        shared[columns] += part.gradient.shared
    return NormalEquations(
        diagonal,
        torch.cat([part.first for part in parts], dim=1),
        torch.cat([part.second for part in parts], dim=1),
        border,
        corner,
        Step(torch.cat([part.gradient.frames for part in parts], dim=1), shared),
    )


def contact_slopes(contacts: Contacts, hand: int, scene: Scene, flipped: bool) -> Float[Tensor, "contacts unknowns"]:
    """Derivative of the contacts' residuals by the unknowns of one hand: its frame's, then its shared ones."""
    pulls, capsule = contacts.pulls[hand], contacts.capsule[:, hand]
    if flipped:
        pulls = Pulls(mirror_points(pulls.ends), pulls.radii)
    slopes = torch.einsum("nex,nexu->nu", pulls.ends, ends_jacobian(scene, contacts.frame, capsule))
    radii = scene.model.capsules.radii_basis[capsule]
    slopes[:, FRAME_UNKNOWNS:-1] += torch.einsum("ne,nes->ns", pulls.radii, radii)
    return slopes.cpu()


def ends_jacobian(
    scene: Scene, frame: Int[Tensor, "contacts"], capsule: Int[Tensor, "contacts"]
) -> Float[Tensor, "contacts 2 3 unknowns"]:
    """How the ends of a capsule move with the unknowns of its frame and the shared ones; as `feature_jacobian`."""
    posed, capsules = scene.posed, scene.model.capsules
    rotation = torch.from_numpy(ROTATIONS).to(frame.device)[capsule]
    point_of = torch.from_numpy(POINT_OF_ROTATION).to(frame.device)
    parents = torch.from_numpy(ROTATION_PARENTS).to(frame.device)
    ends = capsules.ends(posed)[frame, capsule]
    jacobian = ends.new_zeros(*ends.shape, FRAME_UNKNOWNS + scene.state.n_shared)
    joint = rotation
    for _ in range(4):  # palm and three joints move a fingertip
        moved = torch.nonzero(joint >= 0).squeeze(1)
        at = joint[moved]
        arm = skew(ends[moved] - posed.joints[frame[moved], point_of[at]].unsqueeze(1))
        turned = -arm @ posed.bone_rotations[frame[moved], at].unsqueeze(1)
        places = 3 * at[:, None] + torch.arange(3, device=at.device)
        jacobian[moved[:, None], :, :, places] = turned.permute(0, 3, 1, 2)
        joint = torch.where(joint >= 0, parents[joint.clamp_min(0)], joint)
    jacobian[..., 48:51] = trajectory_jacobian(scene)[frame].unsqueeze(1)
    centre = point_of[rotation]
    slopes = capsules.ends_basis[capsule] - scene.model.joints_shape_basis[centre].unsqueeze(1)
    carried = torch.einsum("nij,nejs->neis", posed.bone_rotations[frame, rotation], slopes)
    jacobian[..., 51:-1] = joints_shape_jacobian(scene)[frame, centre].unsqueeze(1) + carried
    return jacobian


def add_contacts(
    whole: NormalEquations, contacts: Contacts, slopes: Sequence[Float[Tensor, "contacts unknowns"]], state: PairState
) -> None:
    """Add the contacts' rows, frame by frame: the one place where the two hands' own unknowns meet."""
    if len(contacts.frame) == 0:
        return
    n, shared = FRAME_UNKNOWNS, slopes[0].new_zeros(len(contacts.frame), state.n_shared)
    for slope, columns in zip(slopes, state.columns, strict=True):
        shared[:, columns] += slope[:, n:]
    own, residual = torch.cat([slope[:, :n] for slope in slopes], dim=1), contacts.residual.cpu()
    frames, counts = torch.unique_consecutive(contacts.frame.cpu(), return_counts=True)
    sizes = counts.tolist()
    rows = zip(frames.tolist(), own.split(sizes), shared.split(sizes), residual.split(sizes), strict=True)
    for frame, of_frame, of_clip, its_residual in rows:
        whole.diagonal[frame].addmm_(of_frame.T, of_frame)
        whole.border[frame].addmm_(of_frame.T, of_clip)
        whole.gradient.frames[frame].addmv_(of_frame.T, its_residual)
    whole.corner.addmm_(shared.T, shared)
    whole.gradient.shared.addmv_(shared.T, residual)
