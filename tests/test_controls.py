"""The mouse and the keys do what is drawn where they act."""

from dataclasses import replace

import numpy as np
import pytest

from fitter.visualize.viewer.controls import RADIANS_PER_HEIGHT, Session, handle
from fitter.visualize.viewer.events import RIGHT_BUTTON, Event, Key, Move, Press, Release, Scroll
from fitter.visualize.viewer.panels import Layout, lay_out
from fitter.visualize.viewer.player import Action, Colouring, Player
from fitter.visualize.viewer.viewpoint import around

HOME = around(np.array([0.0, 0.0, 0.5]), 0.8, 0.5, 0.3)
SESSION = Session(Player(n_frames=200, fps=25.0), HOME, HOME)
LAYOUT = lay_out((1000, 700))


def after(*events: Event, session: Session = SESSION, layout: Layout = LAYOUT) -> Session:
    for event in events:
        session = handle(session, event, layout)
    return session


def middle(action: Action) -> Move:
    left, top, right, bottom = dict(LAYOUT.boxes)[action]
    return Move((left + right) / 2, (top + bottom) / 2)


def on_track(share: float) -> Move:
    left, top, right, bottom = LAYOUT.track.box
    return Move(left + share * (right - left), (top + bottom) / 2)


def test_keys_act_and_others_do_nothing() -> None:
    assert after(Key("Right"), Key("Shift+Right"), Key("4")).player.frame == 11
    assert after(Key("4")).player.colouring is Colouring.UNCERTAINTY
    assert after(Key("X"), Key("Enter")) == SESSION
    assert after(Key("Escape")).player.closed


def test_buttons_act_where_they_are_drawn() -> None:
    assert after(middle(Action.PLAY), Press(0), Release()).player.playing
    assert after(middle(Action.SKELETON), Press(0)).player.colouring is Colouring.SKELETON
    assert after(middle(Action.CAMERA), Press(0)).player.from_camera
    assert after(middle(Action.HELP), Press(0), Release(), Move(500.0, 300.0)).player.help
    assert after(Move(995.0, 695.0), Press(0), Move(400.0, 300.0)).view is HOME  # the bar's ground is no handle


def test_the_track_scrubs_while_the_button_is_held() -> None:
    pressed = after(on_track(0.25), Press(0))
    assert pressed.player.frame == 50 and not pressed.player.playing
    dragged = after(on_track(0.7505), Move(5000.0, 0.0), session=pressed)
    assert after(on_track(0.7505), session=pressed).player.frame == 150
    assert dragged.player.frame == 199
    assert after(Release(), on_track(0.1), session=dragged).player.frame == 199


def test_dragging_turns_the_scene_with_the_mouse() -> None:
    start = after(Move(500.0, 300.0), Press(0))
    turned = after(Move(570.0, 335.0), session=start).view
    assert turned.azimuth == pytest.approx(HOME.azimuth - 0.1 * RADIANS_PER_HEIGHT)
    assert turned.elevation == pytest.approx(HOME.elevation + 0.05 * RADIANS_PER_HEIGHT)
    assert after(Release(), Move(900.0, 100.0), session=start).view == HOME


@pytest.mark.parametrize("press", [Press(RIGHT_BUTTON), Press(2), Press(0, shift=True)])
def test_other_drags_shift(press: Press) -> None:
    shifted = after(Move(500.0, 300.0), press, Move(510.0, 300.0)).view
    assert shifted.azimuth == HOME.azimuth and not np.allclose(shifted.target_m, HOME.target_m)


def test_the_wheel_goes_nearer_and_reset_back() -> None:
    near = after(Scroll(2.0))
    assert near.view.distance_m < HOME.distance_m
    assert after(Key("R"), session=near).view is HOME


def test_looking_around_leaves_the_cameras_view() -> None:
    at_camera = after(Key("C"))
    assert at_camera.player.from_camera and after(Scroll(1.0), session=at_camera) == at_camera
    assert not after(Move(500.0, 300.0), Press(0), Move(505.0, 300.0), session=at_camera).player.from_camera
    assert not after(Key("R"), session=at_camera).player.from_camera


def test_a_texture_that_is_not_there_cannot_be_chosen() -> None:
    bare = replace(SESSION, player=replace(SESSION.player, colourings=(Colouring.PLAIN,)))
    assert after(middle(Action.TEXTURE), Press(0), session=bare).player.colouring is Colouring.PLAIN
