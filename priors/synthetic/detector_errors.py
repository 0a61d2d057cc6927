"""The errors that MediaPipe really makes: measured on rendered clips with truth, then drawn for training and tests.

    python -m priors.synthetic.detector_errors --output priors/synthetic/detector_errors.npz      # measures, 3 minutes
    errors = sample_errors(torch.Generator().manual_seed(0), n=64)              # pixels, depth, tilt, in hand units
    seen = with_errors(exact, errors)                                           # see priors.synthetic.error_axes

The clips have motion blur, busy backgrounds and things in the way. What a skeleton's joints and MediaPipe's landmarks
differ by (`fitter.observe.landmarks`) is taken off first.
"""

import argparse
import functools
import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fitter.camera import Camera
from fitter.errors import InputError
from fitter.hand import HandModel, Landmarks, PosedHand
from fitter.hand.anny import load_anny
from fitter.hand.parameters import HandParameters, pose_hand
from fitter.observe.evidence import directions_in_palm, palm_aligned_directions
from fitter.observe.landmarks import landmarks_of
from fitter.observe.mediapipe import MediaPipe
from fitter.observe.observations import Detection, Side
from priors.synthetic.clip import DemoClip, make_demo_clip
from priors.synthetic.difficulty import Difficulty
from priors.synthetic.error_axes import CueErrors, HandCues, errors_between, flexion_axes, span_px
from priors.synthetic.error_model import LOST, ROW, ErrorModel, MeasuredErrors, fit_errors
from priors.synthetic.truth import SyntheticTruth

log = logging.getLogger(__name__)

ERRORS_FILE = Path(__file__).with_name("detector_errors.npz")

CLIPS, FRAMES, SIZE = 32, 60, (480, 360)  # 1800 frames of 32 people; the hand then spans about 200 pixels
FIRST_SEED = 1000  # clips of lower seeds are for benchmarks and tests
# Of four clips one is plain, one blurred, one has a thing before the hand, one is blurred and has one.
OCCLUDED = (0.05, 0.3)
DIFFICULTY_STREAM = 3
FEWEST = 2 * ROW  # frames: fewer say nothing of a covariance of ROW errors


@dataclass(frozen=True)
class Seen:
    """One clip: exact and detected cues of the frames with a detection, and which frames those are."""

    exact: HandCues
    seen: HandCues
    score: Float[Tensor, "found"]
    frame: Tensor
    wrong_side: int


@functools.cache
def measured_model() -> ErrorModel:
    """The stored errors of MediaPipe, float64. Raises InputError where the file is broken."""
    return ErrorModel.load(ERRORS_FILE)


def sample_errors(generator: torch.Generator, n: int, scale: float = 1.0, bias: float = 1.0) -> CueErrors:
    """Errors of `n` unrelated frames, (n, ...), float64 on the generator's device; see `ErrorModel.sample`."""
    errors, _ = measured_model().to(device=generator.device).sample(generator, n, 1, scale, bias)
    return replace(errors, pixels=errors.pixels[:, 0], depth=errors.depth[:, 0], tilt=errors.tilt[:, 0])


def right_hand_of(truth: SyntheticTruth, model: HandModel) -> tuple[PosedHand, Camera]:
    """The hand of a truth as a right one of `model`, and the camera that sees it so."""
    tensors = (torch.from_numpy(array) for array in (truth.pose, truth.betas, truth.translation_m))
    parameters, camera = HandParameters(*tensors), truth.camera
    if truth.side == "left":
        parameters, camera = parameters.mirrored(), camera.mirrored()
    return pose_hand(model, parameters), camera


def exact_cues(posed: PosedHand, camera: Camera, landmarks: Landmarks) -> HandCues:
    """What an exact detector of these landmarks says of a right hand."""
    points = posed.attached(landmarks.with_shape(posed.shaped.betas))
    z = points[..., 2]
    return HandCues(
        pixels=camera.project(points),
        depth_px=(z / z[..., :1] - 1.0) * camera.fx,
        directions=directions_in_palm(points, posed.rotations[..., 0, :, :]),
    )


def cues_of(hand: Detection, side: Side, width: int, model: HandModel) -> HandCues:
    """A detection of both depth cues as a right hand's, one frame."""
    flip = np.array([-1.0 if side == "left" else 1.0, 1.0, 1.0])
    pixels = hand.keypoints_px * flip[:2] + [width if side == "left" else 0.0, 0.0]
    if hand.depth_px is None or hand.landmarks_m is None:
        raise AssertionError("MediaPipe always says depth and landmarks")
    directions, _ = palm_aligned_directions(torch.from_numpy(hand.landmarks_m * flip)[None], model)
    return HandCues(torch.from_numpy(pixels)[None], torch.from_numpy(hand.depth_px)[None], directions)


