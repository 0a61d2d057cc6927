"""Learning the pose prior: moments with known values, sides, files that are damaged, the one that ships."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from fitter.errors import InputError
from fitter.hand import HandModel
from fitter.hand.joint_axes import HIGHEST_RAD, LOWEST_RAD
from fitter.hand.mirror import mirror_axis_angle
from priors.pose_prior import (
    FLOOR_DEG,
    Moments,
    angles_of,
    fitted_angles,
    learn,
    load_pose_prior,
    made_up_angles,
    moments_of,
    save_pose_prior,
)
from tests.toy_hand import toy_hand

FLOOR_RAD2 = np.radians(FLOOR_DEG) ** 2


def some_moments() -> Moments:
    generator = torch.Generator().manual_seed(0)
    poses = 0.3 * torch.randn(200, 15, 3, generator=generator, dtype=torch.float64)
    return moments_of([poses], [1.0])


def test_the_moments_of_known_angles() -> None:
    poses = torch.zeros(4, 15, 3, dtype=torch.float64)
    poses[:, 0, 2] = torch.tensor([-1.0, 1.0, -1.0, 1.0])
    poses[:, 1, 2] = poses[:, 0, 2] / 2 + 3.0
    moments = moments_of([poses], [1.0])
    assert moments.mean_rad[1, 2] == 3.0 and float(moments.mean_rad.sum()) == 3.0
    pair = moments.covariance_rad2[[2, 5]][:, [2, 5]] - FLOOR_RAD2 * torch.eye(2)
    assert torch.allclose(pair, torch.tensor([[1.0, 0.5], [0.5, 0.25]]).double())
    assert float(moments.covariance_rad2[0, 0]) == pytest.approx(FLOOR_RAD2)


def test_a_set_counts_by_its_share_and_not_by_its_length() -> None:
    short, long = torch.ones(2, 15, 3).double(), torch.zeros(500, 15, 3).double()
    moments = moments_of([short, long], [0.25, 0.75], floor_deg=1.0)
    assert torch.allclose(moments.mean_rad, torch.full((15, 3), 0.25).double())
    assert float(moments.covariance_rad2[0, 1]) == pytest.approx(0.25 * 0.75)


def test_made_up_poses_follow_the_seed_and_lie_within_natural_ranges(anny: HandModel) -> None:
    angles = made_up_angles(anny, 300, seed=1)
    assert torch.equal(angles, made_up_angles(anny, 300, seed=1))
    assert not torch.equal(angles, made_up_angles(anny, 300, seed=2))
    # The thumb's axes differ from the table's, and every joint is loose by a few degrees.
    slack = np.radians(10.0)
    fingers = angles[:, :12].numpy()
    assert (fingers > LOWEST_RAD[:12] - slack).all() and (fingers < HIGHEST_RAD[:12] + slack).all()
    assert float(angles[:, :12, 2].std()) > np.radians(15.0)


def test_a_left_hands_poses_are_learnt_as_a_right_hands(tmp_path: Path) -> None:
    from tests.test_result import make_result

    result = make_result()
    both = fitted_angles(toy_hand(), result)
    assert [len(hand) for hand in both] == result.present.sum(axis=1).tolist()
    for side, hand, pose, present in zip(result.side, both, result.pose, result.present, strict=True):
        vectors = torch.from_numpy(pose[present].astype(np.float64)).unflatten(-1, (16, 3))[:, 1:]
        assert torch.allclose(hand, angles_of(toy_hand(), mirror_axis_angle(vectors) if side == "left" else vectors))


def test_what_is_saved_is_loaded_with_its_command(tmp_path: Path) -> None:
    moments, path = some_moments(), tmp_path / "prior.safetensors"
    save_pose_prior(moments, path, {"command": "python -m priors.pose_prior"})
    prior = load_pose_prior(path)
    assert torch.equal(prior.mean_rad, moments.mean_rad)
    assert torch.allclose(prior.covariance_rad2, moments.covariance_rad2, rtol=1e-9)
    with safe_open(path, framework="pt") as file:
        assert file.metadata() == {"command": "python -m priors.pose_prior"}


def stored(path: Path, **changes: torch.Tensor | None) -> None:
    tensors = {**vars(some_moments()), **changes}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items() if tensor is not None}, path)


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "text": (lambda path: path.write_text("no tensors"), "damaged or no safetensors file"),
    "nothing": (lambda path: path.write_bytes(b""), "damaged or no safetensors file"),
    "a folder": (lambda path: path.mkdir(), "cannot be read|damaged or no safetensors file"),
    "no file": (lambda path: None, "cannot be read"),
    "a name missing": (lambda path: stored(path, mean_rad=None), "holds no mean_rad: expected the mean and covariance"),
    "another shape": (
        lambda path: stored(path, mean_rad=torch.zeros(45)),
        r"mean_rad has shape \(45,\), expected \(15, 3\)",
    ),
    "whole numbers": (lambda path: stored(path, mean_rad=torch.zeros(15, 3).int()), "holds what is no finite number"),
    "NaN": (lambda path: stored(path, mean_rad=torch.full((15, 3), torch.nan)), "holds what is no finite number"),
    "not definite": (lambda path: stored(path, covariance_rad2=-torch.eye(45)), "is no covariance"),
    "not symmetric": (
        lambda path: stored(path, covariance_rad2=torch.eye(45) + torch.eye(45).roll(1, 0).tril()),
        "is no covariance",
    ),
}


@pytest.mark.parametrize("make, sentence", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_file_is_one_sentence(make: Callable[[Path], object], sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "prior.safetensors"
    make(path)
    with pytest.raises(InputError, match=sentence) as caught:
        load_pose_prior(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_cut_file_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "prior.safetensors"
    save_pose_prior(some_moments(), path, {})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="damaged or no safetensors file"):
        load_pose_prior(path)


def test_the_prior_that_ships_says_how_it_was_made_and_knows_hands() -> None:
    from priors.pose_prior import WEIGHTS

    prior = load_pose_prior()
    deviation_deg = prior.covariance_rad2.diagonal().sqrt().rad2deg().reshape(15, 3)
    assert float(deviation_deg.min()) >= FLOOR_DEG and float(deviation_deg.max()) < 60.0
    flexion = (prior.covariance_rad2 / prior.covariance_rad2.diagonal().sqrt().outer(
        prior.covariance_rad2.diagonal().sqrt()))[2::3, 2::3]  # fmt: skip
    assert all(float(flexion[3 * finger + 1, 3 * finger + 2]) > 0.5 for finger in range(4))  # end joints follow
    with safe_open(WEIGHTS, framework="pt") as file:
        metadata = file.metadata()
    assert metadata["command"].startswith("python -m priors.pose_prior") and int(metadata["made_up_poses"]) > 1000
    assert not re.search(r"graph_cnn|fullframe|interhand", metadata["command"])


def test_learning_counts_its_poses(anny: HandModel) -> None:
    moments, counts = learn(replace(anny), [], count=500, seed=3)
    assert counts == {"made_up_poses": "500", "fitted_poses": "0", "hand_model": "anny"}
    assert torch.equal(moments.mean_rad, moments_of([made_up_angles(anny, 500, 3)], [1.0]).mean_rad)
