"""Training on clips that nobody labelled: what the network says of them is judged by the engine's own terms.

    objective = clip_objective(SelfSupervision(), open_clips([Path("footage")], model), model)
    parts = objective.draw(turn).parts(network)                    # weighted, unit-free, by term
    loss = sum(parts.values())

A step looks at snippets of n consecutive frames of some clips. n = 1 is S2HAND (Chen et al., CVPR 2021): frames alone,
a shape for each. n > 1 is S2HAND(V) (Tu et al., TPAMI 2023): one shape for a snippet, and terms that compare its
frames. Of the network's hypotheses the one that it believes in most is judged. Keypoints tell no depth: mix with
synthetic hands, and let sights lose their depth cues, or the network forgets what it knows without them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import torch
from jaxtyping import Float, Int
from torch import Tensor

from fitter.energy import Energy
from fitter.energy.term import SurfaceTerm, term_energy
from fitter.errors import InputError
from fitter.hand import HandModel, Landmarks
from fitter.observe.evidence import Evidence
from fitter.quantity import Count, Fraction, Positive
from fitter.scene import Scene
from fitter.state import State, trajectory_of_wrist
from priors.network.crop import Crops
from priors.network.guess import Guess, in_camera
from priors.network.network import HandNetwork
from priors.network.sight import Sight
from priors.train.clips import TrainingClip
from priors.train.objective import Turn
from priors.train.rendering import Look, Skins, colours, light_in_camera
from priors.train.terms import (
    Agreement,
    LikelySkin,
    MeanColour,
    Motion,
    OwnKeypoints,
    Said,
    SameShape,
    SameTexture,
    SnippetTerm,
    snippet_energy,
)

# A guessed wrist nearer than this, or behind the camera, is taken for this near: its logarithm is part of the state.
NEAREST_M = 0.02
# S2HAND's terms of the engine: no depth cue but the pixels, no motion.
S2HAND = Energy(
    image_depth=None,
    articulation=None,
    pose=None,
    coupling=None,
    learned_pose=None,
    self_collision=None,
    interpenetration=None,
    focal=None,
    pose_smoothness=None,
    trajectory_smoothness=None,
    silhouette=None,
    photometric=None,
    depth_map=None,
)


@dataclass(frozen=True)
class SelfSupervision:
    """Which terms act, on what; null in YAML switches a term off.

    `frames` of a snippet, `snippets` in a step, from so many `clips`; `rendered` frames of each clip are compared with
    its pixels. `depth_share`, `bones_share`: of sights that keep such cues of the source. Every energy counts per frame
    times `weight`: 0.02 brings keypoints one standard deviation off (21 points, an energy of 21) to 0.4, near what
    synthetic hands cost.
    """

    energy: Energy = S2HAND
    agreement: Agreement | None = Agreement()
    own_keypoints: OwnKeypoints | None = OwnKeypoints()
    motion: Motion | None = None
    same_shape: SameShape | None = None
    same_texture: SameTexture | None = None
    likely_skin: LikelySkin | None = LikelySkin()
    mean_colour: MeanColour | None = MeanColour()
    frames: Count = 1
    snippets: Count = 64
    clips: Count = 1
    rendered: Count = 8
    depth_share: Fraction = 0.3
    bones_share: Fraction = 0.3
    weight: Positive = 0.02

    def snippet_terms(self) -> dict[str, SnippetTerm]:
        """The terms that are on beside the engine's, but for colours, by name."""
        named = {f.name: getattr(self, f.name) for f in fields(self)}
        kinds = (Agreement, OwnKeypoints, Motion, SameShape, SameTexture, LikelySkin)
        return {name: term for name, term in named.items() if isinstance(term, kinds)}


@dataclass(frozen=True)
class Snippets:
    """Frames of one clip, (snippets, frames), with their sights as the network is shown them."""

    clip: TrainingClip
    index: Int[Tensor, "snippets frames"]
    sight: Sight


