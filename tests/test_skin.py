"""The painted skin is in the range of skins, lighter inside the hand than on its back, and has nails."""

import numpy as np
import pytest
import torch

from fitter.hand import HandModel
from priors.synthetic.skin import Skin, albedo, nails, paint_texture, spread_outwards
from tests.toy_hand import JOINTS_M

JOINTS = torch.from_numpy(JOINTS_M)


def at(point: list[float], normal: list[float], skin: Skin) -> np.ndarray:
    return albedo(skin, JOINTS, torch.tensor([point]).double(), torch.tensor([normal]).double())[0]


@pytest.mark.parametrize("seed", range(5))
def test_albedos_are_skins(anny: HandModel, seed: int) -> None:
    texture = paint_texture(Skin.random(np.random.default_rng(seed)), anny, size=64)
    assert texture.shape == (64, 64, 3) and np.isfinite(texture).all()
    assert 0.01 <= texture.min() and texture.max() <= 0.95
    red, green, blue = texture.reshape(-1, 3).mean(0)
    assert red > green > blue  # haemoglobin and melanin both spare red light the most


def test_the_palm_is_lighter_than_the_back_and_tips_redder() -> None:
    skin = Skin(back=np.array([0.3, 0.17, 0.1]), palm=np.array([0.5, 0.34, 0.27]), flush=1.0, seed=0)
    back, palm = at([-0.05, 0.02, 0.0], [0, 1, 0], skin), at([-0.05, -0.02, 0.0], [0, -1, 0], skin)
    assert palm.mean() > back.mean() * 1.3
    tip, shaft = at([-0.186, -0.008, 0.003], [0, -1, 0], skin), at([-0.115, -0.008, 0.003], [0, -1, 0], skin)
    assert tip[0] / tip[1] > shaft[0] / shaft[1] * 1.05


def test_every_digit_has_a_nail_on_its_back(anny: HandModel) -> None:
    from fitter.render.shading import vertex_normals

    normals = vertex_normals(anny.template, anny.faces)
    plate, rim = nails(anny.joints, anny.template.numpy(), normals.numpy())
    nearest = torch.cdist(anny.template[torch.from_numpy(plate > 0.5)], anny.joints[4::4]).argmin(1)
    assert set(nearest.tolist()) == {0, 1, 2, 3, 4}
    assert ((plate >= 0) & (plate <= 1) & (rim >= 0) & (rim <= 1)).all()


def test_texels_off_the_layout_take_the_nearest_colour() -> None:
    texture, covered = np.zeros((5, 6, 3)), np.zeros((5, 6), bool)
    covered[2, 1], covered[2, 4] = True, True
    texture[2, 1], texture[2, 4] = [1, 0, 0], [0, 0, 1]
    filled = spread_outwards(texture, covered)
    assert (filled[:, :2] == [1, 0, 0]).all() and (filled[:, 4:] == [0, 0, 1]).all()


def test_equal_seeds_give_equal_skins_and_others_do_not(anny: HandModel) -> None:
    one, same, other = (paint_texture(Skin.random(np.random.default_rng(seed)), anny, size=32) for seed in (3, 3, 4))
    assert (one == same).all() and np.abs(one - other).mean() > 0.01
