"""Real clips spoiled on purpose and fitted again: what a fit loses, and whether its sigma tells.

    python -m benchmarks degraded                   # needs the shared clips; says so where they are absent
    python -m benchmarks degraded --pixels          # some of them by pixels, too

Every fit detects anew. It is compared with the fit of the unspoilt clip, moved as the spoiling moved the hand, and,
where the clip is annotated, with the annotation. Frames around bad results are drawn into results/bench/degraded.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float

from benchmarks.clips import CLIPS, INTRINSICS, SHARED
from benchmarks.degradations import WAYS, side_by_side
from benchmarks.real_claims import annotated_joints
from benchmarks.recovery import DEFAULT, KEYPOINTS_ONLY
from benchmarks.report import Report
from benchmarks.scores import ANNOTATED
from benchmarks.spoilt_figures import Compared, SpoiltRow, by_way, expected_joints
from benchmarks.spoilt_film import Film, Spoilt
from fitter.app.clip_source import ClipSource
from fitter.app.options import Command
from fitter.app.progress import SilentProgress
from fitter.app.steps import joined_hands, learned_initializer, observe, optimise
from fitter.camera import Camera, assumed_camera, parse_intrinsics
from fitter.clip import open_clip
from fitter.config import Config, load_config
from fitter.errors import NoHandError
from fitter.evaluate.metrics import pa_errors
from fitter.export.atomic import prepare_folder
from fitter.export.fitted_hand import FittedHand
from fitter.hand import HandModel
from fitter.hand.load import load_hand_model
from fitter.hand.mirror import mirror_points
from fitter.observe.observations import Observations, Side
from fitter.visualize.skeleton import draw_skeleton
from priors.learned import LearnedInitializer

FOLDER = Path("results") / "bench" / "degraded"

# A stretch of each clip in which the hand moves; of the annotated ones all.
STRETCHES = {
    "finger_touch": slice(100, 180),
    "asl_hand": slice(50, 130),
    "counting_hand": slice(60, 140),
    "palm_up": slice(30, 110),
    **{name: slice(0, 1 + last - first) for name, (first, last) in ANNOTATED.items()},
}
QUICK = ("palm_up",)
PAIRS = (("finger_touch", "fullframe_00065_00108"), ("asl_hand", "counting_hand"))
# By pixels, too: the clip that is quickest, in the ways that pixels may be misled by.
BY_PIXELS = ("palm_up", "finger_touch")
PIXEL_WAYS = ("blurred", "occluder", "occluder of skin", "half beyond the border", "leaves and returns", "flicker")

# Frames whose joints are further than this from the unspoilt fit's, after alignment, are drawn.
BAD_MM, MOST_DRAWN = 12.0, 3


@dataclass(frozen=True)
class Setting:
    """What all fits share."""

    model: HandModel
    learned: LearnedInitializer | None
    config: Config


@dataclass(frozen=True)
class Fitted:
    """One hand's fit as filmed: metres in camera axes, whichever the side."""

    side: Side
    seen: Observations
    joints_m: Float[np.ndarray, "frames 21 3"]
    keypoints_px: Float[np.ndarray, "frames 21 2"]
    relative_sigma_mm: Float[np.ndarray, "frames 21"]
    present: Bool[np.ndarray, "frames"]


def measure(quick: bool, pixels: bool = False) -> Report:
    """All clips in all ways by keypoints, with `pixels` some by pixels, too; with `quick` one clip by keypoints."""
    report = Report("degraded", "Real clips, degraded on purpose")
    report.begin()
    if not (SHARED / "data").is_dir():
        report.say(f"skipped: the real clips are no part of the repository, and there is no folder {SHARED / 'data'}")
        return report
    setting, rows = setting_of(KEYPOINTS_ONLY), []
    films = {name: film_of(name) for name in (QUICK if quick else STRETCHES)}
    for film in films.values():
        rows += spoilt_rows(setting, film, tuple(WAYS), report)
    if not quick:
        for one, other in PAIRS:
            rows += pair_rows(setting, films[one], films[other], report)
    if pixels and not quick:
        by_pixels = setting_of(DEFAULT)
        for name in BY_PIXELS:
            rows += spoilt_rows(by_pixels, films[name], PIXEL_WAYS, report)
    report.table("spoilt", rows)
    report.table("by_way", by_way(rows))
    report.require("every spoilt clip has a result", all(row.present > 0 for row in rows))
    wrong = sum(not row.side_right for row in rows)
    report.require(f"the side is wrong in {wrong} of {len(rows)} fits", wrong == 0)
    return report


def setting_of(config: Path) -> Setting:
    loaded = load_config(config)
    return Setting(load_hand_model("anny"), learned_initializer(loaded.initialise), loaded)


def film_of(name: str) -> Film:
    """The stretch of a clip, with its camera: the annotated ones' own, of the others as the fit would assume it."""
    clip = open_clip(SHARED / "data" / CLIPS[name])
    size = (clip.width, clip.height)
    camera = parse_intrinsics(INTRINSICS, size) if name in ANNOTATED else replace(assumed_camera(size), known=True)
    return Film.of(clip, name, STRETCHES[name], camera)


def detected(setting: Setting, film: Film) -> list[Observations]:
    """The hands that the detector finds; none where there are none."""
    try:
        return observe(Command(input=film.name), setting.config, film, FOLDER, SilentProgress())
    except NoHandError:
        return []


