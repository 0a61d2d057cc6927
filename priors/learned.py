"""The learned initialiser: a network looks at every frame alone, the clip decides between its hypotheses.

    learned = load_learned()                       # the weights that ship, or a checkpoint of one's own
    given = learned.begin(given)                   # a FitInput that starts there, with advice where depth is unknown
    learned(model, camera, evidence)               # the engine's protocol: the starts alone

Without a depth cue a fit is wrong by the bas-relief ambiguity wherever it starts; so what the network says of the bones
is evidence there, too, as sure as the network itself is of it.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from fitter.camera import Camera
from fitter.hand import HandModel
from fitter.initialise import Start, bridged_state, shape_of_joints
from fitter.initialise.placement import FEWEST_POINTS, translation_onto
from fitter.observe.evidence import Evidence, directions_in_palm
from fitter.pipeline import FitInput
from fitter.scene import Scene
from fitter.state import State, trajectory_of_wrist
from priors.network.checkpoint import load_checkpoint
from priors.network.crop_pictures import crop_pictures
from priors.network.guess import Guess, in_camera
from priors.network.hypotheses import best_path, pairwise_cost, repetition_cost, unary_cost
from priors.network.network import HandNetwork
from priors.network.sight import Sight, look

WEIGHTS = Path(__file__).parent / "weights" / "initializer.safetensors"
# As many hands at once as fill the cores without filling the memory.
CHUNK = 256
NAME = "network"
# The bones' standard deviation at which the network counts as a detector does: the articulation term's own.
USUAL_BONE_SIGMA = 0.21
NEAREST_M = 0.02  # a joint nearer than this is behind the camera, or a mistake


@dataclass(frozen=True)
class LearnedInitializer:
    """`model` is the one that the network was trained with; others share its axes, so that rotations carry over.

    With `pictures` the network sees those of the footage, where there is some.
    """

    network: HandNetwork
    model: HandModel
    pictures: bool = False

    def __call__(self, model: HandModel, camera: Camera, evidence: Evidence) -> list[Start]:
        """The engine's protocol; no start where no frame shows enough points to say anything."""
        return list(self.begin(FitInput(model, model.landmarks, camera, evidence, ())).starts)

    def begin(self, given: FitInput) -> FitInput:
        """The input with the network's start in place of its own, which made 200 synthetic clips slower and no better
        (`python -m benchmarks initialisers`). Where the source has no cue of depth in the whole clip, with two other
        views of the same hand, too, and with the network's advice on how its bones lie.

        As it is where no frame shows enough points to say anything.
        """
        evidence = given.evidence
        usable = (evidence.confidence > 0).sum(1) >= FEWEST_POINTS
        if not bool(usable.any()):
            return given
        crops, sight = look(evidence, given.camera)
        if self.pictures and given.footage is not None:
            shown = crop_pictures(given.footage, crops, self.network.architecture.picture_size)
            sight = replace(sight, pictures=shown)
        guess = self.guesses(sight)
        joints = guess.posed(self.model).joints
        first, second = chosen_hypotheses(guess, joints, sight, usable)
        rotations, wrist = in_camera(crops, guess.rotations, guess.wrist)
        frames = torch.arange(len(sight))
        if given.model.name == self.model.name:
            betas = shared_shape(guess.betas, sight.confidence.double(), usable)
        else:
            betas = shape_of_joints(given.model, joints[frames, first][usable], in_metres=True)

        def start(name: str, chosen: Int[Tensor, "frames"]) -> Start:
            turned, place = (rounded(each[frames, chosen]).numpy() for each in (rotations, wrist))
            return Start(name, onto_keypoints(given, bridged_state(turned, place, usable.numpy(), rounded(betas))))

        best = start(NAME, first)
        if bool((evidence.depth_weight > 0).any()) or bool((evidence.bone_weight > 0).any()):
            return replace(given, starts=(best,))
        over = Start(f"{NAME}, turned over", onto_keypoints(given, turned_over(best.state)))
        others = (start(f"{NAME}, second view", second), over)
        advice = NetworkAdvice.of(given, rotations, betas, guess.bone_sigma, usable)
        return replace(given, starts=(best, *others), advice=advice)

    def guesses(self, sight: Sight) -> Guess:
        """The network's word on every frame; float64, computed in the network's own type."""
        parts, dtype = [], self.network.mean_pose.dtype
        with torch.no_grad():
            for start in range(0, len(sight), CHUNK):
                part = sight[start : start + CHUNK].each(lambda value: value.to(dtype))
                if part.pictures is not None:
                    part = replace(part, pictures=part.pictures / 255.0)
                parts.append(self.network(part))
        names = ("rotations", "wrist", "scores", "betas", "depth_sigma", "bone_sigma")
        return Guess(**{name: torch.cat([getattr(part, name) for part in parts]).double() for name in names})


@lru_cache(maxsize=1)
def load_learned(path: Path = WEIGHTS) -> LearnedInitializer:
    """The initialiser of a checkpoint; raises InputError, one sentence, for a file that is none.

    In float64, so that its sums are the same every time to more digits than are kept, see `rounded`.
    """
    from fitter.hand.anny import load_anny

    return LearnedInitializer(load_checkpoint(path).double(), load_anny())


