"""The observations of one right hand as the terms read them: tensors, undistorted, in the model's conventions.

evidence = prepare_evidence(observations, camera, model)
"""

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fitter.camera import Camera
from fitter.camera_motion import MovingCamera
from fitter.hand import HandModel
from fitter.hand.pose_prior import PosePrior
from fitter.observe.depth_maps import DepthMaps
from fitter.observe.known_positions import KnownPositions
from fitter.observe.observations import Observations
from fitter.observe.pictures import Pictures, Silhouettes
from fitter.skeleton import BONES, POINT_PARENTS

# The rigid part of a hand: wrist and the four finger knuckles (the thumb's base moves).
PALM_POINTS = (0, 5, 9, 13, 17)

# The longer side of the keypoints' bounding box at which a term's sigma_px holds. Detectors see a crop of about this
# size.
REFERENCE_SPAN_PX = 200.0


@dataclass(frozen=True)
class Evidence:
    """What is known about one right hand in T frames, or about a batch of hands. Weights are 0 where nothing was
    seen.

    keypoints_px, confidence  undistorted pixels, 0..1
    depth_px, depth_weight    wrist-relative depth in pixels of weak perspective, positive away from the camera
    bone_directions, bone_weight  unit vectors of the 20 bones in the model's rest axes, aligned by the palm
    time_s                    presentation time of each frame
    joints, vertices          3D positions that the user knows of the model's own 21 points, and of its vertices
    pose_prior                how hands are held, learnt elsewhere
    camera_from_world         the camera's rigid transforms where its motion is given; None: it is not known to move
    pixel_scale               how many times REFERENCE_SPAN_PX the hand spans in the image (median over the clip)
    """

    keypoints_px: Float[Tensor, "*batch frames 21 2"]
    confidence: Float[Tensor, "*batch frames 21"]
    depth_px: Float[Tensor, "*batch frames 21"]
    depth_weight: Float[Tensor, "*batch frames 21"]
    bone_directions: Float[Tensor, "*batch frames 20 3"]
    bone_weight: Float[Tensor, "*batch frames 20"]
    time_s: Float[Tensor, "*batch frames"]
    pixel_scale: Float[Tensor, "*batch"]
    pictures: Pictures | None = None
    silhouettes: Silhouettes | None = None
    depth_maps: DepthMaps | None = None
    joints: KnownPositions | None = None
    vertices: KnownPositions | None = None
    pose_prior: PosePrior | None = None
    camera_from_world: Float[Tensor, "frames 4 4"] | None = None

    @property
    def n_frames(self) -> int:
        return self.time_s.shape[-1]

    def to(self, device: torch.device | str) -> "Evidence":
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{name: value.to(device) for name, value in given.items() if value is not None})


def prepare_evidence(observations: Observations, camera: Camera, model: HandModel) -> Evidence:
    """Undistort the pixels and bring the source's depth cues into the model's conventions.

    `observations` must be of a right hand (mirror a left one first), `camera` of the same frames.
    """
    if observations.side != "right":
        raise AssertionError("the engine fits right hands: mirror the observations of a left hand first")
    seen = observations.confidence > 0
    pixels = np.where(seen[..., None], camera.undistort_frames(observations.keypoints_px), 0.0)
    confidence = torch.from_numpy(np.where(seen, observations.confidence, 0.0))
    n_frames = len(observations.time_s)
    depth = torch.zeros(n_frames, 21, dtype=torch.float64)
    depth_weight = torch.zeros_like(depth)
    if observations.depth_px is not None:
        depth = torch.from_numpy(observations.depth_px.astype(np.float64)) * torch.from_numpy(
            camera.enlargement(n_frames)
        )
        depth_weight = confidence * confidence[:, :1].sign()
    directions = torch.zeros(n_frames, 20, 3, dtype=torch.float64)
    bone_weight = torch.zeros(n_frames, 20, dtype=torch.float64)
    if observations.landmarks_m is not None:
        directions, aligned = palm_aligned_directions(torch.from_numpy(observations.landmarks_m).double(), model)
        both_ends = torch.minimum(confidence[:, BONES], confidence[:, POINT_PARENTS[BONES]])
        palm_seen = (confidence[:, PALM_POINTS] > 0).all(dim=1, keepdim=True)
        bone_weight = both_ends * palm_seen * aligned[:, None]
    return Evidence(
        keypoints_px=torch.from_numpy(pixels.astype(np.float64)),
        confidence=confidence.double(),
        depth_px=depth,
        depth_weight=depth_weight.double(),
        bone_directions=directions,
        bone_weight=bone_weight.double(),
        time_s=torch.from_numpy(np.asarray(observations.time_s, dtype=np.float64)),
        pixel_scale=torch.tensor(median_span_px(pixels, seen) / REFERENCE_SPAN_PX, dtype=torch.float64),
        camera_from_world=motion_of(camera),
    )


