"""Unlabelled clips as training reads them: every hand a right one, with its evidence, its sight and its pixels.

    clips = open_clips([Path("footage")], load_anny())      # all videos and folders of images below
    clips[0].snippets(8)                                    # the first frames of all runs of 8 usable frames
    clips[0].frames(torch.tensor([[3, 4], [9, 10]]))        # their evidence, with the batch axes of the index

Detections are kept, by content, in the user's cache. Cameras are assumed: nobody measured them. What a data set knows
beside its pictures goes into the same `Evidence` (`joints`, `vertices`), which the engine's terms read:

    clip_of(observations, camera, model, Reading("frame", False), joints=known)
"""

import hashlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from fitter.camera import Camera, assumed_camera
from fitter.clip import Clip, open_clip
from fitter.clip.images import IMAGE_SUFFIXES
from fitter.errors import InputError, NoHandError
from fitter.hand import HandModel, Landmarks
from fitter.hand.cache import default_folder
from fitter.observe.cache import cached_detections
from fitter.observe.evidence import Evidence, prepare_evidence
from fitter.observe.footage import Cut, Footage
from fitter.observe.known_positions import KnownPositions
from fitter.observe.landmarks import landmarks_of
from fitter.observe.mediapipe import MediaPipe
from fitter.observe.observations import Observations
from fitter.observe.source import KeypointSource
from fitter.observe.tracks import track_hands
from fitter.render.window import Windows, windows_around
from fitter.synthesis.views import LEAST_LANDMARKS
from priors.network.crop import Crops
from priors.network.crop_pictures import crop_pictures
from priors.network.sight import Sight, look
from priors.pose_prior import load_pose_prior

log = logging.getLogger(__name__)

VIDEO_SUFFIXES = frozenset((".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v"))
# Keypoints are joints: flesh and a wrong guess reach further from their middle, by this factor.
FLESH = 1.2


@dataclass(frozen=True)
class Reading:
    """How a clip is read: its `name` in messages; whether its frames follow each other; the side, in pixels, of the
    network's crops and of the windows that renderings are compared in (None: keypoints alone).
    """

    name: str
    continuous: bool = True
    picture_size: int | None = None
    window_size: int | None = None


@dataclass(frozen=True)
class TrainingClip:
    """One right hand in T frames; a left one is the mirrored one. float32.

    follows   whether a frame is the next one of the frame before
    pictures  the crops' pixels, sRGB; None: keypoints alone
    cut       the windows' pixels, sRGB, with `windows`; None: no renderings are compared
    """

    name: str
    source: str
    camera: Camera
    evidence: Evidence
    crops: Crops
    sight: Sight
    follows: Bool[Tensor, "frames"]
    pictures: UInt8[Tensor, "frames 3 size size"] | None = None
    cut: Cut | None = None
    windows: Windows | None = None

    @property
    def usable(self) -> Bool[Tensor, "frames"]:
        """Frames that show enough landmarks to learn from."""
        return (self.evidence.confidence > 0).sum(-1) >= LEAST_LANDMARKS

    def snippets(self, length: int) -> Int[Tensor, "snippets"]:
        """The first frames of all runs of `length` usable frames."""
        good, linked = self.usable, self.follows
        starts = max(len(good) - length + 1, 0)
        whole = torch.ones(starts, dtype=torch.bool)
        for step in range(length):
            whole &= good[step : step + starts]
            if step > 0:
                whole &= linked[step : step + starts]
        return whole.nonzero().flatten()

    def frames(self, index: Int[Tensor, "*batch frames"]) -> Evidence:
        """The evidence of some frames, without pixels, with the index's batch axes."""
        whole = self.evidence
        joints, vertices = (known and positions(known, index) for known in (whole.joints, whole.vertices))
        scale = whole.pixel_scale.expand(index.shape[:-1])
        return Evidence(
            keypoints_px=whole.keypoints_px[index],
            confidence=whole.confidence[index],
            depth_px=whole.depth_px[index],
            depth_weight=whole.depth_weight[index],
            bone_directions=whole.bone_directions[index],
            bone_weight=whole.bone_weight[index],
            time_s=whole.time_s[index],
            pixel_scale=scale,
            joints=joints,
            vertices=vertices,
            pose_prior=whole.pose_prior,
        )

    def shown(self, index: Int[Tensor, "n"]) -> Sight:
        """The sight of some frames, with pictures where the clip has them."""
        sight = self.sight[index]
        return sight if self.pictures is None else replace(sight, pictures=self.pictures[index].float() / 255.0)

    def part(self, kept: slice) -> "TrainingClip":
        """Some of the frames, as a clip; the hand's size in pixels stays that of the whole."""
        index = torch.arange(len(self.follows))[kept]
        crops = Crops(self.crops.rotation_crop_camera[index], self.crops.half[index])
        cut = None if self.cut is None else Cut(self.cut.rgb[index], self.cut.inside[index])
        windows = self.windows
        if windows is not None:
            windows = replace(windows, origin_px=windows.origin_px[index], scale=windows.scale[index])
        pictures = None if self.pictures is None else self.pictures[index]
        evidence = replace(self.frames(index), pixel_scale=self.evidence.pixel_scale)
        return replace(
            self,
            evidence=evidence,
            crops=crops,
            sight=self.sight[index],
            follows=self.follows[index],
            pictures=pictures,
            cut=cut,
            windows=windows,
        )

    def landmarks(self, model: HandModel) -> Landmarks:
        """Where this clip's source sees its landmarks on a float32 model."""
        whole = landmarks_of(model.to(dtype=torch.float64), self.source)
        return Landmarks(whole.template.float(), whole.shape_basis.float())


