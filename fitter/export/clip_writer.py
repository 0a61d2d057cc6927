"""A clip's fit, written window by window as it comes: memory does not grow with the clip.

    with written(windows, folder, clip, camera, terms) as fitted:       # each FittedWindow goes to disk as it comes
        ...                                          # FittedClip: the result, mapped from its file, for what is drawn

`diagnostics.npz` and `result.npz` get their names at the end of the block, the result last: it stands for a complete
folder.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fitter.camera import Camera
from fitter.camera_motion import MovingCamera
from fitter.clip import Clip
from fitter.export import diagnostics, result
from fitter.export.assemble import assemble_result, status_of
from fitter.export.atomic import atomic_path
from fitter.export.diagnostics import DIAGNOSTICS_FILE, Diagnostics, diagnose
from fitter.export.fitted_hand import FittedHand, FittedWindow
from fitter.export.result import RESULT_FILE, FitResult, find_problem
from fitter.export.streamed import StreamedArchive
from fitter.hand import HandModel
from fitter.observe.observations import Side
from fitter.render.appearance import Appearance
from fitter.synthesis.report import PhotometricReport, over_windows


@dataclass(frozen=True)
class HandOfClip:
    """What a hand is in all of a clip: its model and shape, what it wears, and how its fit came about.

    `appearance` has the gains of all frames; it and `photometric` are None where no pixels were compared.
    """

    side: Side
    model: HandModel
    betas: Float[Tensor, "betas"]
    start: str
    appearance: Appearance | None
    photometric: PhotometricReport | None


@dataclass(frozen=True)
class FittedClip:
    """A clip's result and diagnostics, mapped from their files, and its hands."""

    result: FitResult
    diagnostics: Diagnostics
    hands: tuple[HandOfClip, ...]


@contextmanager
def written(
    windows: Iterable[FittedWindow], folder: Path, clip: Clip, camera: Camera, terms: Sequence[str]
) -> Iterator[FittedClip]:
    """Write the windows, in order and without a gap, into `folder`, which must exist; nothing is left if that or the
    block fails. `terms`: names of the energy's terms, which may act in some windows and not in others.
    """
    with (
        atomic_path(folder / RESULT_FILE) as result_path,
        atomic_path(folder / DIAGNOSTICS_FILE) as diagnostics_path,
        StreamedArchive(folder / RESULT_FILE, clip.n_frames) as rows,
        StreamedArchive(folder / DIAGNOSTICS_FILE, clip.n_frames) as explained,
    ):
        writer = ClipWriter(clip, camera, (rows, explained), terms)
        for window in windows:
            writer.add(window)
        hands = writer.pack(result_path, diagnostics_path)
        yield FittedClip(FitResult.load(result_path), Diagnostics.load(diagnostics_path), hands)


class ClipWriter:
    """Puts windows into the archives, and remembers of them what the clip has but once."""

    def __init__(
        self, clip: Clip, camera: Camera, archives: tuple[StreamedArchive, StreamedArchive], terms: Sequence[str]
    ) -> None:
        self._clip, self._camera, self._terms = clip, camera, terms
        self._rows, self._explained = archives
        self._seen: list[list[HandOfClip]] = []
        self._frames: list[int] = []
        self._statuses: list[str] = []
        self._traces: dict[str, np.ndarray] = {}
        self._zoom = 1.0  # focal length of the fit over the camera's

    def add(self, window: FittedWindow) -> None:
        """Put the next frames into their places."""
        frames = len(window.hands[0].observed)
        explanation = diagnose(window.hands, self._terms if frames < self._clip.n_frames else None)
        camera = self._camera.of_frames(slice(window.first, window.first + frames))
        part = assemble_result(window.hands, self._clip, camera)
        problem = find_problem(part)
        if problem:
            raise ValueError(problem)
        self._rows.add(part, result.arrays_of(part))
        explained = diagnostics.arrays_of(explanation)
        self._explained.add(explanation, explained)
        if not self._seen:
            self._traces = {name: explained[name] for name in explained if name.startswith("trace_")}
        self._frames.append(frames)
        self._zoom = float(part.K[0, 0]) / camera.fx
        self._seen.append([hand_of_clip(hand) for hand in window.hands])
        self._statuses.append(status_of(window.hands))

    def pack(self, result_path: Path, diagnostics_path: Path) -> tuple[HandOfClip, ...]:
        """Write both files, once all frames have come."""
        whole = MovingCamera.still(self._camera) if not isinstance(self._camera, MovingCamera) else self._camera
        moving = whole.scaled(self._zoom)
        motion = {"K_frames": moving.matrices, "camera_from_world": moving.camera_from_world}
        self._rows.pack(result_path, status=np.array(_one_status(self._statuses)), **motion)
        self._explained.pack(diagnostics_path, **self._traces)
        return tuple(_joined(windows, self._frames) for windows in zip(*self._seen, strict=True))


def _one_status(statuses: Sequence[str]) -> str:
    """The sentence that all windows end with, or those that do not converge."""
    troubles = [status for status in dict.fromkeys(statuses) if status != "converged"]
    if not troubles or len(statuses) == 1:
        return statuses[0]
    counted = ((statuses.count(trouble), trouble) for trouble in troubles)
    return "; ".join(f"{count} of {len(statuses)} windows: {trouble}" for count, trouble in counted)


def hand_of_clip(hand: FittedHand) -> HandOfClip:
    """Of one window's fit."""
    scene = hand.fit.scene
    return HandOfClip(
        hand.side, scene.model, scene.state.betas, hand.fit.start, hand.fit.appearance, hand.fit.photometric
    )


def _joined(windows: Sequence[HandOfClip], frames: Sequence[int]) -> HandOfClip:
    """One hand of what it is in each window of so many frames: its shape, texture and light are the same in all."""
    reports = [hand.photometric for hand in windows]
    return replace(
        windows[0],
        start=" and ".join(dict.fromkeys(hand.start for hand in windows)),
        appearance=_over_all([hand.appearance for hand in windows], frames),
        photometric=over_windows(reports, frames),
    )


def _over_all(worn: Sequence[Appearance | None], frames: Sequence[int]) -> Appearance | None:
    """The appearance with the gains of all frames; 1 in windows without pixels."""
    first = next((each for each in worn if each is not None), None)
    if first is None:
        return None
    gains = [
        first.gain.new_ones(count, 3) if each is None else each.gain for each, count in zip(worn, frames, strict=True)
    ]
    return replace(first, gain=torch.cat(gains))
