"""What the frames show of one hand: windows fixed around a fit, their pixels, and masks of the hand in them.

views = look_at(given, state, settings, resolution=224)
problem = views.problem(given, energy, stage, state)         # at the stage's own resolution
"""

import logging
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from fitter.appearance.estimate import first_appearance, refined_texture
from fitter.appearance.gains import known_appearance
from fitter.observe.agreement import belonging, beyond_wrist, consistent
from fitter.observe.depth_maps import DepthFolder, DepthMaps
from fitter.observe.evidence import Evidence
from fitter.observe.footage import Cut, Footage, pictures_of
from fitter.observe.grabcut import ColourModel, learned, segment
from fitter.observe.masks import HAND
from fitter.observe.pictures import Silhouettes
from fitter.observe.silhouettes import silhouettes_of
from fitter.render.appearance import Appearance
from fitter.render.beside import Beside
from fitter.render.window import Windows, windows_around
from fitter.scene import Scene
from fitter.synthesis.decided import Decided
from fitter.synthesis.settings import Synthesis

log = logging.getLogger(__name__)

# A mask of the hand and a mesh refined by it overlap by more: by 0.88 to 0.98 on average over the clips looked at, real
# and synthetic; where an object hides 30 % of the hand, masks made on the spot and meshes end at 0.74 to 0.84.
LEAST_OVERLAP = 0.8
STRANGE = "still differs from the refined mesh"
# So many frames show every side of a hand as sharply as all of them would, in memory that does not grow with the clip.
TEXTURE_FRAMES = 60
# Frames with fewer landmarks than this say too little about where the hand is to compare its pixels.
LEAST_LANDMARKS = 11


@dataclass(frozen=True)
class Source:
    """Where pixels come from: the frames with given masks, and depth images; of a left hand both mirrored. What the
    hand `beside` shows says nothing of this one, as if it lay outside of the image.
    """

    footage: Footage
    depth: DepthFolder | None = None
    beside: Beside | None = None

    def cut(self, scene: Scene, chosen: Int[Tensor, "chosen"] | None = None) -> Cut:
        """What the scene's windows show: of all frames, or of the `chosen` ones that the scene is of."""
        assert scene.windows is not None
        cut = self.footage.cut(scene.windows.to("cpu"), chosen=None if chosen is None else chosen.tolist())
        if self.beside is None:
            return cut
        beside = self.beside if chosen is None else self.beside.chosen(chosen)
        return replace(cut, inside=cut.inside & ~beside.shown_instead(scene.on_screen, scene.fragments))


@dataclass(frozen=True)
class Views:
    """The finest windows with their pixels, and the `scene` they were placed around. `forearm` may be the arm's;
    `masked` says in which frames a mask acts, `dropped` how many frames' masks do not, by reason. `colours` are those
    by which masks were made.
    """

    scene: Scene
    cut: Cut
    forearm: Bool[Tensor, "frames size size"]
    trust: Float[Tensor, "frames"]
    masked: Bool[Tensor, "frames"]
    dropped: dict[str, int]
    depth: DepthFolder | None
    colours: ColourModel | None = None
    made: dict[int, Silhouettes] = field(default_factory=dict)  # by the windows' size

    def evidence(self, evidence: Evidence, scene: Scene) -> Evidence:
        """The keypoints' evidence with what the scene's windows show; its size is the scene's windows'."""
        assert scene.windows is not None
        cut = self.cut.resized(scene.windows.size)
        pictures = pictures_of(cut, scene.fragments.covered.cpu(), self.trust, self.masked)
        silhouettes = None
        if cut.masks is not None and bool(self.masked.any()):
            silhouettes = self.silhouettes(cut)
        device = scene.state.trajectory.device
        depth = None if self.depth is None else self.depth_maps(self.depth, scene)
        return replace(evidence, pictures=pictures, silhouettes=silhouettes, depth_maps=depth).to(device)

    @property
    def windows(self) -> Windows:
        assert self.scene.windows is not None
        return self.scene.windows

    def overlaps(self, scene: Scene) -> Float[np.ndarray, "frames"] | None:
        """Intersection over union of the scene's mesh and each mask, without the forearm's side; None without masks."""
        if self.cut.masks is None:
            return None
        counted = ~self.forearm & self.cut.inside
        mesh = scene.seen_through(self.windows).fragments.covered.cpu() & counted
        mask = (self.cut.masks >= HAND) & counted
        both, either = (count(each) for each in (mesh & mask, mesh | mask))
        return both / either.clip(min=1)

    def believing(self, scene: Scene) -> "Views":
        """These views without the masks that a refined scene still overlaps by less than LEAST_OVERLAP; these views
        themselves if there are none.
        """
        overlaps = self.overlaps(scene)
        if overlaps is None:
            return self
        doubtful = self.masked & torch.from_numpy(overlaps < LEAST_OVERLAP)
        if not bool(doubtful.any()):
            return self
        log.info("masks of %d frames dropped: each %s", int(doubtful.sum()), STRANGE)
        dropped = {**self.dropped, STRANGE: int(doubtful.sum())}
        return replace(self, masked=self.masked & ~doubtful, dropped=dropped, made={})

    def silhouettes(self, cut: Cut) -> Silhouettes:
        """Of a cut of this one's masks; kept for the next call."""
        assert cut.masks is not None
        if cut.size not in self.made:
            self.made[cut.size] = silhouettes_of(cut.masks, cut.inside, self.trust * self.masked)
        return self.made[cut.size]

    def depth_maps(self, folder: DepthFolder, scene: Scene) -> DepthMaps:
        assert scene.windows is not None
        maps = folder.cut(scene.windows.to("cpu"), scene.camera)
        return replace(maps, trust=maps.trust * (self.trust > 0))