def positions(known: KnownPositions, index: Int[Tensor, "*batch frames"]) -> KnownPositions:
    """Those of some frames."""
    return KnownPositions(known.positions_m[index], known.weight[index])


def open_clips(
    folders: Sequence[Path],
    model: HandModel,
    picture_size: int | None = None,
    window_size: int | None = None,
    cache: Path | None = None,
    source: KeypointSource | None = None,
) -> list[TrainingClip]:
    """Every hand of every video and folder of images in `folders` and below, in the order of their paths.

    Clips that cannot be read or show no hand are left out with a warning. `cache` is where detections are kept (None:
    the user's cache). Raises InputError where a folder does not exist, or nothing is found or left.
    """
    paths = [path for folder in folders for path in clips_below(folder)]
    where = ", ".join(map(str, folders))
    if not paths:
        raise InputError(f"{where}: expected videos or folders of images to learn from, found none")
    found: list[TrainingClip] = []
    for path in paths:
        reading = Reading(str(path), True, picture_size, window_size)
        try:
            found += hands_of(
                open_clip(path), model, reading, cache or default_folder() / "clips", source or MediaPipe()
            )
        except (InputError, NoHandError) as error:
            log.warning("left out: %s", error)
    if not found:
        raise InputError(f"{where}: expected clips that show a hand, found none in {len(paths)} clips")
    return found


def clips_below(folder: Path) -> list[Path]:
    """Videos, and folders that hold images, in their natural order of paths."""
    if not folder.exists():
        raise InputError(f"{folder} does not exist: expected a folder of clips")
    if folder.is_file():
        return [folder]
    below = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    videos = [path for path in below if path.suffix.lower() in VIDEO_SUFFIXES]
    return sorted({*videos, *(path.parent for path in below if path.suffix.lower() in IMAGE_SUFFIXES)})


def hands_of(
    clip: Clip, model: HandModel, reading: Reading, cache: Path, source: KeypointSource
) -> Iterable[TrainingClip]:
    """The hands of one clip; raises NoHandError where it shows none."""
    key = hashlib.sha256(str(clip.path.resolve()).encode()).hexdigest()[:12]
    detections = cached_detections(cache / f"{clip.name}-{key}", source, clip)
    camera = assumed_camera((clip.width, clip.height))
    return [clip_of(hand, camera, model, reading, clip) for hand in track_hands(detections, clip, source.name)]


def clip_of(
    seen: Observations,
    camera: Camera,
    model: HandModel,
    reading: Reading,
    clip: Clip | None = None,
    joints: KnownPositions | None = None,
) -> TrainingClip:
    """A training clip of what was seen of one hand, by the camera of the frames; `joints`, if known, of the same hand.

    Pixels are read from `clip` in the sizes of `reading`. A left hand is mirrored, with its camera and joints.
    """
    left = seen.side == "left"
    if left:
        seen, camera = seen.mirrored(), camera.mirrored()
        joints = None if joints is None else joints.mirrored()
    exact = prepare_evidence(seen, camera, model)
    crops, sight = look(exact, camera)
    evidence = in_float32(replace(exact, joints=joints, pose_prior=load_pose_prior()))
    crops = Crops(crops.rotation_crop_camera.float(), crops.half.float())
    follows = torch.full((evidence.n_frames,), reading.continuous)
    follows[0] = False
    made = TrainingClip(reading.name, seen.source, camera, evidence, crops, sight, follows)
    if clip is None:
        return made
    footage = Footage(clip, camera, left)
    if reading.picture_size is not None:
        made = replace(made, pictures=crop_pictures(footage, crops, reading.picture_size))
    if reading.window_size is not None:
        windows = windows_around(spread(exact.keypoints_px, exact.confidence > 0), reading.window_size)
        windows = replace(windows, origin_px=windows.origin_px.float(), scale=windows.scale.float())
        made = replace(made, cut=footage.cut(windows), windows=windows)
    return made


def spread(pixels: Float[Tensor, "frames 21 2"], seen: Bool[Tensor, "frames 21"]) -> Float[Tensor, "frames 21 2"]:
    """The seen keypoints moved away from their middle by FLESH; the others in that middle."""
    weight = seen.unsqueeze(-1).to(pixels)
    middle = (weight * pixels).sum(1, keepdim=True) / weight.sum(1, keepdim=True).clamp_min(1.0)
    return middle + FLESH * weight * (pixels - middle)


def in_float32(evidence: Evidence) -> Evidence:
    """Evidence without pixels in float32."""
    given = {f.name: getattr(evidence, f.name) for f in fields(evidence)}
    known = {
        name: KnownPositions(value.positions_m.float(), value.weight.float())
        for name, value in given.items()
        if isinstance(value, KnownPositions)
    }
    return replace(evidence, **known, **{n: value.float() for n, value in given.items() if isinstance(value, Tensor)})
