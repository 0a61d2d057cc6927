"""The learned initialiser: a network looks at every frame alone, the clip decides between its hypotheses.

    learned = LearnedInitializer(load_checkpoint(WEIGHTS), load_anny())
    opinion = learned.opinion(model, landmarks, camera, evidence)
    opinion.start                      # a `Start` for the solver: one shape for the clip, every frame's pose and place
    opinion.evidence                   # the evidence, with depth and bone directions where the source gave none

Without a depth cue a fit is wrong by the bas-relief ambiguity wherever it starts; so what the network says of depth is
evidence, too, as sure as the network itself is of it.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fitter.camera import Camera
from fitter.hand import HandModel, Landmarks
from fitter.initialise import FEWEST_POINTS, Start
from fitter.observe.evidence import Evidence
from fitter.skeleton import BONES, POINT_PARENTS
from fitter.state import State, trajectory_of_wrist
from priors.network.guess import Guess, in_camera
from priors.network.hypotheses import best_path, pairwise_cost, unary_cost
from priors.network.network import HandNetwork
from priors.network.sight import Sight, look

# As many hands at once as fill the cores without filling the memory.
CHUNK = 256
# The depth's standard deviation (crop units) and the bones' (radians) at which the network counts as a detector does.
USUAL_DEPTH_SIGMA, USUAL_BONE_SIGMA = 0.126, 0.21


@dataclass(frozen=True)
class Opinion:
    """What the network makes of one hand of a clip."""

    start: Start
    evidence: Evidence


@dataclass(frozen=True)
class LearnedInitializer:
    """`model` is the one that the network was trained with; others share its axes, so that rotations carry over."""

    network: HandNetwork
    model: HandModel

    def __call__(self, model: HandModel, camera: Camera, evidence: Evidence) -> list[Start]:
        """The engine's protocol."""
        return [self.opinion(model, model.landmarks, camera, evidence).start]

    def opinion(self, model: HandModel, landmarks: Landmarks, camera: Camera, evidence: Evidence) -> Opinion:
        crops, sight = look(evidence, camera)
        usable = (evidence.confidence > 0).sum(1) >= FEWEST_POINTS
        guess = self.guesses(sight)
        mine = self.model.to(dtype=torch.float32)
        joints = guess.posed(mine).joints
        chosen = torch.zeros(len(sight), dtype=torch.long)
        if bool(usable.any()):
            flat = joints[..., :2] / joints[..., 2:].clamp_min(1e-3) / sight.half[:, None, None, None]
            unary = unary_cost(guess.scores, flat, sight.keypoints, sight.confidence)
            chosen[usable] = best_path(unary[usable], pairwise_cost(joints[usable]))
        frames = torch.arange(len(sight))
        rotations, wrist = in_camera(
            crops, guess.rotations[frames, chosen].double(), guess.wrist[frames, chosen].double()
        )
        betas = shared_shape(guess.betas.double(), sight.confidence.double(), usable, model, self.model)
        rotations, wrist = bridged(rotations, wrist, usable)
        wrist = onto_keypoints(model, landmarks, camera, evidence, rotations, wrist, betas)
        state = State(rotations, trajectory_of_wrist(wrist), betas, torch.zeros((), dtype=torch.float64))
        return Opinion(
            Start("network", state), completed(evidence, model, landmarks, camera, state, guess, sight.half, usable)
        )

    def guesses(self, sight: Sight) -> Guess:
        """The network's word on every frame; float32."""
        with torch.no_grad():
            parts = [self.network(sight[start : start + CHUNK]) for start in range(0, len(sight), CHUNK)]
        names = ("rotations", "wrist", "scores", "betas", "depth_sigma", "bone_sigma")
        return Guess(**{name: torch.cat([getattr(part, name) for part in parts]) for name in names})


def shared_shape(
    betas: Float[Tensor, "frames betas"],
    confidence: Float[Tensor, "frames 21"],
    usable: Bool[Tensor, "frames"],
    model: HandModel,
    own: HandModel,
) -> Float[Tensor, "betas"]:
    """One shape for the clip: the frames' mean, by how well each was seen; another model's mean shape."""
    if model.name != own.name or not bool(usable.any()):
        return torch.zeros(model.n_betas, dtype=torch.float64)
    weight = confidence.mean(1) * usable
    return (weight[:, None] * betas).sum(0) / weight.sum().clamp_min(1e-9)


