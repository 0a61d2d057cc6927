"""Two hands that cross and touch, filmed and looked at by a real detector: does each hand keep its own detections?

    python -m benchmarks two_hand_films             # 12 clips of 60 frames; needs mediapipe

The clips of `benchmarks.two_hands`, rendered with skin, sleeves, light and a room. The made-up detector of that
benchmark calls every third hand near the other one falsely; this says how often MediaPipe does.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from benchmarks.report import Report
from benchmarks.two_hand_clips import KINDS, TwoHandClip, two_hand_clip
from benchmarks.two_hands import FIRST_SEED, N_CLIPS, QUICK_CLIPS, TrackRow, observed, track_row
from fitter.camera import Camera
from fitter.hand import HandModel
from fitter.hand.anny import load_anny
from fitter.observe.mediapipe import MediaPipe
from fitter.observe.observations import Detection, Side
from fitter.observe.pieces import hand_extent
from priors.synthetic.arm import Arm
from priors.synthetic.background import room
from priors.synthetic.clip import dressed, hand_and_arm, random_lighting
from priors.synthetic.detector_errors import right_hand_of
from priors.synthetic.motion import HandMotion
from priors.synthetic.picture import Surfaces
from priors.synthetic.sensor import Sensor

PERSON_STREAM = 1  # what the person wears comes from a generator of its own
LOST = 0.25  # extents: a detection further from either hand is of none


@dataclass(frozen=True)
class FilmedHand:
    """A hand with its arm: how it looks, and where its vertices are, metres, camera axes."""

    surfaces: Surfaces
    vertices_m: Float[np.ndarray, "frames vertices 3"]


@dataclass(frozen=True)
class Film:
    """Two hands as a `fitter.clip.Clip`; the one whose vertices are further away on average is drawn first."""

    hands: tuple[FilmedHand, FilmedHand]
    camera: Camera
    fps: float
    lighting: Float[Tensor, "9 3"]
    background: Float[np.ndarray, "height width 3"]
    sensor: Sensor
    path: Path = Path("film")
    name: str = "film"
    files: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        return self.camera.width

    @property
    def height(self) -> int:
        return self.camera.height

    @property
    def n_frames(self) -> int:
        return len(self.hands[0].vertices_m)

    @property
    def time_s(self) -> Float[np.ndarray, "frames"]:
        return np.arange(self.n_frames) / self.fps

    def frames(self) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        """All frames in order."""
        return (self.still(index) for index in range(self.n_frames))

    def still(self, index: int) -> UInt8[np.ndarray, "height width 3"]:
        """One frame by its index."""
        picture = self.background
        for hand in sorted(self.hands, key=lambda hand: -hand.vertices_m[index, :, 2].mean()):
            vertices = torch.from_numpy(hand.vertices_m[index])
            picture = hand.surfaces.picture(vertices, self.camera, self.lighting, picture)
        return self.sensor.expose(picture, np.random.default_rng(index))


def filmed(clip: TwoHandClip, model: HandModel) -> Film:
    """The clip in one person's skin and sleeves."""
    rng = np.random.default_rng([clip.seed, PERSON_STREAM])
    hands = []
    for side in ("right", "left"):
        worn = np.random.default_rng([clip.seed, PERSON_STREAM, PERSON_STREAM])  # the same for both
        posed, _ = right_hand_of(clip.truths[side], model)
        arm, motion = Arm.random(worn, posed.shaped), HandMotion(posed.rotations, posed.joints[:, 0], ())
        surfaces = dressed(worn, posed.shaped, arm, side)
        hands.append(FilmedHand(surfaces, hand_and_arm(posed.shaped, arm, motion, side)))
    size = clip.camera.width, clip.camera.height
    return Film((hands[0], hands[1]), clip.camera, clip.fps, random_lighting(rng), room(rng, size), Sensor.random(rng))


def looked_at(clip: TwoHandClip, film: Film, detector: MediaPipe) -> TwoHandClip:
    """The clip with what the detector sees of it, each detection truly of the hand that it lies nearer to."""
    detections, truly = [], []
    for frame, hands in enumerate(detector.detect(film)):
        nearest = [(hand, *nearest_side(hand, clip, frame)) for hand in hands]
        detections.append([hand for hand, _, distance in nearest if distance <= LOST])
        truly.append([side for _, side, distance in nearest if distance <= LOST])
    return replace(clip, detections=detections, truly=truly)


def nearest_side(hand: Detection, clip: TwoHandClip, frame: int) -> tuple[Side, float]:
    """Which hand a detection is of, and how far its joints are from there on average, extents."""
    distances: dict[Side, float] = {
        side: float(np.linalg.norm(hand.keypoints_px - truth.keypoints_px[frame], axis=1).mean() / hand_extent(hand))
        for side, truth in clip.truths.items()
    }
    side = min(distances, key=lambda each: distances[each])
    return side, distances[side]


def measure(quick: bool) -> Report:
    report = Report("two_hand_films", "Two hands that cross and touch, seen by MediaPipe")
    report.begin()
    model, detector = load_anny().to(dtype=torch.float64), MediaPipe()
    rows: list[TrackRow] = []
    for seed in range(FIRST_SEED, FIRST_SEED + (QUICK_CLIPS if quick else N_CLIPS)):
        clip = two_hand_clip(model, seed, KINDS[seed % len(KINDS)])
        clip = looked_at(clip, filmed(clip, model), detector)
        rows.append(track_row(clip, observed(clip)))
        report.note(str(rows[-1]))
    report.table("tracks", rows)
    found, wrong, lost = (sum(getattr(row, name) for row in rows) for name in ("given", "called_wrong", "lost"))
    report.say(f"of {found + lost} detections {wrong} are called the other side, {lost} are given to no hand\n")
    swaps = sum(row.swapped for row in rows)
    report.require(f"{swaps} frames given to the wrong hand, 0 wanted", swaps == 0)
    return report
