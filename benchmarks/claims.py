"""What a fit claims of its own error, beside its error: clips of strangers fitted as the commands fit anybody's.

    for record in moving_records(setting, seed): ...        # detections alone: with depth cues, then without
    for record in filmed_records(setting, seed): ...        # MediaPipe on pictures: keypoints, then pixels

Hand length is unknown; the focal length is in half of the clips. Nothing of the truth reaches the fit but, there, K.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from benchmarks.strangers import Stranger, side_of, strange_film, strange_motion
from fitter.app.steps import with_pose_prior
from fitter.camera import assumed_camera
from fitter.config import Config
from fitter.errors import NoHandError
from fitter.evaluate.metrics import pa_errors
from fitter.export.diagnostics import Diagnostics
from fitter.hand import HandModel
from fitter.initialise import initial_states
from fitter.observe.doubt import doubted
from fitter.observe.evidence import Evidence, prepare_evidence
from fitter.observe.footage import Footage
from fitter.observe.landmarks import landmarks_of
from fitter.observe.mediapipe import MediaPipe
from fitter.observe.observations import Observations
from fitter.observe.tracks import track_hands
from fitter.pipeline import FitInput, FrameFigures, Reached, fit_keypoints, fit_pixels, frame_figures
from fitter.solve.calibration import Regime, Scale, Trust
from fitter.solve.posterior import laplace, regime_of
from fitter.solve.threads import one_thread
from priors.learned import LearnedInitializer

MOVING_FRAMES, FILMED_FRAMES = 60, 30
GAP_FRAMES, GAP_STREAM = (4, 15), 8
# What a fit is given: detections with depth cues, without, and pixels beside either.
CUES: Regime = "depth cue"
BARE: Regime = "no depth cue"
PIXELS: Regime = "pixels"

# Raw posteriors are made for all of these, and CHOSEN is the one under which the errors are likeliest (the benchmark's
# table `trusts`): at a data factor of 256 the scales' own factor is about 1.
DATA_FACTORS, SURFACE_FACTORS = (1.0, 16.0, 64.0, 256.0), (1.0, 10.0, 100.0, 1000.0)
# How long a doubt lasts was found by `benchmarks.hidden`.
CHOSEN = Trust(surface_factor=1000.0, data_factor=256.0, lasting_s=0.6)
KEYPOINT_TRUSTS = (Trust(), *(replace(CHOSEN, surface_factor=1.0, data_factor=factor) for factor in DATA_FACTORS[1:]))
PIXEL_TRUSTS = (Trust(), *(replace(CHOSEN, surface_factor=factor) for factor in SURFACE_FACTORS))


@dataclass(frozen=True)
class Setting:
    """What all fits share; for each of the trusts a posterior is made, the first at face value."""

    model: HandModel
    learned: LearnedInitializer
    config: Config
    keypoint_trusts: tuple[Trust, ...] = KEYPOINT_TRUSTS
    pixel_trusts: tuple[Trust, ...] = PIXEL_TRUSTS


@dataclass(frozen=True)
class Record:
    """One fit of one clip, by frame and joint in millimetres; the first axis of the raw sigmas is that of the trusts.

    relative_mm, shared_mm, focal_mm   raw: what the frame lacks; what size and shape add; what an assumed focal length
                                       adds. Roots of the mean variance over the axes; their squares add up
    absolute_error_mm                  distance of the joint from the truth, camera axes, nothing removed
    relative_error_mm                  the same after `size_and_focal_given`
    aligned_mm                         mean over the joints after a similarity alignment of every frame
    detected_px, confidence, figures   what was seen, and how the fit explains it
    """

    source: str  # moving or filmed
    regime: Regime
    seed: int
    camera_known: bool
    observed: Bool[np.ndarray, "frames"]
    gap_s: Float[np.ndarray, "frames"]
    relative_mm: Float[np.ndarray, "trusts frames 21"]
    shared_mm: Float[np.ndarray, "trusts frames 21"]
    focal_mm: Float[np.ndarray, "frames 21"]
    absolute_error_mm: Float[np.ndarray, "frames 21"]
    relative_error_mm: Float[np.ndarray, "frames 21"]
    aligned_mm: Float[np.ndarray, "frames"]
    detected_px: Float[np.ndarray, "frames 21 2"]
    confidence: Float[np.ndarray, "frames 21"]
    figures: FrameFigures


def moving_records(setting: Setting, seed: int) -> list[Record]:
    """Fits of detections that err as MediaPipe's do: with its depth cues, then with x, y and confidence alone."""
    clip = strange_motion(setting.model, seed, MOVING_FRAMES)
    records = []
    assert clip.seen is not None
    given_as: tuple[tuple[Regime, Observations], ...] = ((CUES, clip.seen), (BARE, without_cues(clip.seen)))
    for regime, seen in given_as:
        given = begun(setting, clip, seen)
        reached = keypoint_fit(setting, given)
        records.append(record(setting, ("moving", regime), clip, given, reached))
    return records