def fitted(setting: Setting, film: Film, seen: list[Observations] | None = None) -> list[Fitted]:
    """The fits of the hands of a film, detected anew unless they are given."""
    seen = detected(setting, film) if seen is None else seen
    if not seen:
        return []
    source = ClipSource(film, film.camera, setting.model, seen, learned=setting.learned)
    windows = optimise(source, setting.config, Command(input=film.name), SilentProgress())
    return [as_filmed(hand, film.camera) for hand in joined_hands(windows, seen)]


def as_filmed(hand: FittedHand, camera: Camera) -> Fitted:
    joints = hand.fit.scene.posed.joints
    joints = mirror_points(joints) if hand.side == "left" else joints
    sigma = hand.fit.posterior.relative_sigma_mm
    keypoints = camera.project(joints).numpy()
    return Fitted(hand.side, hand.seen, joints.numpy(), keypoints, sigma, hand.fit.present)


def spoilt_rows(setting: Setting, film: Film, ways: tuple[str, ...], report: Report) -> list[SpoiltRow]:
    """One row per way, after one for the clip itself."""
    clean = fitted(setting, film)[0]
    pixels, truth = bool(setting.config.schedule.pixel_stages), truth_of(film.name, clean.side)
    rows = []
    for way in ways:
        spoilt = WAYS[way](film, clean.keypoints_px, np.random.default_rng(0))
        hands = fitted(setting, spoilt.film)
        rows.append(row_of(film, way, pixels, spoilt, 0, hands, clean, truth))
        report.note(rows[-1].told())
    return rows


def pair_rows(setting: Setting, one: Film, other: Film, report: Report) -> list[SpoiltRow]:
    """Two clips side by side, the second mirrored if both show hands of one side: a row for each hand."""
    clean = [fitted(setting, film)[0] for film in (one, other)]
    spoilt = side_by_side(one, other, mirror_right=clean[0].side == clean[1].side)
    hands = fitted(setting, spoilt.film)
    report.note(f"{spoilt.film.name}: fitted")
    pixels = bool(setting.config.schedule.pixel_stages)
    return [
        row_of(film, "side by side", pixels, spoilt, index, hands, clean[index], truth_of(film.name, clean[index].side))
        for index, film in enumerate((one, other))
    ]


def truth_of(name: str, side: Side) -> Float[np.ndarray, "frames 21 3"] | None:
    """The annotation in camera axes, None where there is none."""
    if name not in ANNOTATED:
        return None
    first, last = ANNOTATED[name]
    as_right = annotated_joints(name, side, 1 + last - first)
    return as_right * [-1.0, 1.0, 1.0] if side == "left" else as_right


def row_of(
    film: Film,
    way: str,
    pixels: bool,
    spoilt: Spoilt,
    index: int,
    hands: list[Fitted],
    clean: Fitted,
    truth: Float[np.ndarray, "frames 21 3"] | None,
) -> SpoiltRow:
    """How the spoilt film's fit of a hand compares with the clean one."""
    shown, n_frames = spoilt.shown[index], spoilt.film.n_frames
    there = shown.source >= 0
    wanted: Side = clean.side if not shown.mirrored else ("left" if clean.side == "right" else "right")
    hand = next((hand for hand in hands if hand.side == wanted), None)
    if hand is None:
        other = hands[0] if len(hands) == 1 and len(spoilt.shown) == 1 else None
        present = 0.0 if other is None else float(other.present[there].mean())
        return SpoiltRow(film.name, way, pixels, n_frames, False, present, present, None)
    row = SpoiltRow(
        clip=film.name,
        way=way,
        pixels=pixels,
        frames=n_frames,
        side_right=True,
        observed=float(hand.seen.observed[there].mean()),
        present=float(hand.present[there].mean()),
        away=None if there.all() else float(hand.present[~there].mean()),
    )
    used = there & hand.present & clean.present[shown.source]
    if not used.any():
        return row
    expected = expected_joints(clean.joints_m, shown, film.camera, spoilt.film.camera)[used]
    compared = Compared.of(hand.joints_m[used], expected, hand.relative_sigma_mm[used], shown.hidden[used])
    draw_bad(spoilt, way, pixels, hand, np.flatnonzero(used), compared)
    row = replace(row, **compared.figures())
    if truth is None:
        return row
    true = truth[shown.source[used]]
    unspoilt = clean.joints_m[shown.source[used]]
    fitted_joints = hand.joints_m[used] * ([-1.0, 1.0, 1.0] if shown.mirrored else [1.0, 1.0, 1.0])
    means = [1000.0 * float(pa_errors(joints, true).mean()) for joints in (fitted_joints, unspoilt)]
    return replace(row, truth=means[0], truth_clean=means[1])


def draw_bad(spoilt: Spoilt, way: str, pixels: bool, hand: Fitted, frames: np.ndarray, compared: Compared) -> None:
    """The worst frames with the fit's skeleton, as PNG."""
    error = compared.aligned_mm.mean(axis=1)
    worst = [index for index in np.argsort(-error)[:MOST_DRAWN] if error[index] > BAD_MM]
    folder = prepare_folder(FOLDER)
    for index in worst:
        frame = int(frames[index])
        picture = spoilt.film.pictures[frame].copy()
        draw_skeleton(picture, hand.keypoints_px[frame])
        name = f"{spoilt.film.name}_{way}_{'pixels_' if pixels else ''}{hand.side}_{frame:03d}_{error[index]:.0f}mm.png"
        cv2.imwrite(str(folder / name.replace(" ", "_").replace("|", "and")), picture[..., ::-1])