def bridged(
    rotations: Float[Tensor, "frames 16 3 3"], wrist: Float[Tensor, "frames 3"], usable: Bool[Tensor, "frames"]
) -> tuple[Float[Tensor, "frames 16 3 3"], Float[Tensor, "frames 3"]]:
    """Frames that show too little, along the geodesics between their neighbours; level at the ends."""
    from scipy.spatial.transform import Rotation, Slerp

    where = np.flatnonzero(usable.numpy())
    if len(where) in (0, len(usable)):
        return rotations, wrist
    clamped = np.clip(np.arange(len(usable)), where[0], where[-1])
    place = np.stack([np.interp(clamped, where, wrist[where, axis].numpy()) for axis in range(3)], axis=1)
    if len(where) == 1:
        return rotations[where].repeat(len(usable), 1, 1, 1), torch.from_numpy(place)
    turns = [Slerp(where, Rotation.from_matrix(rotations[where, r].numpy()))(clamped).as_matrix() for r in range(16)]
    return torch.from_numpy(np.stack(turns, axis=1)), torch.from_numpy(place)


def onto_keypoints(
    model: HandModel,
    landmarks: Landmarks,
    camera: Camera,
    evidence: Evidence,
    rotations: Float[Tensor, "frames 16 3 3"],
    wrist: Float[Tensor, "frames 3"],
    betas: Float[Tensor, "betas"],
) -> Float[Tensor, "frames 3"]:
    """Wrist positions for which the clip's one shape covers the keypoints: the shape's size decides the distance.

    Linear least squares in the position: z (x/z - u) = 0 at every seen point, weighted by its confidence. Frames with
    too few points, or whose solution is behind the camera, keep theirs.
    """
    posed = model.with_shape(betas).with_pose(rotations, torch.zeros_like(wrist))
    points = posed.attached(landmarks.with_shape(betas))
    flat = camera.rays(evidence.keypoints_px)[..., :2]
    weight = evidence.confidence
    rows = torch.zeros(*flat.shape, 3, dtype=torch.float64)
    rows[..., 0, 0], rows[..., 1, 1] = 1.0, 1.0
    rows[..., 2] = -flat
    right = flat * points[..., 2:] - points[..., :2]
    normal = torch.einsum("tp,tpci,tpcj->tij", weight, rows, rows)
    solved = torch.linalg.lstsq(normal, torch.einsum("tp,tpci,tpc->ti", weight, rows, right).unsqueeze(-1)).solution
    found, enough = solved.squeeze(-1), (weight > 0).sum(1) >= FEWEST_POINTS
    near = (found[:, 2] + points[..., 2].amin(1) > 0.02) & torch.isfinite(found).all(-1) & enough
    return torch.where(near[:, None], found, wrist)


def completed(
    evidence: Evidence,
    model: HandModel,
    landmarks: Landmarks,
    camera: Camera,
    state: State,
    guess: Guess,
    half: Float[Tensor, "frames"],
    usable: Bool[Tensor, "frames"],
) -> Evidence:
    """The evidence with the network's depth and bone directions in frames whose source gave none."""
    posed = model.with_shape(state.betas).with_pose(state.rotations, state.wrist)
    points = posed.attached(landmarks.with_shape(state.betas))
    changed = evidence
    if not bool((evidence.depth_weight > 0).any()):
        depth = (points[..., 2] / points[:, :1, 2] - 1.0) * camera.fx
        weight = (USUAL_DEPTH_SIGMA / guess.depth_sigma.double()).square() * usable[:, None]
        changed = replace(changed, depth_px=depth, depth_weight=weight)
    if not bool((evidence.bone_weight > 0).any()):
        bones = points[:, BONES] - points[:, POINT_PARENTS[BONES]]
        directions = torch.nn.functional.normalize(bones, dim=-1) @ state.rotations[:, 0]
        weight = (USUAL_BONE_SIGMA / guess.bone_sigma.double()).square() * usable[:, None]
        changed = replace(changed, bone_directions=directions, bone_weight=weight)
    return changed
