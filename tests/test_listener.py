"""GLFW's numbers become the keys that BINDINGS names, and nothing is lost or left to Open3D."""

from fitter.visualize.viewer.events import Key, Move, Press, Release, Scroll
from fitter.visualize.viewer.listener import KEY_NAMES, SHIFTABLE, Listener
from fitter.visualize.viewer.player import BINDINGS


def test_every_bound_key_has_a_number() -> None:
    reachable = {*KEY_NAMES.values(), *(f"Shift+{name}" for name in SHIFTABLE)}
    assert {key for _, keys in BINDINGS for key in keys} <= reachable


def test_events_come_in_order_and_once() -> None:
    listener = Listener()
    heard = [
        listener.key(262, 1, 0),
        listener.key(262, 2, 1),  # held down, with shift
        listener.key(262, 0, 0),  # released
        listener.key(999, 1, 0),  # of no name
        listener.key(61, 1, 1),
        listener.move(3.0, 4.0),
        listener.button(1, 1, 1),
        listener.button(1, 0, 0),
        listener.scroll(-1.0),
    ]
    assert not any(heard)
    assert list(listener.fetch()) == [
        *(Key("Right"), Key("Shift+Right"), Key("+")),
        *(Move(3.0, 4.0), Press(1, shift=True), Release(), Scroll(-1.0)),
    ]
    assert list(listener.fetch()) == []
