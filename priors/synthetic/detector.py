"""A keypoint detector that errs like a real one, on known hands: for benchmarks, tests and training.

    detections = SyntheticDetector(noise_px=2.0, missing_frames=0.1).detect(truth, seed=0)    # a list per frame
    detections = SyntheticDetector(measured=1.0).detect(truth, seed=0)                        # MediaPipe's own errors

Errors persist over frames, as a real detector's do: what looks wrong now looks wrong in the next frame, too.
"""

from dataclasses import dataclass, replace

import numpy as np
import roma
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from fitter.errors import InputError
from fitter.hand.mirror import mirror_axis_angle, mirror_points
from fitter.observe.observations import Detection, Side
from fitter.skeleton import BONES, POINT_PARENTS
from priors.synthetic.detector_errors import measured_model
from priors.synthetic.error_axes import HandCues, with_errors
from priors.synthetic.truth import SyntheticTruth


@dataclass(frozen=True)
class SyntheticDetector:
    """Sizes of the errors; all noise is Gaussian, with `correlation` from one frame to the next (first order).

    Shares are of all frames, or of all joints. Frames go missing in runs of `missing_run` frames on average, and sides
    are swapped frame by frame. The depth's noise is relative to the hand's distance (MediaPipe's on real clips: 0.025),
    None leaves depth out. The 3D landmarks err per joint and, all together, by a wrong orientation (MediaPipe's: 5 to
    14 degrees); None for `landmark_noise_m` leaves them out.

    `measured` draws pixels, depth, bones and confidences as MediaPipe errs (`priors.synthetic.detector_errors`), that
    many times as much, in place of `noise_px`, `depth_noise` and `landmark_noise_m` (unless these are None) and
    their correlation; what is missing, swapped or tilted stays as given here.
    """

    noise_px: float = 2.0
    correlation: float = 0.7
    missing_frames: float = 0.0
    missing_run: float = 3.0
    missing_joints: float = 0.0
    swapped_sides: float = 0.0
    depth_noise: float | None = 0.025
    landmark_noise_m: float | None = 0.004
    landmark_tilt_deg: float = 8.0
    measured: float | None = None

    def __post_init__(self) -> None:
        shares = (self.missing_frames, self.missing_joints, self.swapped_sides, self.correlation)
        if not all(0.0 <= share < 1.0 for share in shares):
            raise InputError(
                f"SyntheticDetector: missing_frames, missing_joints, swapped_sides, correlation are {shares}, "
                "expected shares from 0 to below 1"
            )
        if self.measured is not None and not 0.0 <= self.measured < float("inf"):
            raise InputError(f"SyntheticDetector: measured is {self.measured}, expected None or a size from 0 up")

    def detect(self, truth: SyntheticTruth, seed: int) -> list[list[Detection]]:
        """One list per frame, with one hand or none. Equal seeds give equal detections."""
        rng = np.random.default_rng(seed)
        frames = truth.n_frames
        keypoints = truth.keypoints_px + self.noise_px * self.steady_noise(rng, (frames, 21, 2))
        confidence = np.where(rng.random((frames, 21)) < self.missing_joints, 0.0, rng.uniform(0.7, 1.0, (frames, 21)))
        depth = self.depth(rng, truth)
        landmarks = self.landmarks(rng, truth)
        if self.measured is not None:
            seen, score = as_measured(truth, self.measured, int(rng.integers(2**31)))
            keypoints, confidence = seen.pixels.numpy(), np.where(confidence > 0.0, score[:, None], 0.0)
            depth = None if depth is None else seen.depth_px.numpy()
            landmarks = None if landmarks is None else self.turned(rng, landmarks_along(truth, seen.directions).numpy())
        missed = self.missed(rng, frames)
        swapped = rng.random(frames) < self.swapped_sides
        other: Side = "left" if truth.side == "right" else "right"
        return [
            []
            if missed[t] or not confidence[t].any()
            else [
                Detection(
                    keypoints_px=np.where(confidence[t, :, None] > 0.0, keypoints[t], 0.0),
                    confidence=confidence[t],
                    side=other if swapped[t] else truth.side,
                    side_score=0.9,
                    depth_px=None if depth is None else depth[t],
                    landmarks_m=None if landmarks is None else landmarks[t],
                )
            ]
            for t in range(frames)
        ]

    def depth(self, rng: np.random.Generator, truth: SyntheticTruth) -> Float[np.ndarray, "frames 21"] | None:
        """Depth relative to the wrist in pixels of weak perspective; the wrist's own is 0 by definition."""
        if self.depth_noise is None:
            return None
        z = truth.joints_m[..., 2]
        noise = self.depth_noise * self.steady_noise(rng, z.shape) * (np.arange(21) > 0)
        return (z / z[:, :1] - 1.0 + noise) * truth.camera.fx / truth.camera.enlargement(len(z))

    def landmarks(self, rng: np.random.Generator, truth: SyntheticTruth) -> Float[np.ndarray, "frames 21 3"] | None:
        """Root-relative 3D landmarks, metres, wrongly oriented."""
        if self.landmark_noise_m is None:
            return None
        turned = self.turned(rng, truth.joints_m - truth.joints_m[:, :1])
        noisy = turned + self.landmark_noise_m * self.steady_noise(rng, turned.shape)
        return noisy - noisy[:, :1]

    def turned(
        self, rng: np.random.Generator, relative: Float[np.ndarray, "frames 21 3"]
    ) -> Float[np.ndarray, "frames 21 3"]:
        """The same hands, wrongly oriented about the wrist."""
        tilt = np.radians(self.landmark_tilt_deg) / np.sqrt(3.0) * self.steady_noise(rng, (len(relative), 3))
        return np.einsum("tij,tpj->tpi", roma.rotvec_to_rotmat(torch.from_numpy(tilt)).numpy(), relative)

    def missed(self, rng: np.random.Generator, frames: int) -> Bool[np.ndarray, "frames"]:
        """Frames without a detection: a two-state chain with the wanted share and mean run."""
        leave = 1.0 / max(self.missing_run, 1.0)
        enter = min(1.0, leave * self.missing_frames / (1.0 - self.missing_frames))
        draws = rng.random(frames + 1)
        missing = np.zeros(frames, dtype=bool)
        state = bool(draws[frames] < self.missing_frames)
        for t in range(frames):
            missing[t] = state
            state = bool(draws[t] >= leave) if state else bool(draws[t] < enter)
        return missing

    def steady_noise(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Unit-variance noise whose neighbours along the first axis correlate."""
        noise = rng.standard_normal(shape)
        for t in range(1, len(noise)):
            noise[t] = self.correlation * noise[t - 1] + np.sqrt(1.0 - self.correlation**2) * noise[t]
        return noise


def as_measured(truth: SyntheticTruth, size: float, seed: int) -> tuple[HandCues, Float[np.ndarray, "frames"]]:
    """What MediaPipe would see of the truth's joints, with `size` times its errors, and its score. `directions` are in
    the palm's axes of a right hand, pixels where the camera saw the hand.
    """
    z, lens, left = torch.from_numpy(truth.joints_m[..., 2]), truth.camera, truth.side == "left"
    flip, shift = z.new_tensor([-1.0 if left else 1.0, 1.0]), z.new_tensor([lens.width if left else 0.0, 0.0])
    exact = HandCues(
        pixels=torch.from_numpy(truth.keypoints_px) * flip + shift,
        depth_px=(z / z[:, :1] - 1.0) * lens.fx / torch.from_numpy(lens.enlargement(len(z))),
        directions=torch.nn.functional.normalize(palm_bones_m(truth), dim=-1),
    )
    generator = torch.Generator().manual_seed(seed)
    errors, score = measured_model().sample(generator, 1, truth.n_frames, scale=size, bias=size)
    errors = replace(errors, pixels=errors.pixels[0], depth=errors.depth[0], tilt=errors.tilt[0])
    seen = with_errors(exact, errors)
    return replace(seen, pixels=(seen.pixels - shift) * flip), score[0].numpy()


def palm_axes(truth: SyntheticTruth) -> Float[Tensor, "frames 3 3"]:
    """Rotation from the rest axes of a right hand to the camera's; to those of the mirrored camera for a left hand."""
    turn = torch.from_numpy(truth.pose[:, :3])
    return roma.rotvec_to_rotmat(mirror_axis_angle(turn) if truth.side == "left" else turn)


def palm_bones_m(truth: SyntheticTruth) -> Float[Tensor, "frames 20 3"]:
    """The right (or mirrored) hand's bone vectors in the palm's rest axes, metres."""
    joints = torch.from_numpy(truth.joints_m)
    points = mirror_points(joints) if truth.side == "left" else joints
    return torch.einsum("tji,tbj->tbi", palm_axes(truth), points[:, BONES] - points[:, POINT_PARENTS[BONES]])


def landmarks_along(truth: SyntheticTruth, directions: Float[Tensor, "frames 20 3"]) -> Float[Tensor, "frames 21 3"]:
    """Root-relative 3D landmarks of the truth's bone lengths along `directions` (palm's axes, right hand), metres,
    as the camera sees the hand.
    """
    bones = directions * palm_bones_m(truth).norm(dim=-1, keepdim=True)
    fingers = torch.einsum("tij,tbj->tbi", palm_axes(truth), bones).unflatten(1, (5, 4)).cumsum(dim=2)
    points = torch.nn.functional.pad(fingers.flatten(1, 2), (0, 0, 1, 0))
    return mirror_points(points) if truth.side == "left" else points
