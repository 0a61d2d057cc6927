"""The loop draws what changed and nothing else, hears events in order, and ends when it should."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from fitter.export.folder import ResultFolder
from fitter.visualize.viewer import desk as desk_module
from fitter.visualize.viewer.desk import Desk, sit_down
from fitter.visualize.viewer.events import Event, Key, Move, Press
from fitter.visualize.viewer.exhibit import Exhibit, exhibit_of, first_session
from fitter.visualize.viewer.player import Colouring
from fitter.visualize.viewer.shapes import View
from tests.viewed_result import FPS, FRAMES, viewed_result


@dataclass
class PaperWindow:
    """Stands for a window: hears what it is told to, keeps what is drawn."""

    told: list[Event] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    size: tuple[int, int] = (640, 480)
    is_open: bool = True

    def poll(self) -> bool:
        return self.is_open

    def events(self) -> Sequence[Event]:
        told, self.told = self.told, []
        return told

    def draw(self, view: View) -> None:
        self.views.append(view)


class FakeImages:
    """Frame 4's image comes late, as while a clip is read."""

    problem: str | None = None
    ready: bool = False

    def latest(self, frame: int) -> np.ndarray | None:
        return None if frame == 4 and not self.ready else np.full((24, 32, 3), 10 * frame, np.uint8)


@pytest.fixture(scope="module")
def exhibit() -> Exhibit:
    return exhibit_of(ResultFolder(Path("clip"), viewed_result()), [None, None])


@pytest.fixture(autouse=True)
def _no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "IDLE_S", 0.0)


def sitting(exhibit: Exhibit, images: object = None, clock: object = None) -> tuple[Desk, PaperWindow]:
    window = PaperWindow()
    times = clock or (lambda: 0.0)
    session = first_session(exhibit, Colouring.PLAIN, 0)
    return Desk(window, exhibit, session, images, times), window  # pyright: ignore[reportArgumentType]


def test_only_what_changed_is_drawn(exhibit: Exhibit) -> None:
    desk, window = sitting(exhibit)
    for _ in range(5):
        assert desk.step()
    assert len(window.views) == 1
    window.told = [Key("Right"), Key("Right")]
    for _ in range(5):
        desk.step()
    assert len(window.views) == 2 and desk.session.player.frame == 2
    window.size = (700, 500)
    desk.step()
    assert len(window.views) == 3 and window.views[-1].panels[0].rgb.shape[1] == 700
    window.told = [Move(300.0, 200.0), Press(0), Move(310.0, 200.0)]
    desk.step()
    assert len(window.views) == 4


def test_playing_draws_each_frame_once(exhibit: Exhibit) -> None:
    times = iter(np.arange(0.0, 1e3, 0.25 / FPS))
    desk, window = sitting(exhibit, clock=lambda: float(next(times)))
    window.told = [Key("Space")]
    for _ in range(40):
        desk.step()
    assert abs(len(window.views) - 10) <= 1 and desk.session.player.playing


def test_a_late_image_is_drawn_when_it_comes(exhibit: Exhibit) -> None:
    images = FakeImages()
    desk, window = sitting(exhibit, images)
    window.told = [Key("Right")] * 3
    desk.step()
    before = window.views[-1].pictures[0].rgb
    window.told = [Key("Right")]
    desk.step()
    assert np.array_equal(window.views[-1].pictures[0].rgb, before)  # the one before, until then
    count = len(window.views)
    images.ready = True
    desk.step()
    assert len(window.views) == count + 1 and window.views[-1].pictures[0].rgb.mean() > before.mean() + 4


def test_the_last_image_goes_when_reading_failed(exhibit: Exhibit) -> None:
    images = FakeImages()
    desk, window = sitting(exhibit, images)
    desk.step()
    images.problem = "clip.mp4 is damaged"
    window.told = [Key("Right")] * 4
    desk.step()
    assert not window.views[-1].pictures


def test_a_clip_that_cannot_be_read_is_said_at_once(exhibit: Exhibit) -> None:
    images = FakeImages()
    desk, window = sitting(exhibit, images)
    window.told = [Key("Right")] * 4
    desk.step()
    images.problem = "clip.mp4 does not exist"
    count = len(window.views)
    desk.step()
    desk.step()
    assert len(window.views) == count + 1
    bars = [view.panels[0].rgb for view in window.views[-2:]]
    assert (bars[0] != bars[1]).any()


def test_it_ends_by_key_and_by_the_windows_own_button(exhibit: Exhibit) -> None:
    desk, window = sitting(exhibit)
    window.told = [Key("End"), Key("Q"), Key("Home")]
    sit_down(desk)
    assert desk.session.player.frame == 0 and desk.session.player.closed
    desk, window = sitting(exhibit)
    window.is_open = False
    sit_down(desk)
    assert not window.views and desk.drawn == 0 and exhibit.n_frames == FRAMES