def count(pixels: Bool[Tensor, "frames size size"]) -> Int[np.ndarray, "frames"]:
    return np.count_nonzero(pixels.numpy().reshape(len(pixels), -1), axis=1)


def dressed_scene(
    scene: Scene,
    evidence: Evidence,
    settings: Synthesis,
    previous: Appearance | None = None,
    known: Appearance | None = None,
) -> Scene:
    """The scene wearing an appearance estimated from its own windows' pictures, or a `known` one with their gains."""
    assert evidence.pictures is not None
    size = min(texture_size(evidence.pictures.size), settings.texture_size)
    if known is not None:
        return scene.wearing(known_appearance(known, scene, evidence.pictures, size))
    return scene.wearing(first_appearance(scene, evidence.pictures, size, previous))


def finely_textured(scene: Scene, source: Source, views: Views, size: int) -> Appearance:
    """The scene's appearance with a texture of size x size texels, from windows of as many pixels in TEXTURE_FRAMES
    trusted frames, evenly over the clip, read once more.
    """
    appearance, state = scene.appearance, scene.state
    assert appearance is not None
    trusted = torch.nonzero(views.trust > 0).flatten()
    if len(trusted) == 0:
        return appearance
    frames = trusted[torch.linspace(0, len(trusted) - 1, TEXTURE_FRAMES).long()].unique().to(state.trajectory.device)
    windows = views.windows.resized(size).at(frames)
    part = replace(scene, state=state.at(frames), windows=windows, appearance=None)
    cut = source.cut(part, frames)
    if cut.masks is None and views.cut.masks is not None:
        cut = replace(cut, masks=upsampled(views.cut.masks[frames.cpu()], size))
    chosen = frames.cpu()
    pictures = pictures_of(cut, part.fragments.covered.cpu(), views.trust[chosen], views.masked[chosen])
    texture = refined_texture(appearance.at(frames), part, pictures.to(state.trajectory.device), size)
    return replace(texture, gain=appearance.gain)


def upsampled(masks: UInt8[Tensor, "frames old old"], size: int) -> UInt8[Tensor, "frames new new"]:
    """Masks in windows of more pixels."""
    grown = torch.nn.functional.interpolate(masks.float().unsqueeze(1), (size, size), mode="bilinear")
    return grown.squeeze(1).round().to(torch.uint8)


def texture_size(resolution: int) -> int:
    """Texels along the side for windows of `resolution` pixels: a power of two, about as fine as the pictures."""
    return 2 ** max(6, (resolution - 1).bit_length())


def look_at(
    scene: Scene,
    evidence: Evidence,
    source: Source,
    settings: Synthesis,
    resolution: int,
    decided: Decided | None = None,
) -> Views:
    """Windows around a fit, cut out of the clip in one pass, and masks: those given, else made on the spot, by the
    colours that are `decided` or else learned here.
    """
    camera = scene.camera.scaled(float(scene.state.log_focal.exp()))
    windows = windows_around(camera.project(scene.vertices), resolution)
    scene = scene.seen_through(windows)
    cut, trust = source.cut(scene), trust_of(evidence).cpu()
    covered, forearm = scene.fragments.covered.cpu(), beyond_wrist(windows.of_image(scene.keypoints).cpu(), resolution)
    if cut.masks is None and settings.masks == "off":
        return Views(scene, cut, forearm, trust, torch.zeros(evidence.n_frames, dtype=torch.bool), {}, source.depth)
    colours, masks = None, cut.masks
    if masks is None:
        colours = learned(cut, covered, forearm, trust) if decided is None else decided.colours
        masks = segment(cut, covered, forearm, trust, colours)
    masks = belonging(masks, covered, forearm)
    keypoints = windows.of_image(evidence.keypoints_px).cpu()
    verdict = consistent(masks, covered, forearm, keypoints, evidence.confidence.cpu(), cut.inside)
    dropped = verdict.dropped(trust > 0)
    for reason, frames in dropped.items():
        log.info("masks of %d of %d frames dropped: each %s", frames, len(trust), reason)
    agrees = (trust > 0) & verdict.agrees
    return Views(scene, replace(cut, masks=masks), forearm, trust, agrees, dropped, source.depth, colours)


def trust_of(evidence: Evidence) -> Float[Tensor, "frames"]:
    """How far each frame's keypoints are believed: their mean confidence, 0 with fewer than LEAST_LANDMARKS."""
    seen = (evidence.confidence > 0).sum(dim=1) >= LEAST_LANDMARKS
    return evidence.confidence.mean(dim=1) * seen
