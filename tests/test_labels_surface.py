"""Masks and joints in sight, on a hand whose answer is plain to see."""

import numpy as np
import pytest

from fitter.export.labels import FORMATS
from fitter.export.labels.gates import Gates, judge
from fitter.export.labels.source import Plan, images_of
from fitter.export.labels.surface import look_at
from fitter.skeleton import FINGERTIPS
from tests.labelled_results import make_result


def first_image(made):
    plan = Plan(0, made.source(), judge(made.result, made.diagnostics, Gates()), FORMATS["interhand"], "frames", 224)
    return next(images_of(plan, 0))


@pytest.fixture(scope="module")
def apart(anny):
    return make_result(anny)


def test_a_mask_covers_its_hand_and_not_the_other(apart):
    image = first_image(apart)
    surface = look_at(image)
    assert len(image.hands) == 2
    for row, hand in enumerate(image.hands):
        inner = np.delete(hand.keypoints_px, [0, *FINGERTIPS], axis=0)  # these lie on the outline
        columns, rows = inner.astype(int).T
        assert surface.mask(row)[rows, columns].all()
        assert not surface.mask(1 - row)[rows, columns].any()


def test_open_hands_apart_show_nearly_all_joints(apart):
    image = first_image(apart)
    surface = look_at(image)
    assert all(surface.visible(row).sum() >= 18 for row in range(2))


def test_a_hand_behind_another_is_hidden(apart):
    """The left hand's own mesh, moved to stand before the right hand, hides it."""
    joints, vertices = apart.result.joints_m.copy(), apart.result.vertices_m.copy()
    joints[0], vertices[0] = 0.8 * joints[1], 0.8 * vertices[1]  # nearer by a fifth, over the same pixels
    changed = apart.with_result(joints_m=joints, vertices_m=vertices)
    image = first_image(changed)
    surface = look_at(image)
    assert image.hands[0].side == "left" and surface.visible(0).sum() >= 18
    assert surface.visible(1).sum() <= 4


def test_a_joint_outside_the_image_is_not_in_sight(apart):
    image = first_image(apart)
    hand = image.hands[0]
    assert hand.inside((10, 10)).sum() == 0 and hand.inside(image.size).all()
