"""In which frames a hand is believed to be.

present = believed(evidence, posterior, Presence(), in_view(scene))
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from fitter.observe.evidence import Evidence
from fitter.quantity import Positive
from fitter.scene import Scene
from fitter.solve.posterior import Posterior


@dataclass(frozen=True)
class Presence:
    """Where belief in the hand ends: frames of which the fit itself is less sure than `max_sigma_mm` are not present.

    The sigma is what the frame lacks, size and focal length given: 40 mm is half a palm's breadth. Of the frames in
    gaps of clips with truth and without doubted detections 11 % are less sure; aligned, they are 12 mm off on average,
    the others 9 mm. `max_gap_s` bounds how far from an observed frame smoothness is believed at all. Nor is a
    hand present that the fit has moved out of the image.
    """

    max_sigma_mm: Positive = 40.0
    max_gap_s: Positive = 0.6


def in_view(scene: Scene) -> Bool[np.ndarray, "frames"]:
    """Frames in whose image at least one landmark lies; without the lens's distortion, which moves borders little."""
    pixels, depth = scene.keypoints.detach().cpu().numpy(), scene.points[..., 2].detach().cpu().numpy()
    if not scene.camera.distortion:
        pixels = scene.camera.distort_frames(pixels)  # of a camera that zooms, each frame's own
    inside = ((pixels >= 0.0) & (pixels <= [scene.camera.width, scene.camera.height])).all(axis=-1)
    return (inside & (depth > 0.0)).any(axis=-1)


def believed(
    evidence: Evidence, posterior: Posterior, presence: Presence, shown: Bool[np.ndarray, "frames"]
) -> Bool[np.ndarray, "frames"]:
    """Frames in which the hand is believed to be: seen, or sure enough, near enough to an observation, and `shown` by
    the fit within the image. A hand that has left is nowhere in it.
    """
    observed, time_s = (evidence.confidence > 0).any(dim=1).numpy(), evidence.time_s.numpy()
    return believed_near(time_s[observed], observed, time_s, posterior, presence) & (observed | shown)


def believed_near(
    seen_s: Float[np.ndarray, "seen"],
    observed: Bool[np.ndarray, "frames"],
    time_s: Float[np.ndarray, "frames"],
    posterior: Posterior,
    presence: Presence,
) -> Bool[np.ndarray, "frames"]:
    """As `believed`, for frames of a clip in which the hand was observed at the times `seen_s`."""
    if len(seen_s) == 0:
        return observed
    after = np.searchsorted(seen_s, time_s).clip(max=len(seen_s) - 1)
    gap_s = np.minimum(np.abs(time_s - seen_s[after]), np.abs(time_s - seen_s[(after - 1).clip(min=0)]))
    sure = np.sqrt(np.square(posterior.relative_sigma_mm).mean(axis=1)) <= presence.max_sigma_mm
    return observed | (sure & (gap_s <= presence.max_gap_s))
