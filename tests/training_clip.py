"""A training clip whose truth is known, and networks that say the truth or near it: for tests of self-supervision.

truth = toy_scene_of_clip(12)
clip = clip_seen(truth)                     # what a perfect detector says of it
guess = guess_of(truth, clip, index)        # what a perfect network would say
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from fitter.hand import HandModel
from fitter.observe.footage import Cut
from fitter.render.shading import linear_to_srgb
from fitter.render.window import windows_around
from fitter.scene import Scene
from priors.network.crop import Crops
from priors.network.guess import Guess, in_crop
from priors.network.network import Architecture, HandNetwork
from priors.network.sight import Sight, look
from priors.train.clips import TrainingClip, in_float32
from tests.toy_problem import CAMERA, evidence_of, random_state, toy_hand

SMALL = Architecture(betas=6, hypotheses=2, width=16, blocks=1)


def scene_of_clip(n_frames: int, model: HandModel | None = None, seed: int = 0) -> Scene:
    """A motion of a hand whose landmarks are its joints, before a camera of known focal length."""
    model = model or toy_hand()
    state = replace(random_state(model, n_frames, seed), log_focal=torch.zeros(()).double())
    return Scene(model, model.landmarks, CAMERA, state)


def clip_seen(scene: Scene, noise_px: float = 0.0, name: str = "toy") -> TrainingClip:
    """What a detector says of a scene; no pixels."""
    evidence = evidence_of(scene, seed=1, noise_px=noise_px, missing=0.0)
    crops, sight = look(evidence, scene.camera)
    crops = Crops(crops.rotation_crop_camera.float(), crops.half.float())
    follows = torch.ones(evidence.n_frames, dtype=torch.bool)
    follows[0] = False
    return TrainingClip(name, "nobody's", scene.camera, in_float32(evidence), crops, sight, follows)


def with_pixels(clip: TrainingClip, linear: Tensor, scene: Scene) -> TrainingClip:
    """The clip with windows that show `linear` RGB; the scene's windows."""
    assert scene.windows is not None
    rgb = (255.0 * linear_to_srgb(linear.clamp(0.0, 1.0))).round().to(torch.uint8)
    windows = replace(scene.windows, origin_px=scene.windows.origin_px.float(), scale=scene.windows.scale.float())
    return replace(clip, cut=Cut(rgb, torch.ones(rgb.shape[:3], dtype=torch.bool)), windows=windows)


def guess_of(scene: Scene, clip: TrainingClip, index: Tensor) -> Guess:
    """The truth of the frames `index`, (n,), as the first of two hypotheses, the one believed in."""
    frames = index.flatten()
    crops = Crops(clip.crops.rotation_crop_camera[frames].double(), clip.crops.half[frames].double())
    rotations, wrist = in_crop(crops, scene.state.rotations[frames], scene.state.wrist[frames])
    wrong = torch.eye(3, dtype=torch.float64).expand_as(rotations)
    scores = torch.tensor([1.0, 0.0]).expand(len(frames), 2)
    return Guess(
        rotations=torch.stack([rotations, wrong], dim=1).float(),
        wrist=torch.stack([wrist, 2.0 * wrist], dim=1).float(),
        scores=scores,
        betas=scene.state.betas.float().expand(len(frames), -1),
        depth_sigma=torch.ones(len(frames), 21),
        bone_sigma=torch.ones(len(frames), 20),
    )


@dataclass
class Knowing:
    """Stands in for a network: says the truth of the frames that it is asked about, in their order."""

    scene: Scene
    clip: TrainingClip
    index: Tensor

    @property
    def mean_pose(self) -> Tensor:
        return torch.zeros(16, 3, 3)

    def __call__(self, sight: Sight) -> Guess:
        assert len(sight) == self.index.numel()
        return guess_of(self.scene, self.clip, self.index)


def small_network(model: HandModel) -> HandNetwork:
    """A real network, untrained but for a distance that every hand may have."""
    torch.manual_seed(0)
    return HandNetwork(replace(SMALL, betas=model.n_betas), model.joint_axes)


def windowed(scene: Scene, size: int) -> Scene:
    """The scene with windows around its mesh."""
    return scene.seen_through(windows_around(scene.camera.project(scene.vertices), size))
