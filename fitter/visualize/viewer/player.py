"""What the viewer is doing, and how keys, buttons and time change it: no window, no drawing.

    player = Player(n_frames=300, fps=30.0)
    player = act(player, Action.PLAY)
    player = advance(player, seconds=0.04)
    player.frame                                # 1

One table, BINDINGS, is what the keyboard does, what the help on the screen says and what --help says.
"""

from dataclasses import dataclass, replace
from enum import Enum

# How much faster than the clip: slow enough to see single frames pass, fast enough to find a place in minutes.
SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
NORMAL_SPEED = SPEEDS.index(1.0)
LEAP = 10  # frames of a larger step
# After a pause of the machine itself (a debugger, a laptop's lid) playing goes on from where it was.
LONGEST_STEP_S = 0.5


class Colouring(Enum):
    """What the surface of the hands shows; the value is the word of the command line."""

    PLAIN = "plain"
    SKELETON = "skeleton"
    TEXTURE = "texture"
    UNCERTAINTY = "uncertainty"


class Action(Enum):
    """What the user can ask for by a key or a button; the value says it in the help."""

    PLAY = "play or pause"
    NEXT = "next frame"
    BACK = "frame before"
    LEAP_ON = f"{LEAP} frames on"
    LEAP_BACK = f"{LEAP} frames back"
    FIRST = "first frame"
    LAST = "last frame"
    FASTER = "faster"
    SLOWER = "slower"
    PLAIN = "plain surface"
    SKELETON = "skeleton"
    TEXTURE = "texture"
    UNCERTAINTY = "uncertainty"
    CAMERA = "from the camera, or around"
    RESET = "reset the view"
    FRUSTUM = "camera and image on or off"
    HELP = "this help on or off"
    CLOSE = "close"


# Key names as they are written; the window knows their numbers.
BINDINGS: tuple[tuple[Action, tuple[str, ...]], ...] = (
    (Action.PLAY, ("Space",)),
    (Action.NEXT, ("Right",)),
    (Action.BACK, ("Left",)),
    (Action.LEAP_ON, ("Page Down", "Shift+Right")),
    (Action.LEAP_BACK, ("Page Up", "Shift+Left")),
    (Action.FIRST, ("Home",)),
    (Action.LAST, ("End",)),
    (Action.FASTER, ("Up", "+")),
    (Action.SLOWER, ("Down", "-")),
    (Action.PLAIN, ("1",)),
    (Action.SKELETON, ("2",)),
    (Action.TEXTURE, ("3",)),
    (Action.UNCERTAINTY, ("4",)),
    (Action.CAMERA, ("C",)),
    (Action.RESET, ("R",)),
    (Action.FRUSTUM, ("F",)),
    (Action.HELP, ("H", "F1")),
    (Action.CLOSE, ("Q", "Escape")),
)
MOUSE = (
    ("drag", "turn around the hand"),
    ("right drag", "shift"),
    ("wheel", "nearer, farther"),
    ("drag in the bar below", "go to a frame"),
)

COLOURINGS = {
    Action.PLAIN: Colouring.PLAIN,
    Action.SKELETON: Colouring.SKELETON,
    Action.TEXTURE: Colouring.TEXTURE,
    Action.UNCERTAINTY: Colouring.UNCERTAINTY,
}


@dataclass(frozen=True)
class Player:
    """The viewer's state but for the point of view. `position` is in frames and moves between them while it plays."""

    n_frames: int
    fps: float
    colourings: tuple[Colouring, ...] = tuple(Colouring)
    """Those that this result has; others cannot be chosen."""
    position: float = 0.0
    playing: bool = False
    speed_index: int = NORMAL_SPEED
    colouring: Colouring = Colouring.PLAIN
    from_camera: bool = False
    frustum: bool = True
    help: bool = False
    closed: bool = False

    @property
    def frame(self) -> int:
        """The frame that is shown, counted from 0."""
        return min(int(self.position), self.n_frames - 1)

    @property
    def speed(self) -> float:
        """Times the clip's own."""
        return SPEEDS[self.speed_index]


def action_of(key: str) -> Action | None:
    """What a key does, by its name in BINDINGS; None for other keys."""
    return next((action for action, keys in BINDINGS if key in keys), None)


def act(player: Player, action: Action) -> Player:
    """The state after `action`; a step pauses, as who steps wants to look. RESET is the point of view's business."""
    steps = {
        Action.NEXT: player.frame + 1,
        Action.BACK: player.frame - 1,
        Action.LEAP_ON: player.frame + LEAP,
        Action.LEAP_BACK: player.frame - LEAP,
        Action.FIRST: 0,
        Action.LAST: player.n_frames - 1,
    }
    if action in steps:
        return seek(player, steps[action])
    if action in COLOURINGS:
        chosen = COLOURINGS[action]
        return replace(player, colouring=chosen) if chosen in player.colourings else player
    match action:
        case Action.PLAY:
            return replace(player, playing=not player.playing)
        case Action.FASTER:
            return replace(player, speed_index=min(player.speed_index + 1, len(SPEEDS) - 1))
        case Action.SLOWER:
            return replace(player, speed_index=max(player.speed_index - 1, 0))
        case Action.CAMERA:
            return replace(player, from_camera=not player.from_camera)
        case Action.RESET:
            return replace(player, from_camera=False)
        case Action.FRUSTUM:
            return replace(player, frustum=not player.frustum)
        case Action.HELP:
            return replace(player, help=not player.help)
        case Action.CLOSE:
            return replace(player, closed=True)
    return player


def seek(player: Player, frame: int) -> Player:
    """Pause at `frame`, or at the clip's end that is nearest to it."""
    return replace(player, position=float(min(max(frame, 0), player.n_frames - 1)), playing=False)


def advance(player: Player, seconds: float) -> Player:
    """The state after so much time: playing goes on, and begins again after the last frame."""
    if not player.playing:
        return player
    frames = min(max(seconds, 0.0), LONGEST_STEP_S) * player.fps * player.speed
    return replace(player, position=(player.position + frames) % player.n_frames)


def key_help() -> list[tuple[str, str]]:
    """Keys and what they do, a line each, then the mouse."""
    return [(" or ".join(keys), action.value) for action, keys in BINDINGS] + list(MOUSE)