def look_at(clip: DemoClip, model: HandModel, detector: MediaPipe) -> Seen:
    """The detection nearest to the truth in each frame that has one within LOST of it."""
    posed, camera = right_hand_of(clip.truth, model)
    exact = exact_cues(posed, camera, landmarks_of(model, detector.name))
    span, side = span_px(exact.pixels), clip.truth.side
    kept: list[HandCues] = []
    frames, scores, wrong_side = [], [], 0
    for t, hands in enumerate(detector.detect(clip)):
        cues = [cues_of(hand, side, clip.width, model) for hand in hands]
        miss = [float((cue.pixels[0] - exact.pixels[t]).norm(dim=-1).mean() / span[t]) for cue in cues]
        if not miss or min(miss) > LOST:
            continue
        best = int(np.argmin(miss))
        kept.append(cues[best])
        frames.append(t)
        scores.append(hands[best].side_score)
        wrong_side += hands[best].side != side
    frame = torch.tensor(frames, dtype=torch.long)
    at_frames = HandCues(exact.pixels[frame], exact.depth_px[frame], exact.directions[frame])
    return Seen(at_frames, joined(kept), torch.tensor(scores, dtype=torch.float64), frame, wrong_side)


def joined(cues: list[HandCues]) -> HandCues:
    """Cues one after another."""
    empty = HandCues(*(torch.zeros(0, *shape, dtype=torch.float64) for shape in ((21, 2), (21,), (20, 3))))
    parts = [empty, *cues]
    return HandCues(
        *(torch.cat([getattr(part, name) for part in parts]) for name in ("pixels", "depth_px", "directions"))
    )


def difficulty_of(seed: int) -> Difficulty:
    """How hard the clip of a seed is, see OCCLUDED."""
    rng = np.random.default_rng([seed, DIFFICULTY_STREAM])
    occluded = float(rng.uniform(*OCCLUDED)) if seed % 4 >= 2 else 0.0
    return Difficulty.random(rng, occluded) if seed % 2 else Difficulty(occluded=occluded)


def side_of(seed: int) -> Side:
    """One clip in three shows a left hand."""
    return "left" if seed % 3 == 0 else "right"


def measure(model: HandModel, detector: MediaPipe, seeds: range) -> tuple[MeasuredErrors, str]:
    """The errors over the clips of `seeds`, and a sentence of counts."""
    clips = []
    for seed in seeds:
        clip = make_demo_clip(model, seed, FRAMES, SIZE, side_of(seed), difficulty_of(seed))
        clips.append(look_at(clip, model, detector))
        log.info("clip %d: %d of %d frames", seed, len(clips[-1].frame), FRAMES)
    exact, seen = joined([clip.exact for clip in clips]), joined([clip.seen for clip in clips])
    step = [torch.diff(clip.frame, prepend=clip.frame[:1]) == 1 for clip in clips]
    found, wrong = len(exact.pixels), sum(clip.wrong_side for clip in clips)
    counts = (
        f"{len(seeds)} clips, seeds {seeds[0]} to {seeds[-1]}, {FRAMES} frames of {SIZE[0]}x{SIZE[1]} each: the hand "
        f"found in {found} of {len(seeds) * FRAMES} frames, on the wrong side in {wrong}"
    )
    if found < FEWEST:
        raise InputError(f"{counts}: expected {FEWEST} frames to measure errors in, give more --clips")
    errors = errors_between(exact, seen, flexion_axes(model))
    depth = exact.depth_px / span_px(exact.pixels)[:, None]
    return MeasuredErrors(errors, depth, torch.cat([clip.score for clip in clips]), torch.cat(step)), counts


def summary(measured: MeasuredErrors, model: ErrorModel) -> str:
    """The figures that people compare."""
    errors, lag = measured.errors, model.component_lag
    radial, depth = 100.0 * errors.pixels.norm(dim=-1), 100.0 * errors.depth[:, 1:]
    tilt = errors.tilt.norm(dim=-1).rad2deg()
    return (
        f"2D error {radial.mean():.1f} % of the span (median {radial.median():.1f}); "
        f"depth {depth.square().mean().sqrt():.1f} % RMS, gain {model.depth_gain[1:].mean():.2f}; "
        f"bones {tilt.median():.1f} degrees (median), {tilt.square().mean().sqrt():.1f} (RMS); "
        f"{len(lag)} components, lag-1 correlation {lag.min():.2f} to {lag.max():.2f}, scale {model.scale_lag:.2f}"
    )


def main() -> None:
    """Measure, and store the model with the command and counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=ERRORS_FILE)
    parser.add_argument("--clips", type=int, default=CLIPS)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    model, detector = load_anny().to(dtype=torch.float64), MediaPipe()
    measured, counts = measure(model, detector, range(FIRST_SEED, FIRST_SEED + arguments.clips))
    fitted = fit_errors(measured)
    command = f"python -m priors.synthetic.detector_errors --clips {arguments.clips} --output {arguments.output}"
    fitted.save(arguments.output, f"{command} ({detector.fingerprint.strip()}; {counts})")
    log.info("%s\n%s", counts, summary(measured, fitted))


if __name__ == "__main__":
    main()
