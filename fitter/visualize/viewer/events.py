"""What a window reports of its user: keys and the mouse. Positions are pixels from the window's top left corner."""

from dataclasses import dataclass

LEFT_BUTTON, RIGHT_BUTTON, MIDDLE_BUTTON = 0, 1, 2


@dataclass(frozen=True)
class Key:
    """A key pressed or repeated, by its name in `player.BINDINGS`."""

    name: str


@dataclass(frozen=True)
class Press:
    """A mouse button pressed where the mouse was last."""

    button: int
    shift: bool = False


@dataclass(frozen=True)
class Release:
    """All mouse buttons let go."""


@dataclass(frozen=True)
class Move:
    """The mouse is here now."""

    x: float
    y: float


@dataclass(frozen=True)
class Scroll:
    """The wheel turned, positive away from the user."""

    amount: float


Event = Key | Press | Release | Move | Scroll
