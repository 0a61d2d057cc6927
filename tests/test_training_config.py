"""The configuration of a training: the file's values are the defaults, and mistakes are named."""

from dataclasses import fields
from pathlib import Path

import pytest

from fitter.config.structure import to_mapping
from fitter.energy import Energy
from fitter.errors import InputError
from priors.train.config import Training, load_training, save_training
from priors.train.self_supervised import S2HAND

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


@pytest.mark.parametrize("name", ["s2hand.yaml", "s2hand_video.yaml"])
def test_self_supervision_is_configured_to_the_last_term(name: str) -> None:
    """Every term of the engine stands in the file, on or off: one that is left out would be on."""
    path = DEFAULT.with_name(name)
    clips = load_training(path).objectives.clips
    assert clips is not None
    told = path.read_text().split("energy:")[1].split("agreement:")[0]
    written = {line.split(":")[0].strip() for line in told.splitlines()[1:] if ":" in line}
    assert written == {each.name for each in fields(Energy)}
    on = {each.name for each in fields(Energy) if getattr(clips.self_supervision.energy, each.name) is not None}
    assert on == {"photometric", "joint_positions", *S2HAND.terms()}
    assert clips.self_supervision.frames == (1 if name == "s2hand.yaml" else 8)
    assert (clips.self_supervision.motion is None) == (name == "s2hand.yaml")