def motion_of(camera: Camera) -> Float[Tensor, "frames 4 4"] | None:
    """The camera's transform of every frame, where it is known."""
    if not isinstance(camera, MovingCamera) or not len(camera.camera_from_world):
        return None
    return torch.from_numpy(camera.camera_from_world)


def median_span_px(pixels: Float[np.ndarray, "frames 21 2"], seen: Bool[np.ndarray, "frames 21"]) -> float:
    """Median over the frames of the longer side of the keypoints' bounding box; frames with under 11 points do not
    count.
    """
    enough = seen.sum(axis=1) > 10
    if not enough.any():
        return REFERENCE_SPAN_PX
    masked = np.ma.masked_array(pixels[enough], mask=np.repeat(~seen[enough, :, None], 2, axis=2))
    return float(np.median(np.asarray(np.ptp(masked, axis=1).max(axis=1))))


def directions_in_palm(
    points: Float[Tensor, "*any 21 3"], orientation: Float[Tensor, "*any 3 3"]
) -> Float[Tensor, "*any 20 3"]:
    """Unit bone vectors in the palm's rest axes, which `orientation` turns to those of the points."""
    bones = points[..., BONES, :] - points[..., POINT_PARENTS[BONES], :]
    return torch.nn.functional.normalize(bones, dim=-1) @ orientation


def palm_aligned_directions(
    landmarks_m: Float[Tensor, "frames 21 3"], model: HandModel
) -> tuple[Float[Tensor, "frames 20 3"], Float[Tensor, "frames"]]:
    """Unit bone vectors of a source's 3D landmarks, turned so that its palm lies as the model's does at rest.

    Detectors get the articulation right and the global orientation wrong by 5-14 degrees, so the camera's axes are
    not used. The rotation is Kabsch's over the palm's rigid points (Kabsch 1976). Also returns 1 for frames with a
    usable palm, else 0.
    """
    palm = landmarks_m[:, PALM_POINTS, :]
    rest = model.joints.to(palm.dtype)[list(PALM_POINTS), :]
    covariance = torch.einsum("fpi,pj->fij", palm - palm.mean(1, keepdim=True), rest - rest.mean(0))
    u, singular, vh = torch.linalg.svd(covariance)
    sign = torch.linalg.det(u @ vh).sign()
    flip = torch.ones(len(palm), 3, dtype=palm.dtype)
    flip[:, 2] = sign
    rotation_rest_source = vh.mT @ (flip.unsqueeze(-1) * u.mT)
    bones = landmarks_m[:, BONES, :] - landmarks_m[:, POINT_PARENTS[BONES], :]
    length = bones.norm(dim=-1, keepdim=True)
    usable = (singular[:, 1] > 1e-12) & (length > 0).all(dim=1).squeeze(-1)  # square metres: a palm that is not a line
    turned = torch.einsum("fij,fbj->fbi", rotation_rest_source, bones) / length.clamp_min(1e-9)
    return torch.where(usable[:, None, None], turned, 0.0), usable.to(palm.dtype)
