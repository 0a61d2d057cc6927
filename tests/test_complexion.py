"""Complexions change the skin where they say, and nothing else."""

from dataclasses import replace

import numpy as np
import torch

from priors.synthetic.complexion import Complexion, paint_person
from priors.synthetic.skin import Skin, paint_texture
from tests.small_bank import model

NONE = np.zeros(3)
PLAIN = Complexion(NONE, NONE, NONE, NONE, NONE, polish=None)
SKIN = Skin.random(np.random.default_rng(0))


def changed(complexion: Complexion, point: list[float], normal: list[float]) -> np.ndarray:
    """What becomes of grey 0.3 at one rest point of the mean hand."""
    points, normals = torch.tensor([point]).double(), torch.tensor([normal]).double()
    return complexion.changed(np.full((1, 3), 0.3), model().joints, points, normals)[0]


def test_a_plain_complexion_is_the_skin_itself() -> None:
    np.testing.assert_array_equal(paint_person(SKIN, PLAIN, model(), 64), paint_texture(SKIN, model(), 64))


def test_changes_are_where_they_belong() -> None:
    joints = model().joints.tolist()
    back, front = [0.0, 1.0, 0.0], [0.0, -1.0, 0.0]
    darker = np.array([-0.2, -0.3, -0.4])
    middle = [0.6 * x + 0.4 * y for x, y in zip(joints[9], joints[0], strict=True)]
    for name, at, facing, elsewhere, facing_elsewhere in (
        ("palm", middle, front, middle, back),
        ("knuckles", joints[9], back, joints[9], front),
        ("tips", joints[12], back, middle, back),
        ("wrist", joints[0], back, joints[9], back),
    ):
        complexion = replace(PLAIN, **{name: darker})
        np.testing.assert_allclose(changed(complexion, elsewhere, facing_elsewhere), 0.3, rtol=0.02, err_msg=name)
        np.testing.assert_allclose(changed(complexion, at, facing), 0.3 * np.exp(darker), rtol=0.05, err_msg=name)
    np.testing.assert_allclose(changed(replace(PLAIN, everywhere=darker), middle, back), 0.3 * np.exp(darker))


def test_polish_is_on_the_nails() -> None:
    polish = np.array([0.05, 0.6, 0.1])
    bare, painted = (paint_person(SKIN, one, model(), 128) for one in (PLAIN, replace(PLAIN, polish=polish)))
    share = (np.abs(painted - polish) < 0.02).all(-1).mean()
    assert 0.001 < share < 0.05
    assert (bare == painted).all(-1).mean() > 0.9


def test_random_complexions_stay_albedos_and_differ() -> None:
    skins = [paint_person(SKIN, Complexion.random(np.random.default_rng(seed)), model(), 32) for seed in range(12)]
    assert min(one.min() for one in skins) >= 0.01 and max(one.max() for one in skins) <= 0.95
    assert np.stack(skins).mean((1, 2)).std(0).min() > 0.01