@dataclass(frozen=True)
class NetworkAdvice:
    """All hypotheses of a clip (the engine's `Advice`), of which the nearest to a state counts, frame by frame.

    `joints` relative to the wrist, metres, camera axes; `directions` of the bones in the palm's axes; `weight` as
    `Evidence.bone_weight`. The network's depth is left out: where it is wrong, it is wrong for the whole hand, and it
    made fits worse (mean of eight stretches of four unscored clips, against their fits with MediaPipe's depth: 5.1 mm
    aligned and 13.0 unaligned without it, 5.3 and 16.4 with it).
    """

    model: HandModel
    joints: Float[Tensor, "frames h 21 3"]
    directions: Float[Tensor, "frames h 20 3"]
    weight: Float[Tensor, "frames 20"]

    @staticmethod
    def of(
        given: FitInput,
        rotations: Float[Tensor, "frames h 16 3 3"],
        betas: Float[Tensor, "betas"],
        bone_sigma: Float[Tensor, "frames 20"],
        usable: Bool[Tensor, "frames"],
    ) -> "NetworkAdvice":
        """Of hypotheses in camera axes, with the clip's shape."""
        shapes = betas.expand(len(rotations), -1)  # a hand's hypotheses stand where a clip has its frames
        posed = given.model.with_shape(shapes).with_pose(rotations, rotations.new_zeros(*rotations.shape[:2], 3))
        points = posed.attached(given.landmarks.with_shape(shapes))
        directions = directions_in_palm(points, rotations[..., 0, :, :])
        weight = rounded((USUAL_BONE_SIGMA / bone_sigma).square()) * usable[:, None]
        return NetworkAdvice(given.model, posed.joints, rounded(directions), weight)

    def __call__(self, state: State, evidence: Evidence) -> Evidence:
        there = self.model.with_shape(state.betas).with_pose(state.rotations, state.wrist).joints
        away = (self.joints - (there - there[:, :1])[:, None]).norm(dim=-1).mean(-1)
        nearest = self.directions[torch.arange(len(away)), away.argmin(dim=1)]
        return replace(evidence, bone_directions=nearest, bone_weight=self.weight)


def chosen_hypotheses(
    guess: Guess, joints: Float[Tensor, "frames h 21 3"], sight: Sight, usable: Bool[Tensor, "frames"]
) -> tuple[Int[Tensor, "frames"], Int[Tensor, "frames"]]:
    """The hypothesis of each usable frame by the clip-wide choice, and by one that is to differ; 0 elsewhere."""
    flat = joints[..., :2] / joints[..., 2:].clamp_min(NEAREST_M) / sight.half[:, None, None, None]
    unary = unary_cost(guess.scores, flat, sight.keypoints, sight.confidence)
    pairwise = pairwise_cost(joints[usable])
    first, second = torch.zeros(len(sight), dtype=torch.long), torch.zeros(len(sight), dtype=torch.long)
    first[usable] = best_path(unary[usable], pairwise)
    second[usable] = best_path((unary + repetition_cost(joints, first))[usable], pairwise)
    return first, second


def turned_over(state: State) -> State:
    """The palm as its mirror image behind the image plane: from far away it looks the same (Necker reversal)."""
    forward = torch.nn.functional.normalize(state.wrist, dim=-1)
    mirror = torch.eye(3, dtype=forward.dtype) - 2.0 * forward[:, :, None] * forward[:, None, :]
    x, z = ((mirror @ state.rotations[:, 0, :, axis, None]).squeeze(-1) for axis in (0, 2))
    rotations = state.rotations.clone()
    rotations[:, 0] = torch.stack([x, torch.linalg.cross(z, x), z], dim=-1)
    return replace(state, rotations=rotations)


def shared_shape(
    betas: Float[Tensor, "frames betas"], confidence: Float[Tensor, "frames 21"], usable: Bool[Tensor, "frames"]
) -> Float[Tensor, "betas"]:
    """One shape for the clip: the usable frames' mean, by how well each was seen."""
    weight = confidence.mean(1) * usable
    return (weight[:, None] * betas).sum(0) / weight.sum()


def rounded(values: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """To float32's precision: the last digits of sums depend on where in memory their arrays happen to lie, and a fit
    is to be the same every time.
    """
    return values.float().double()


def points_of(given: FitInput, state: State) -> Float[Tensor, "frames 21 3"]:
    """The source's landmarks of a state, metres, camera axes."""
    return Scene(given.model, given.landmarks, given.camera, state).points


def onto_keypoints(given: FitInput, state: State) -> State:
    """The state at the positions for which the clip's one shape covers the keypoints: its size decides the distance.

    Every point counts by its confidence. Frames with too few points, or whose solution is behind the camera, keep
    theirs.
    """
    evidence, wrist = given.evidence, state.wrist
    points = points_of(given, state) - wrist[:, None]
    flat, weight = given.camera.rays(evidence.keypoints_px)[..., :2], evidence.confidence
    found = torch.from_numpy(translation_onto(flat.numpy(), points.numpy(), weight.numpy()))
    good = torch.isfinite(found).all(-1) & (found[:, 2] + points[..., 2].amin(1) > NEAREST_M)
    good &= (weight > 0).sum(1) >= FEWEST_POINTS
    return replace(state, trajectory=rounded(trajectory_of_wrist(torch.where(good[:, None], found, wrist))))
