"""A source's landmarks are offsets from the joints that grow with the hand; unknown sources see the joints."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from fitter.observe import landmarks as landmarks_module
from fitter.observe.landmarks import landmarks_of, measured_offsets, offset_landmarks
from tests.toy_problem import toy_hand


def offsets() -> np.ndarray:
    return np.random.default_rng(0).normal(scale=2.0, size=(21, 3))  # percent of the hand's length


def test_no_offset_is_the_model_itself() -> None:
    model = toy_hand()
    same = offset_landmarks(model, np.zeros((21, 3)))
    assert torch.equal(same.template, model.joints) and torch.equal(same.shape_basis, model.joints_shape_basis)


def test_offsets_are_percent_of_the_hands_length() -> None:
    model = toy_hand()
    moved = offset_landmarks(model, offsets())
    zero = torch.zeros(model.n_betas, dtype=torch.float64)
    expected = torch.from_numpy(offsets()) / 100.0 * model.hand_length(zero)
    assert torch.allclose(moved.template - model.joints, expected)
    assert 0.001 < float(expected.norm(dim=-1).mean()) < 0.02


@pytest.mark.parametrize("beta", [-2.0, 1.0, 3.0])
def test_offsets_grow_with_the_hand(beta: float) -> None:
    model = toy_hand()
    moved = offset_landmarks(model, offsets())
    betas = torch.zeros(model.n_betas, dtype=torch.float64)
    betas[0] = beta  # which stretches every bone by 6 %
    shaped = model.with_shape(betas)
    apart = moved.with_shape(betas) - shaped.joints
    share = apart / model.hand_length(betas)
    assert torch.allclose(share, torch.from_numpy(offsets()) / 100.0, rtol=1e-9)
    assert float(model.hand_length(betas)) != pytest.approx(float(model.hand_length(0 * betas)), rel=0.01)


def test_a_source_without_measured_offsets_sees_the_joints() -> None:
    model = toy_hand()
    assert measured_offsets(model, "nobody") is None
    assert torch.equal(landmarks_of(model, "nobody").template, model.joints)


def test_measured_offsets_belong_to_a_source_and_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "offsets.json"
    file.write_text(json.dumps({"camera_club on toy": {"command": "none", "offsets_percent": offsets().tolist()}}))
    monkeypatch.setattr(landmarks_module, "OFFSETS_FILE", file)
    model = toy_hand()
    expected = offset_landmarks(model, offsets())
    assert torch.allclose(landmarks_of(model, "camera_club").template, expected.template)
    assert torch.equal(landmarks_of(model, "other").template, model.joints)


def test_the_stored_offsets_are_small_and_say_how_they_were_made() -> None:
    stored = json.loads(landmarks_module.OFFSETS_FILE.read_text())
    for name, entry in stored.items():
        percent = np.array(entry["offsets_percent"])
        assert percent.shape == (21, 3) and np.abs(percent).max() < 15.0, name
        assert "python" in json.dumps(entry), f"{name}: the command that estimated it is missing"
