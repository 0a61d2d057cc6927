"""Our state and MANO's parameters: there and back, in any batch, and for the other hand."""

import pytest
import roma
import torch

from fitter.hand.mano import load_mano
from fitter.hand.mirror import mirror_points, mirror_rotations
from fitter.hand.model import HandModel
from fitter.hand.parameters import parameters_of, pose_hand, translation_from_wrist, wrist_from_translation
from tests.synthetic_mano import synthetic_mano, write_plain_pickle


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> HandModel:
    folder = tmp_path_factory.mktemp("mano")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        return load_mano(write_plain_pickle(folder / "MANO_RIGHT.pkl", synthetic_mano("right")))


@pytest.mark.parametrize("batch", [(), (1,), (3, 1, 2)])
def test_there_and_back(model, batch):
    generator = torch.Generator().manual_seed(0)
    betas = torch.randn(*batch, 10, dtype=torch.float64, generator=generator)
    wrist = torch.randn(*batch, 5, 3, dtype=torch.float64, generator=generator)
    rotations = roma.rotvec_to_rotmat(torch.randn(*batch, 5, 16, 3, dtype=torch.float64, generator=generator))
    posed = model.with_shape(betas).with_pose(rotations, wrist)
    parameters = parameters_of(posed)
    assert parameters.pose.shape == (*batch, 5, 48) and parameters.translation_m.shape == (*batch, 5, 3)
    again = pose_hand(model, parameters)
    torch.testing.assert_close(again.joints, posed.joints)
    torch.testing.assert_close(again.mesh().vertices, posed.mesh().vertices)


def test_the_translation_is_the_wrist_less_the_shaped_wrist_joint(model):
    shaped = model.with_shape(torch.linspace(-2, 2, 10, dtype=torch.float64))
    wrist = torch.tensor([[0.1, -0.2, 0.7]], dtype=torch.float64)
    translation = translation_from_wrist(shaped, wrist)
    torch.testing.assert_close(translation[0], wrist[0] - shaped.joints[0])
    assert (shaped.joints[0] - model.joints[0]).norm() > 1e-3  # the wrist joint moves with the shape
    torch.testing.assert_close(wrist_from_translation(shaped, translation), wrist)


def test_a_hand_at_rest_has_zero_parameters(model):
    shaped = model.with_shape(torch.zeros(10, dtype=torch.float64))
    posed = shaped.with_pose(torch.eye(3, dtype=torch.float64).expand(1, 16, 3, 3), shaped.joints[:1])
    parameters = parameters_of(posed)
    assert parameters.pose.abs().max() == 0 and parameters.translation_m.abs().max() == 0
    torch.testing.assert_close(posed.mesh().vertices[0], model.template)


def test_mirrored_parameters(model):
    rotations = roma.random_rotmat((2, 16), dtype=torch.float64)
    posed = model.with_shape(torch.ones(10, dtype=torch.float64)).with_pose(rotations, torch.ones(2, 3).double())
    parameters = parameters_of(posed)
    left = parameters.mirrored()
    torch.testing.assert_close(roma.rotvec_to_rotmat(left.pose.unflatten(-1, (16, 3))), mirror_rotations(rotations))
    torch.testing.assert_close(left.translation_m, mirror_points(parameters.translation_m))
    assert torch.equal(left.betas, parameters.betas)
    torch.testing.assert_close(left.mirrored().pose, parameters.pose)
