"""The order of work: each stage says what is free, which terms act and for how long. The solver is the same throughout.

All stages but the last run from every start; the last refines the start that came out best.
"""

from dataclasses import dataclass, fields
from typing import Any, Literal

from fitter.energy import Energy
from fitter.errors import InputError
from fitter.quantity import Count, Positive
from fitter.solve.first_order import LBFGS, Adam
from fitter.solve.levenberg_marquardt import LevenbergMarquardt
from fitter.solve.solver import Solver

FreeName = Literal["orientation", "pose", "trajectory", "betas", "focal"]
ALL_BUT_FOCAL: tuple[FreeName, ...] = ("orientation", "pose", "trajectory", "betas")
SHARED_NAMES: tuple[FreeName, ...] = ("betas", "focal")
EVERYTHING: tuple[FreeName, ...] = ("orientation", "pose", "trajectory", "betas", "focal")


@dataclass(frozen=True)
class Stage:
    """`free`: what may move. `without`: names of terms that do not act yet.

    It ends after `max_steps`, or at a relative decrease of `tolerance`. `damping` is Levenberg-Marquardt's to begin
    with. `resolution`: pixels along the side of the windows in which the rendering is compared with the frames; None
    for a stage of keypoints alone. Stages with pixels come after those without.
    """

    name: str
    free: tuple[FreeName, ...] = EVERYTHING
    without: tuple[str, ...] = ()
    max_steps: Count = 60
    tolerance: Positive = 1e-5
    damping: Positive = 0.1
    resolution: Count | None = None

    def free_names(self, focal_known: bool, shared_known: bool = False) -> tuple[str, ...]:
        """What is free indeed: a known focal length never is, nor, where that is known, what a clip's frames share."""
        known = {*(("focal",) if focal_known else ()), *(SHARED_NAMES if shared_known else ())}
        return tuple(name for name in self.free if name not in known)


@dataclass(frozen=True)
class Schedule:
    """A known focal length is never free, whatever a stage says; an unknown one stays as assumed by default.

    Keypoints alone do not give it. Freed, with its prior counted as the size's, it errs by 10 to 12 % where a detector
    sees the joints exactly; but by 24 % on 24 rendered clips as MediaPipe sees them, where the assumption does by 21,
    with errors of 70 % that no sigma tells, and by 42 against 23 % with its measured errors (the rows of
    `python -m benchmarks focal`).
    """

    solver: Literal["levenberg_marquardt", "adam", "lbfgs"] = "levenberg_marquardt"
    stages: tuple[Stage, ...] = (
        Stage("explore", free=ALL_BUT_FOCAL, max_steps=4, tolerance=1e-2, damping=1e-4),
        Stage("refine", free=ALL_BUT_FOCAL, max_steps=60, tolerance=1e-4, damping=1e-4),
        Stage("coarse", free=ALL_BUT_FOCAL, max_steps=12, tolerance=1e-3, damping=1e-4, resolution=112),
        Stage("fine", free=ALL_BUT_FOCAL, max_steps=12, tolerance=1e-3, damping=1e-4, resolution=224),
    )

    @property
    def keypoint_stages(self) -> tuple[Stage, ...]:
        return tuple(stage for stage in self.stages if stage.resolution is None)

    @property
    def pixel_stages(self) -> tuple[Stage, ...]:
        return tuple(stage for stage in self.stages if stage.resolution is not None)

    def __post_init__(self) -> None:
        if not self.stages:
            raise InputError("schedule.stages: expected at least one stage, got none")
        if not self.keypoint_stages or self.stages[: len(self.keypoint_stages)] != self.keypoint_stages:
            raise InputError(
                "schedule.stages: stages with a resolution compare pixels and start from a fit of the keypoints; "
                "expected them after at least one stage without"
            )
        terms = [field.name for field in fields(Energy)]
        for stage in self.stages:
            for name in stage.without:
                if name not in terms:
                    raise InputError(
                        f"schedule.stages: stage {stage.name} goes without {name}, which is no term; "
                        f"expected one of {', '.join(terms)}"
                    )

    def solver_of(self, stage: Stage) -> Solver[Any]:
        """The solver with the stage's limits; first-order ones get as many steps as cost about the same."""
        match self.solver:
            case "levenberg_marquardt":
                return LevenbergMarquardt(stage.max_steps, stage.damping, stage.tolerance)
            case "adam":
                return Adam(max_steps=20 * stage.max_steps, tolerance=stage.tolerance)
            case "lbfgs":
                return LBFGS(max_steps=stage.max_steps, tolerance=stage.tolerance)
