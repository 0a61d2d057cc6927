"""A keypoint detector that errs like a real one, on known hands: for benchmarks, tests and training.

    detections = SyntheticDetector(noise_px=2.0, missing_frames=0.1).detect(truth, seed=0)    # a list per frame

Errors persist over frames, as a real detector's do: what looks wrong now looks wrong in the next frame, too.
"""

from dataclasses import dataclass

import numpy as np
import roma
import torch
from jaxtyping import Bool, Float

from fitter.errors import InputError
from fitter.observe.observations import Detection, Side
from priors.synthetic.truth import SyntheticTruth


@dataclass(frozen=True)
class SyntheticDetector:
    """Sizes of the errors; all noise is Gaussian, with `correlation` from one frame to the next (first order).

    Shares are of all frames, or of all joints. Frames go missing in runs of `missing_run` frames on average, and sides
    are swapped frame by frame. The depth's noise is relative to the hand's distance (MediaPipe's on real clips: 0.025),
    None leaves depth out. The 3D landmarks err per joint and, all together, by a wrong orientation (MediaPipe's: 5 to
    14 degrees); None for `landmark_noise_m` leaves them out.
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

    def __post_init__(self) -> None:
        shares = (self.missing_frames, self.missing_joints, self.swapped_sides, self.correlation)
        if not all(0.0 <= share < 1.0 for share in shares):
            raise InputError(
                f"SyntheticDetector: missing_frames, missing_joints, swapped_sides, correlation are {shares}, "
                "expected shares from 0 to below 1"
            )

    def detect(self, truth: SyntheticTruth, seed: int) -> list[list[Detection]]:
        """One list per frame, with one hand or none. Equal seeds give equal detections."""
        rng = np.random.default_rng(seed)
        frames = truth.n_frames
        keypoints = truth.keypoints_px + self.noise_px * self.steady_noise(rng, (frames, 21, 2))
        confidence = np.where(rng.random((frames, 21)) < self.missing_joints, 0.0, rng.uniform(0.7, 1.0, (frames, 21)))
        depth = self.depth(rng, truth)
        landmarks = self.landmarks(rng, truth)
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
        return (z / z[:, :1] - 1.0 + noise) * truth.camera.fx

    def landmarks(self, rng: np.random.Generator, truth: SyntheticTruth) -> Float[np.ndarray, "frames 21 3"] | None:
        """Root-relative 3D landmarks, metres, wrongly oriented."""
        if self.landmark_noise_m is None:
            return None
        relative = truth.joints_m - truth.joints_m[:, :1]
        tilt = np.radians(self.landmark_tilt_deg) / np.sqrt(3.0) * self.steady_noise(rng, (len(relative), 3))
        turned = np.einsum("tij,tpj->tpi", roma.rotvec_to_rotmat(torch.from_numpy(tilt)).numpy(), relative)
        noisy = turned + self.landmark_noise_m * self.steady_noise(rng, relative.shape)
        return noisy - noisy[:, :1]

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
