"""The configuration of a training: the file's values are the defaults, and mistakes are named."""

from pathlib import Path

import pytest

from fitter.config.structure import to_mapping
from fitter.errors import InputError
from priors.train.config import Training, load_training, save_training

DEFAULT = Path(__file__).parents[1] / "configs" / "train_initializer.yaml"


def test_the_file_holds_the_defaults_and_all_of_them() -> None:
    from fitter.config.strict_yaml import read_yaml

    assert load_training(DEFAULT) == Training()
    assert read_yaml(DEFAULT) == to_mapping(Training())


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    config = Training(seed=3, steps=7, start=Path("weights.safetensors"))
    save_training(config, tmp_path / "config.yaml")
    assert load_training(tmp_path / "config.yaml") == config


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("stepz: 3", "stepz: unknown key, did you mean steps?"),
        ("optimiser: {peak_rate: 0}", "optimiser.peak_rate: expected a number above 0, got 0"),
        ("objectives: {hands: {supervision: {joint: 1}}}", "objectives.hands.supervision.joint: unknown key"),
        ("objectives: {hands: null}", "objectives: expected at least one objective that comes in every step"),
        ("objectives: {hands: {every: 2}}", "objectives: expected at least one objective that comes in every step"),
        ("architecture: {channels: [8, 8]}", "architecture.channels: expected a list of 4, got a list of 2"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        load_training(tmp_path / "config.yaml")
    assert str(caught.value).startswith(f"{tmp_path / 'config.yaml'}: {sentence}")
