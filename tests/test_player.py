"""Every key and button leads where the help says; time moves frames; nothing leaves the clip."""

from dataclasses import replace

import pytest

from fitter.visualize.viewer.player import (
    BINDINGS,
    LEAP,
    LONGEST_STEP_S,
    SPEEDS,
    Action,
    Colouring,
    Player,
    act,
    action_of,
    advance,
    key_help,
    seek,
)


def player(**changes: object) -> Player:
    return replace(Player(n_frames=100, fps=25.0), **changes)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("action", "before", "after"),
    [
        (Action.NEXT, 10, 11),
        (Action.BACK, 10, 9),
        (Action.LEAP_ON, 10, 10 + LEAP),
        (Action.LEAP_BACK, 30, 30 - LEAP),
        (Action.FIRST, 10, 0),
        (Action.LAST, 10, 99),
        (Action.NEXT, 99, 99),
        (Action.BACK, 0, 0),
        (Action.LEAP_ON, 95, 99),
        (Action.LEAP_BACK, 4, 0),
    ],
)
def test_steps_stay_in_the_clip_and_pause(action: Action, before: int, after: int) -> None:
    stepped = act(player(position=float(before), playing=True), action)
    assert (stepped.frame, stepped.playing) == (after, False)


def test_a_step_from_between_two_frames_goes_to_a_whole_one() -> None:
    assert act(player(position=10.9), Action.NEXT).position == 11.0
    assert seek(player(), 7).position == 7.0


def test_playing_follows_the_clock_and_the_speed() -> None:
    playing = act(player(position=10.0), Action.PLAY)
    assert advance(playing, 0.2).position == pytest.approx(15.0)
    assert advance(act(playing, Action.FASTER), 0.2).position == pytest.approx(20.0)
    assert advance(act(playing, Action.SLOWER), 0.2).position == pytest.approx(12.5)
    assert advance(act(playing, Action.PLAY), 0.2).position == 10.0


def test_playing_begins_again_after_the_last_frame() -> None:
    playing = player(position=99.0, playing=True)
    assert advance(playing, 0.02).frame == 99
    assert advance(playing, 0.08).frame == 1
    assert all(0 <= advance(playing, 0.001 * step).frame < 100 for step in range(500))


def test_a_long_pause_of_the_machine_is_no_long_jump() -> None:
    assert advance(player(playing=True), 1e6) == advance(player(playing=True), LONGEST_STEP_S)
    assert advance(player(position=3.0, playing=True), -1.0).position == 3.0


def test_speeds_end_at_the_slowest_and_the_fastest() -> None:
    fast = slow = player()
    for _ in range(20):
        fast, slow = act(fast, Action.FASTER), act(slow, Action.SLOWER)
    assert (fast.speed, slow.speed, player().speed) == (SPEEDS[-1], SPEEDS[0], 1.0)


def test_a_colouring_that_the_result_lacks_is_not_chosen() -> None:
    bare = player(colourings=(Colouring.PLAIN, Colouring.SKELETON))
    assert act(bare, Action.TEXTURE).colouring is Colouring.PLAIN
    assert act(bare, Action.SKELETON).colouring is Colouring.SKELETON
    assert act(player(), Action.TEXTURE).colouring is Colouring.TEXTURE


def test_switches_switch_and_reset_leaves_the_camera() -> None:
    for action, name in ((Action.CAMERA, "from_camera"), (Action.FRUSTUM, "frustum"), (Action.HELP, "help")):
        once = act(player(), action)
        assert getattr(once, name) != getattr(player(), name) and act(once, action) == player()
    assert act(player(from_camera=True), Action.RESET) == player()
    assert act(player(), Action.CLOSE).closed


def test_every_action_has_a_key_of_its_own_and_a_line_of_help() -> None:
    keys = [key for _, keys in BINDINGS for key in keys]
    assert len(set(keys)) == len(keys) and {action for action, _ in BINDINGS} == set(Action)
    assert all(action_of(key) is action for action, keys in BINDINGS for key in keys)
    assert action_of("X") is None
    told = dict(key_help())
    assert told["Page Down or Shift+Right"] == "10 frames on" and "drag" in told


def test_a_clip_of_one_frame_plays_in_place() -> None:
    single = Player(n_frames=1, fps=30.0, playing=True)
    assert advance(single, 0.3).frame == 0 and act(single, Action.NEXT).frame == 0
