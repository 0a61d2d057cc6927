"""Made-up detections for the tests of everything that reads them: a flat hand that moves through a clip of no file."""

from pathlib import Path

import numpy as np

from fitter.clip.video import VideoClip
from fitter.observe.observations import Detection, Side

SIZE = (640, 480)
HAND_PX = 100.0  # from wrist to middle fingertip


def blank_clip(n_frames: int, fps: float = 30.0) -> VideoClip:
    return VideoClip(Path("nowhere.mp4"), "nowhere", *SIZE, fps, np.arange(n_frames) / fps, None)


def right_hand() -> np.ndarray:
    """(21, 2) pixels around the wrist: the palm of a right hand seen from its front, fingers up, the thumb left."""
    points = [(0.0, 0.0)]
    for angle_deg, near, far in ((140, 0.25, 0.7), (108, 0.5, 0.95), (92, 0.52, 1.0), (78, 0.5, 0.95), (62, 0.46, 0.8)):
        direction = np.array([np.cos(np.deg2rad(angle_deg)), -np.sin(np.deg2rad(angle_deg))])
        points += [tuple(direction * length) for length in np.linspace(near, far, 4)]
    return HAND_PX * np.array(points)


def seen_at(x: float, y: float, side: Side | None = "right", score: float = 0.9, cues: bool = True) -> Detection:
    """The hand with its wrist at (x, y); a left hand is the mirrored one."""
    points = right_hand() * ([-1.0, 1.0] if side == "left" else [1.0, 1.0]) + [x, y]
    depth, landmarks = np.linspace(0, -10, 21), np.column_stack([points - points[0], np.linspace(0, -10, 21)]) / 1000
    cue = {"depth_px": depth, "landmarks_m": landmarks} if cues else {"depth_px": None, "landmarks_m": None}
    return Detection(points, np.full(21, score), side, score if side else 0.0, cue["depth_px"], cue["landmarks_m"])