def filmed_records(setting: Setting, seed: int, pixels: bool) -> list[Record]:
    """Fits of a rendered clip as MediaPipe sees it: with its depth cues, without, and by `pixels` from one of both.

    Nothing where MediaPipe finds no hand of the side.
    """
    clip = strange_film(setting.model, seed, FILMED_FRAMES)
    detector = MediaPipe()
    assert clip.film is not None
    try:
        seen = track_hands(list(detector.detect(clip.film)), clip.film, detector.name, side_of(seed))[0]
    except NoHandError:
        return []
    seen = with_gap(doubted(seen), seed)
    records = []
    given_as: tuple[tuple[Regime, Observations], ...] = ((CUES, seen), (BARE, without_cues(seen)))
    for regime, observations in given_as:
        given = begun(setting, clip, observations)
        reached = keypoint_fit(setting, given)
        records.append(record(setting, ("filmed", regime), clip, given, reached))
        if pixels and regime == (CUES, BARE)[seed % 2]:
            given = replace(given, evidence=reached.problem.evidence)
            config = setting.config
            with one_thread():
                reached = fit_pixels(given, reached, config.energy, config.schedule, config.synthesis, None)
            records.append(record(setting, ("filmed", PIXELS), clip, given, reached))
    return records


def with_gap(seen: Observations, seed: int) -> Observations:
    """Every third clip with a run of frames in which nothing was detected."""
    if seed % 3:
        return seen
    rng = np.random.default_rng([seed, GAP_STREAM])
    gap = int(rng.integers(*GAP_FRAMES))
    first = int(rng.integers(1, len(seen.confidence) - gap))
    kept = np.ones(len(seen.confidence), dtype=bool)
    kept[first : first + gap] = False
    return replace(
        seen,
        **{
            name: None if array is None else np.where(kept.reshape(-1, *[1] * (array.ndim - 1)), array, 0.0)
            for name in ("keypoints_px", "confidence", "depth_px", "landmarks_m")
            for array in [getattr(seen, name)]
        },
    )


def without_cues(seen: Observations) -> Observations:
    """As a source that tells x, y and confidence."""
    return replace(seen, depth_px=None, landmarks_m=None)


def knows_camera(seed: int) -> bool:
    return seed // 4 % 2 == 1  # whatever hides the hand, see `difficulty_of`


def begun(setting: Setting, clip: Stranger, seen: Observations) -> FitInput:
    """The problem as the commands would have it."""
    camera = clip.camera if knows_camera(clip.seed) else assumed_camera((clip.camera.width, clip.camera.height))
    its_camera, as_right = (camera.mirrored(), seen.mirrored()) if seen.side == "left" else (camera, seen)
    evidence = prepare_evidence(as_right, its_camera, setting.model)
    footage = None if clip.film is None else Footage(clip.film, its_camera, seen.side == "left")
    landmarks = landmarks_of(setting.model, seen.source)
    given = setting.learned.begin(FitInput(setting.model, landmarks, its_camera, evidence, (), footage))
    if not given.starts:
        given = replace(given, starts=tuple(initial_states(setting.model, its_camera, evidence)))
    return with_pose_prior(given, setting.config.energy)


def keypoint_fit(setting: Setting, given: FitInput) -> Reached:
    with one_thread():
        return fit_keypoints(given, setting.config.energy, setting.config.schedule, None)


