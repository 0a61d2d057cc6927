"""What GLFW, the window library inside Open3D, reports, turned into the viewer's own events.

listener = Listener()
listener.key(262, action=1, mods=0)
listener.fetch()                            # [Key("Right")]
"""

from collections.abc import Sequence

from fitter.visualize.viewer.events import Event, Key, Move, Press, Release, Scroll

# GLFW's numbers of keys; letters and digits have their ASCII codes.
KEY_NAMES: dict[int, str] = {
    **{32: "Space", 45: "-", 61: "+", 256: "Escape", 262: "Right", 263: "Left", 264: "Down", 265: "Up"},
    **{266: "Page Up", 267: "Page Down", 268: "Home", 269: "End", 290: "F1", 333: "-", 334: "+"},
    **{ord(character): character for character in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
    # Of no use here, but Open3D itself does something at them: they are heard so that it does not.
    **{ord(character): character for character in ",./;'[]\\`"},
    **{257: "Enter", 258: "Tab", 283: "Print", 335: "Enter"},
}
RELEASED = 0  # GLFW's action; 1 is pressed, 2 held down
SHIFT = 1  # GLFW's modifier
# With these a large step is asked for; + needs shift on most keyboards.
SHIFTABLE = ("Left", "Right")


class Listener:
    """Keeps events in their order until they are fetched. All methods return False: Open3D need not redraw."""

    def __init__(self) -> None:
        self._events: list[Event] = []

    def fetch(self) -> Sequence[Event]:
        """What has happened since the last call."""
        happened, self._events = self._events, []
        return happened

    def key(self, number: int, action: int, mods: int) -> bool:
        name = KEY_NAMES.get(number)
        if name is not None and action != RELEASED:
            self._events.append(Key(f"Shift+{name}" if mods & SHIFT and name in SHIFTABLE else name))
        return False

    def button(self, number: int, action: int, mods: int) -> bool:
        self._events.append(Release() if action == RELEASED else Press(number, bool(mods & SHIFT)))
        return False

    def move(self, x: float, y: float) -> bool:
        self._events.append(Move(x, y))
        return False

    def scroll(self, amount: float) -> bool:
        self._events.append(Scroll(amount))
        return False
