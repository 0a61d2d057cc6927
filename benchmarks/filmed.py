"""Synthetic clips with pictures: frames that no optimiser can explain entirely, keypoints that err, the whole truth.

    filmed = filmed_clip(model, seed=0, n_frames=30, difficulty=Difficulty(shutter=0.3, occluded=0.3))
    fit = fit_hand(filmed.given, filmed.energy(config.energy), config.schedule)
    fitted = filmed.as_filmed(fit.scene.vertices)           # in the camera's axes, whichever the side

Camera and hand length are known, as in `benchmarks.recovery`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from benchmarks.synthetic import observations_of
from fitter.app.steps import with_length
from fitter.clip import Clip, Frame
from fitter.energy import Energy
from fitter.hand import HandModel
from fitter.hand.mirror import mirror_points
from fitter.initialise import initial_states
from fitter.observe.evidence import prepare_evidence
from fitter.observe.footage import Footage
from fitter.observe.observations import Side
from fitter.pipeline import FitInput
from priors.pose_prior import load_pose_prior
from priors.synthetic.clip import DemoClip, make_demo_clip
from priors.synthetic.detector import SyntheticDetector
from priors.synthetic.difficulty import Difficulty

# The hand then spans about 200 pixels, the size at which detectors and the default resolution look at it.
SIZE = (480, 360)


@dataclass(frozen=True)
class Recorded:
    """A clip (a `fitter.clip.Clip`) whose frames are kept in memory, so that no fit pays for rendering them."""

    source: Clip
    pictures: UInt8[np.ndarray, "frames height width 3"]

    @staticmethod
    def of(clip: Clip) -> "Recorded":
        return Recorded(clip, np.stack(list(clip.frames())))

    @property
    def path(self) -> Path:
        return self.source.path

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def width(self) -> int:
        return self.source.width

    @property
    def height(self) -> int:
        return self.source.height

    @property
    def fps(self) -> float:
        return self.source.fps

    @property
    def n_frames(self) -> int:
        return len(self.pictures)

    @property
    def time_s(self) -> Float[np.ndarray, "frames"]:
        return self.source.time_s

    @property
    def files(self) -> tuple[Path, ...]:
        return self.source.files

    @property
    def warnings(self) -> tuple[str, ...]:
        return self.source.warnings

    def frames(self) -> Iterator[Frame]:
        return iter(self.pictures)

    def still(self, index: int) -> Frame:
        return self.pictures[index]


@dataclass(frozen=True)
class FilmedClip:
    """What the fit is given (a left hand as a right one, in mirrored frames), and the clip that knows the truth."""

    seed: int
    difficulty: Difficulty
    clip: DemoClip
    given: FitInput

    @property
    def side(self) -> Side:
        return self.clip.truth.side

    def energy(self, energy: Energy) -> Energy:
        """`energy` with this hand's length known to a millimetre, as `--hand-length-mm` makes it."""
        betas = self.given.model.joints.new_tensor(self.clip.truth.betas)
        return with_length(energy, 1000.0 * float(self.given.model.hand_length(betas)))

    def as_filmed(self, points: Float[Tensor, "*any 3"]) -> Float[np.ndarray, "*any 3"]:
        """Points of the fit's right hand where the camera saw them."""
        return (points if self.side == "right" else mirror_points(points)).numpy()


def filmed_clip(
    model: HandModel, seed: int, n_frames: int, difficulty: Difficulty, size: tuple[int, int] = SIZE
) -> FilmedClip:
    """The clip of a seed, odd ones of left hands; the detector's errors are the same whatever the difficulty."""
    side: Side = "left" if seed % 2 else "right"
    clip = make_demo_clip(model, seed, n_frames, size, side, difficulty)
    seen, camera = observations_of(SyntheticDetector().detect(clip.truth, seed), clip.truth), clip.truth.camera
    if side == "left":
        seen, camera = seen.mirrored(), camera.mirrored()
    evidence = replace(prepare_evidence(seen, camera, model), pose_prior=load_pose_prior())
    starts = tuple(initial_states(model, camera, evidence))
    footage = Footage(Recorded.of(clip), camera, mirrored=side == "left")
    # The synthetic detector's landmarks are the model's own joints.
    return FilmedClip(seed, difficulty, clip, FitInput(model, model.landmarks, camera, evidence, starts, footage))
