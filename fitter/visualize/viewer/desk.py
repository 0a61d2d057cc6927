"""The viewer at work in a window: what the user does, what time does, and a new picture where something changed.

sit_down(window, exhibit, session, images)            # returns when the window is closed
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from fitter.visualize.viewer.controls import Session, handle
from fitter.visualize.viewer.events import Event
from fitter.visualize.viewer.exhibit import Exhibit, Image, view_of
from fitter.visualize.viewer.kept_images import KeptImages
from fitter.visualize.viewer.panels import lay_out
from fitter.visualize.viewer.player import advance
from fitter.visualize.viewer.shapes import View

# Between looks at the keyboard while nothing moves: unnoticed by the user, and next to no work.
IDLE_S = 0.008
NO_IMAGES = "without images (the terminal says why)"


class Glass(Protocol):
    """A window, or what stands for one in the tests."""

    @property
    def size(self) -> tuple[int, int]: ...
    def poll(self) -> bool: ...
    def events(self) -> Sequence[Event]: ...
    def draw(self, view: View) -> None: ...


class Desk:
    """One viewer and its window; `step` is a turn of its loop."""

    def __init__(
        self,
        window: Glass,
        exhibit: Exhibit,
        session: Session,
        images: KeptImages | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.session = session
        self.drawn = 0
        """How many pictures have been drawn."""
        self._window, self._exhibit, self._images, self._clock = window, exhibit, images, clock
        self._then = clock()
        self._shown: object = None
        self._image: Image | None = None

    def step(self) -> bool:
        """Hear, advance, draw what changed; False once the viewer was closed."""
        if not self._window.poll() or self.session.player.closed:
            return False
        self._take_in(self._window.events())
        now = self._clock()
        self.session = replace(self.session, player=advance(self.session.player, now - self._then))
        self._then = now
        size, image = self._window.size, self._image_now()
        # Between two frames of the clip nothing is new, though its position moves.
        player = replace(self.session.player, position=float(self.session.player.frame))
        warning = self._warning_now()
        what = (player, id(self.session.view), size, id(image), warning)
        if min(size) > 0 and what != self._shown:
            self._window.draw(view_of(self._exhibit, self.session, size, image, warning))
            self._shown, self.drawn = what, self.drawn + 1
        else:
            time.sleep(IDLE_S)
        return not self.session.player.closed

    def _take_in(self, events: Iterable[Event]) -> None:
        layout = lay_out(self._window.size)
        for event in events:
            self.session = handle(self.session, event, layout)

    def _image_now(self) -> Image | None:
        """The frame's image, or while it is read the one before: better a late image than a flash of none."""
        if self._images is None:
            return None
        latest = self._images.latest(self.session.player.frame)
        if latest is not None or self._images.problem is not None:
            self._image = latest
        return self._image

    def _warning_now(self) -> str:
        """The bar has no room for a sentence, which is in the terminal."""
        return NO_IMAGES if self._images is not None and self._images.problem is not None else ""


def sit_down(desk: Desk) -> None:
    """Until the window is closed."""
    while desk.step():
        pass
