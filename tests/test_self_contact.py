"""The sentence on fingers in each other names the depth, the fingers and the frames of made-up findings."""

import numpy as np

from fitter.app import self_contact
from fitter.app.self_contact import Contact, look_for_contact, sentence
from fitter.hand.penetration import PART_NAMES, Penetration
from tests.test_self_collision import crossed, scene_of


def found(depths: list[float]) -> Contact:
    deepest = np.array(depths)
    parts = np.tile([PART_NAMES.index("index"), PART_NAMES.index("thumb")], (len(depths), 1))
    return Contact(10 * np.arange(len(depths)), Penetration(deepest, deepest / 2, parts))


def test_nothing_to_complain_of() -> None:
    expected = "right hand: no finger passes more than 3 mm into another or the palm"
    assert sentence("right", found([0.0, 2.9, 0.0])) == expected
    assert sentence("right", found([])) == expected


def test_the_deepest_and_all_noticed_frames_are_named() -> None:
    expected = (
        "the index passes 6.2 mm into the thumb in frame 10; more than 3 mm in 3 of 5 frames looked at (0-10, 40)"
    )
    assert sentence("left", found([4.0, 6.25, 0.0, 0.0, 3.5])) == f"left hand: {expected}"


def test_of_many_runs_the_first_are_named() -> None:
    assert sentence("left", found([4.0, 0.0] * 6)).endswith("(0, 20, 40, 60, ...)")


def test_a_crossed_hand_is_found_in_either_mirror_and_absent_frames_are_left_out(anny) -> None:
    vertices = scene_of(anny, crossed()).vertices.numpy()
    everywhere = np.ones(3, dtype=bool)
    contact = look_for_contact(anny, vertices, everywhere)
    assert contact.noticed.tolist() == [False, True, True]
    assert "the " in sentence("right", contact)
    left = look_for_contact(anny, vertices * [-1.0, 1.0, 1.0], everywhere)
    np.testing.assert_allclose(left.found.deepest_mm, contact.found.deepest_mm, atol=1e-9)
    absent = vertices.copy()
    absent[1] = np.nan
    assert look_for_contact(anny, absent, np.array([True, False, True])).frames.tolist() == [0, 2]


def test_long_clips_are_sampled_to_their_ends(anny, monkeypatch) -> None:
    monkeypatch.setattr(self_contact, "MOST_FRAMES", 3)
    vertices = np.broadcast_to(scene_of(anny, crossed(2)[:1]).vertices.numpy(), (100, len(anny.template), 3))
    frames = look_for_contact(anny, vertices, np.ones(100, dtype=bool)).frames
    assert frames.tolist() == [0, 49, 99]
