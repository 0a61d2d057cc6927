"""What is drawn for a step: from the seed and the step alone, shared evenly, whole again when put together."""

import pytest
import torch

from fitter.errors import InputError
from fitter.hand import HandModel
from priors.synthetic.hands import RandomHands
from priors.train.objective import Turn, Weighted, draw_all
from priors.train.supervised import Supervision
from priors.train.synthetic import SyntheticHands


def test_numbers_differ_by_seed_step_and_stream_and_not_by_process() -> None:
    numbers = [Turn(s, k).number(name) for s in range(3) for k in range(3) for name in ("hands", "torch")]
    assert len(set(numbers)) == len(numbers) and all(0 <= number < 2**63 for number in numbers)
    assert Turn(1, 2, rank=1, world=4).number("hands") == Turn(1, 2).number("hands")


def test_processes_share_a_batch_evenly() -> None:
    assert [Turn(0, 0, rank, 2).mine(6) for rank in range(2)] == [slice(0, 3), slice(3, 6)]
    with pytest.raises(InputError, match="a batch of 7 cannot be shared evenly by 2 processes"):
        Turn(0, 0, 1, 2).mine(7)


def test_slices_of_a_batch_are_the_batch(anny: HandModel) -> None:
    model = anny.to(dtype=torch.float32)
    objective = SyntheticHands(RandomHands(model, model.landmarks), Supervision(), 6, model)
    whole, parts = objective.draw(Turn(0, 3)), [objective.draw(Turn(0, 3, rank, 2)) for rank in range(2)]
    assert torch.equal(whole.truth.joints, torch.cat([part.truth.joints for part in parts]))
    assert torch.equal(whole.sight.keypoints, torch.cat([part.sight.keypoints for part in parts]))
    other = objective.draw(Turn(0, 4))
    assert not torch.equal(whole.truth.joints, other.truth.joints)
    weighted = (Weighted("one", objective), Weighted("two", objective, share=0.5, every=2))
    assert [one.name for one in draw_all(weighted, Turn(0, 3))] == ["one"]
    assert [(one.name, one.share) for one in draw_all(weighted, Turn(0, 4))] == [("one", 1.0), ("two", 0.5)]
