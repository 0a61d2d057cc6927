"""A dozen numbers meet skins that they were not made from; the stored space is small and belongs to its layout."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from fitter.errors import InputError
from priors.synthetic.skin_space import (
    COMPONENTS,
    TEXELS,
    WEIGHTS,
    SkinSpace,
    covered_texels,
    nearest_covered,
    psnr_db,
    random_textures,
)
from tests.small_bank import model


@pytest.fixture(scope="module")
def space() -> SkinSpace:
    return SkinSpace.load(WEIGHTS)


def test_it_is_small_and_in_the_layout_of_the_default_hand(space: SkinSpace) -> None:
    assert WEIGHTS.stat().st_size <= 300_000
    assert space.components == COMPONENTS and space.layout == model().name == "anny"
    assert torch.equal(space.covered, covered_texels(model()))


def test_it_meets_new_skins(space: SkinSpace) -> None:
    """36 dB on average over 100 of them, as its maker reports."""
    textures = random_textures(np.random.default_rng(987), model(), 6)
    assert float(psnr_db(space, textures).min()) > 32.0
    assert float(psnr_db(space, textures).mean()) > float(psnr_db(space.truncated(3), textures).mean()) + 1.0


def test_coefficients_come_back(space: SkinSpace) -> None:
    coefficients = torch.randn(2, 3, COMPONENTS) * 0.5
    textures = space.texture_of(coefficients)
    assert textures.shape == (2, 3, TEXELS, TEXELS, 3)
    unclipped = (textures < 1.0).flatten(2).all(-1)
    assert unclipped.any()
    torch.testing.assert_close(space.coefficients_of(textures)[unclipped], coefficients[unclipped], atol=5e-3, rtol=0.0)


def test_random_skins_have_coefficients_of_variance_one() -> None:
    textures = random_textures(np.random.default_rng(1), model(), 10)
    own = SkinSpace.of(textures, covered_texels(model()), "anny").truncated(5)
    coefficients = own.coefficients_of(textures)
    torch.testing.assert_close(coefficients.mean(0), torch.zeros(5), atol=1e-3, rtol=0.0)
    torch.testing.assert_close(coefficients.std(0), torch.ones(5), atol=1e-3, rtol=0.0)


def test_textures_can_be_differentiated(space: SkinSpace) -> None:
    few = space.to(dtype=torch.float64)
    coefficients = torch.zeros(COMPONENTS, dtype=torch.float64, requires_grad=True)
    few.texture_of(coefficients)[::9, ::9].sum().backward()
    assert coefficients.grad is not None and bool((coefficients.grad != 0).all())


def test_texels_off_the_layout_repeat_their_nearest() -> None:
    covered = np.zeros((4, 4), bool)
    covered[0, 0], covered[3, 3] = True, True
    nearest = nearest_covered(covered)
    assert nearest[0, 1] == nearest[1, 0] == 0 and nearest[3, 2] == nearest[2, 3] == 1


@pytest.mark.parametrize("content", [None, b"", b"not tensors at all"])
def test_what_is_no_skin_space_is_one_sentence(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "skins.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="not a skin space"):
        SkinSpace.load(path)


def test_tensors_of_other_shapes_are_told(tmp_path: Path) -> None:
    path = tmp_path / "skins.safetensors"
    covered = torch.ones(2, 2, dtype=torch.bool)
    save_file({"mean": torch.zeros(3, 3), "basis": torch.zeros(2, 4, 3), "covered": covered}, path, {"layout": "anny"})
    with pytest.raises(InputError, match=r"expected \(4, 3\) and \(components, 4, 3\)"):
        SkinSpace.load(path)


def test_what_is_saved_is_loaded(tmp_path: Path, space: SkinSpace) -> None:
    space.truncated(4).save(tmp_path / "four.safetensors")
    again = SkinSpace.load(tmp_path / "four.safetensors")
    torch.testing.assert_close(again.basis, space.basis[:4])
    assert again.layout == space.layout and [path.name for path in tmp_path.iterdir()] == ["four.safetensors"]
