"""What keys and the mouse do: one state of the whole viewer in, the next one out; no window.

session = handle(session, event, layout)
"""

from dataclasses import dataclass, replace

from fitter.visualize.viewer.events import LEFT_BUTTON, Event, Key, Move, Press, Release, Scroll
from fitter.visualize.viewer.panels import Layout, Track
from fitter.visualize.viewer.player import Action, Player, act, action_of, seek
from fitter.visualize.viewer.viewpoint import Viewpoint, nearer, shifted, turned

# A drag across the window's height turns by half a turn.
RADIANS_PER_HEIGHT = 3.14159
ZOOM_PER_NOTCH = 1.12


@dataclass(frozen=True)
class Drag:
    """A mouse button is held: over the track, or over the scene to turn or to shift it."""

    track: Track | None
    shifts: bool


@dataclass(frozen=True)
class Session:
    """The viewer's whole state. `home` is where RESET goes back to; `view` is not used while `player.from_camera`."""

    player: Player
    view: Viewpoint
    home: Viewpoint
    mouse: tuple[float, float] = (0.0, 0.0)
    drag: Drag | None = None


def handle(session: Session, event: Event, layout: Layout) -> Session:
    """The state after one event."""
    match event:
        case Key(name):
            action = action_of(name)
            return session if action is None else perform(session, action)
        case Press():
            return press(session, event, layout)
        case Release():
            return replace(session, drag=None)
        case Move(x, y):
            return move(session, (x, y), layout)
        case Scroll(amount):
            if session.player.from_camera:
                return session
            return replace(session, view=nearer(session.view, ZOOM_PER_NOTCH**amount))


def perform(session: Session, action: Action) -> Session:
    """The state after a key or a button."""
    view = session.home if action is Action.RESET else session.view
    return replace(session, player=act(session.player, action), view=view)


def press(session: Session, event: Press, layout: Layout) -> Session:
    """A button of the bar acts, the track seeks, and on the scene a drag begins."""
    under = layout.hit(*session.mouse)
    if isinstance(under, Track):
        player = seek(session.player, under.frame_at(session.mouse[0], session.player.n_frames))
        return replace(session, player=player, drag=Drag(under, shifts=False))
    if under is not None:
        return perform(session, under)
    if session.mouse[1] >= layout.top:
        return session
    return replace(session, drag=Drag(None, shifts=event.shift or event.button != LEFT_BUTTON))


def move(session: Session, mouse: tuple[float, float], layout: Layout) -> Session:
    """What is being dragged follows the mouse; dragging the scene leaves the camera's view."""
    before, session = session.mouse, replace(session, mouse=mouse)
    if session.drag is None:
        return session
    if session.drag.track is not None:
        frame = session.drag.track.frame_at(mouse[0], session.player.n_frames)
        return replace(session, player=seek(session.player, frame))
    height = layout.size[1]
    right, down = (mouse[0] - before[0]) / height, (mouse[1] - before[1]) / height
    if session.drag.shifts:
        view = shifted(session.view, right, down)
    else:
        # The scene follows the hand that turns it: the eye goes the other way.
        view = turned(session.view, -right * RADIANS_PER_HEIGHT, down * RADIANS_PER_HEIGHT)
    return replace(session, view=view, player=replace(session.player, from_camera=False))
