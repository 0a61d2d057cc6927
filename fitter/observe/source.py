"""Where keypoints come from: anything that turns a clip into hands per frame is a KeypointSource.

source: KeypointSource = MediaPipe()
detections = source.detect(clip, on_frame=None)     # one list of hands per frame
"""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from fitter.clip import Clip
from fitter.observe.observations import Detection

OnFrame = Callable[[int, int], None]  # called with (frames done, frames in all)


@runtime_checkable
class KeypointSource(Protocol):
    """Finds hands in every frame of a clip.

    `name` is the landmark definition: where on the hand the 21 points sit. `fingerprint` changes with everything that
    changes the detections (settings, model, release), so that cached detections can be recognised.
    """

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...

    def detect(self, clip: Clip, on_frame: OnFrame | None = None) -> Sequence[Sequence[Detection]]:
        """One list of hands, possibly empty, for every frame of the clip."""
        ...