def record(setting: Setting, name: tuple[str, Regime], clip: Stranger, given: FitInput, reached: Reached) -> Record:
    """What was reached, beside the truth."""
    problem, scene = reached.problem, reached.problem.at(reached.state)
    trusts = setting.pixel_trusts if regime_of(problem) == "pixels" else setting.keypoint_trusts
    with one_thread():
        raw = [laplace(problem, reached.state, trust) for trust in trusts]
    fitted, truth = scene.posed.joints.numpy(), clip.joints_m
    return Record(
        *(*name, clip.seed, scene.camera.known),
        observed=(problem.evidence.confidence > 0).any(dim=1).numpy(),
        gap_s=seconds_to_an_observation(problem.evidence),
        relative_mm=np.stack([each.relative_mm for each in raw]),
        shared_mm=np.stack([each.shared_mm for each in raw]),
        focal_mm=raw[0].focal_mm,
        absolute_error_mm=distance_mm(fitted, truth),
        relative_error_mm=distance_mm(size_and_focal_given(fitted, truth), truth),
        aligned_mm=1000.0 * pa_errors(fitted, truth).mean(axis=1),
        detected_px=problem.evidence.keypoints_px.numpy(),
        confidence=problem.evidence.confidence.numpy(),
        figures=frame_figures(problem, reached),
    )


def seconds_to_an_observation(evidence: Evidence) -> Float[np.ndarray, "frames"]:
    """From each frame to the nearest one in which something was seen."""
    time_s = evidence.time_s.numpy()
    seen_s = time_s[(evidence.confidence > 0).any(dim=1).numpy()]
    return np.abs(time_s[:, None] - seen_s).min(axis=1)


def distance_mm(
    fitted: Float[np.ndarray, "frames 21 3"], truth: Float[np.ndarray, "frames 21 3"]
) -> Float[np.ndarray, "frames 21"]:
    return 1000.0 * np.linalg.norm(fitted - truth, axis=-1)


def size_and_focal_given(
    fitted: Float[np.ndarray, "frames 21 3"], truth: Float[np.ndarray, "frames 21 3"]
) -> Float[np.ndarray, "frames 21 3"]:
    """The fit with two numbers of the whole clip set right: its size s, and how far away it is, q, by least squares.

    Another size scales the hand and where it is, s (r + (x, y, 0)); another size or focal length moves the wrist's
    depth, q (0, 0, z). Both at once keep every projection nearly where it was.
    """
    wrist = fitted[:, :1]
    sized = (fitted - wrist) + wrist * [1.0, 1.0, 0.0]
    deep = np.broadcast_to(wrist * [0.0, 0.0, 1.0], fitted.shape)
    columns = np.stack([sized.ravel(), deep.ravel()], axis=1)
    size, distance = np.linalg.lstsq(columns, truth.ravel(), rcond=None)[0]
    return size * sized + distance * deep


def chosen_index(regime: Regime) -> int:
    """Where a regime's records have the posterior of CHOSEN; without pixels the surface's factor is of no account."""
    return PIXEL_TRUSTS.index(CHOSEN) if regime == PIXELS else DATA_FACTORS.index(CHOSEN.data_factor)


def claimed(
    record: Record, index: int, scale: Scale
) -> tuple[Float[np.ndarray, "frames 21"], Float[np.ndarray, "frames 21"]]:
    """Sigmas of the joints and relative ones, millimetres."""
    return scale.applied(record.relative_mm[index], record.shared_mm[index], record.focal_mm)


def diagnostics_of(record: Record, scale: Scale) -> Diagnostics:
    """What a result folder would say of this fit."""
    relative = claimed(record, chosen_index(record.regime), scale)[1]
    terms = tuple(record.figures.energies)

    def one_hand(array: np.ndarray) -> np.ndarray:
        return array[None].astype(np.float32)

    return Diagnostics(
        source=record.source,
        detected_px=one_hand(record.detected_px),
        confidence=one_hand(record.confidence),
        relative_sigma_mm=one_hand(relative),
        reprojection_px=one_hand(record.figures.reprojection_px),
        photometric=one_hand(record.figures.photometric),
        overlap=one_hand(record.figures.overlap),
        terms=terms,
        energies=one_hand(np.stack([record.figures.energies[term] for term in terms])),
        clip_energies=np.full((1, len(terms)), np.nan, dtype=np.float32),
        trace_stage=(),
        trace_hand=(),
        trace_energy=(),
    )