@dataclass(frozen=True)
class ClipObjective:
    """Draws snippets of clips for a network to be judged on; of (seed, step) alone."""

    settings: SelfSupervision
    clips: tuple[TrainingClip, ...]
    model: HandModel
    landmarks: Mapping[str, Landmarks]
    skins: Skins | None = None

    def draw(self, turn: Turn) -> "ClipLesson":
        """The snippets of a step. Clips are drawn by their number of snippets."""
        wanted = self.settings
        generator = torch.Generator().manual_seed(turn.number("clips"))
        starts = [clip.snippets(wanted.frames) for clip in self.clips]
        shares = torch.tensor([float(len(each)) for each in starts])
        count = min(wanted.clips, len(self.clips))
        size = max(wanted.snippets // count, 1)
        drawn = []
        for chosen in torch.multinomial(shares, count, generator=generator).tolist():
            first = starts[chosen][torch.randint(len(starts[chosen]), (size,), generator=generator)]
            depth, bones = (torch.rand(size, generator=generator) for _ in range(2))
            mine = turn.mine(size)
            index = first[mine, None] + torch.arange(wanted.frames)
            sight = self.clips[chosen].shown(index.flatten())
            keeps = [
                (random[mine] < share).repeat_interleave(wanted.frames).to(sight.half)
                for random, share in ((depth, wanted.depth_share), (bones, wanted.bones_share))
            ]
            drawn.append(Snippets(self.clips[chosen], index, sight.with_cues(*keeps)))
        return ClipLesson(self, tuple(drawn))


def clip_objective(
    settings: SelfSupervision, clips: Sequence[TrainingClip], model: HandModel, skins: Skins | None = None
) -> ClipObjective:
    """The objective of all clips that are long enough; `model` is the network's, `skins` what it says of looks means.

    Raises InputError if none has so many usable frames in a row.
    """
    long = tuple(clip for clip in clips if len(clip.snippets(settings.frames)) > 0)
    if not long:
        raise InputError(
            f"{clips[0].name}: expected {settings.frames} frames in a row that show a hand, found fewer in all clips"
        )
    landmarks = {clip.source: clip.landmarks(model) for clip in long}
    return ClipObjective(settings, long, model.to(dtype=torch.float32), landmarks, skins)


@dataclass(frozen=True)
class ClipLesson:
    """Snippets to judge a network on."""

    objective: ClipObjective
    drawn: tuple[Snippets, ...]

    def parts(self, network: HandNetwork) -> dict[str, Float[Tensor, ""]]:
        """Weighted mean energies per frame, by term; differentiable by the network."""
        sums: dict[str, list[Tensor]] = {}
        for snippets in self.drawn:
            for name, energy in self.energies(network, snippets).items():
                sums.setdefault(name, []).append(energy)
        weight = self.objective.settings.weight / len(self.drawn)
        return {name: weight * torch.stack(each).sum() for name, each in sums.items()}

    def energies(self, network: HandNetwork, snippets: Snippets) -> dict[str, Float[Tensor, ""]]:
        """Mean energies per frame of one clip's snippets, by term."""
        device = network.mean_pose.device
        clip, wanted = snippets.clip, self.objective.settings
        said = self.said(network(snippets.sight.to(device)), snippets)
        energies = frame_energies(wanted.energy, said.scene, clip.frames(snippets.index).to(device))
        for name, term in wanted.snippet_terms().items():
            energy = snippet_energy(term, said)
            if energy is not None:
                energies[name] = energy.mean()
        photometric = wanted.energy.photometric
        if photometric is not None and clip.cut is not None:
            look = Look(photometric, wanted.mean_colour, self.objective.skins, wanted.rendered)
            energies |= colours(said, clip, snippets.index, look)
        return energies

    def said(self, guess: Guess, snippets: Snippets) -> Said:
        """The network's word on snippets, as clips before the camera."""
        clip, shape, device = snippets.clip, snippets.index.shape, guess.betas.device
        frames, best = torch.arange(len(guess.betas), device=device), guess.best()
        flat = snippets.index.flatten()
        crops = Crops(clip.crops.rotation_crop_camera[flat].to(device), clip.crops.half[flat].to(device))
        rotations, wrist = in_camera(crops, guess.rotations[frames, best], guess.wrist[frames, best])
        wrist = torch.cat([wrist[:, :2], wrist[:, 2:].clamp_min(NEAREST_M)], dim=-1)
        betas = guess.betas.unflatten(0, shape)
        state = State(
            rotations.unflatten(0, shape),
            trajectory_of_wrist(wrist).unflatten(0, shape),
            betas.mean(1),
            betas.new_zeros(shape[0]),
        )
        scene = Scene(
            self.objective.model.to(device=device), self.objective.landmarks[clip.source].to(device), clip.camera, state
        )
        points = scene.points.flatten(0, 1)
        projected = crops.into(points[..., :2] / points[..., 2:].clamp_min(NEAREST_M))
        own, light = guess.image_keypoints, guess.lighting
        return Said(
            scene=scene,
            betas=betas,
            projected=projected.unflatten(0, shape),
            detected=snippets.sight.keypoints.to(device).unflatten(0, shape),
            confidence=snippets.sight.confidence.to(device).unflatten(0, shape),
            time_s=clip.evidence.time_s[snippets.index].to(device),
            image_keypoints=None if own is None else own.unflatten(0, shape),
            albedo=None if guess.albedo is None else guess.albedo.unflatten(0, shape),
            lighting=None if light is None else light_in_camera(light, crops.rotation_crop_camera).unflatten(0, shape),
        )


def frame_energies(energy: Energy, scene: Scene, evidence: Evidence) -> dict[str, Float[Tensor, ""]]:
    """Mean energies per frame of the terms that compare no surface."""
    energies = {}
    for name, term in energy.terms(evidence).items():
        if isinstance(term, SurfaceTerm):
            continue
        if "smoothness" in name and evidence.n_frames < 3:
            continue
        energies[name] = term_energy(term, scene, evidence).mean() / evidence.n_frames
    return energies
