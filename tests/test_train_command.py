"""`python -m priors.train`: one sentence for what is wrong, and the options that change the configuration."""

from pathlib import Path

import pytest

from fitter.hand import HandModel
from priors.network.checkpoint import read_about
from priors.train.__main__ import main
from priors.train.config import load_training, save_training
from priors.train.loop import CONFIG, WEIGHTS
from tests.small_training import small_training


@pytest.fixture
def config(tmp_path: Path) -> Path:
    save_training(small_training(50), tmp_path / "small.yaml")
    return tmp_path / "small.yaml"


def test_a_training_from_the_command_line(anny: HandModel, config: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = [str(config), "--output", str(out), "--steps", "3", "--seed", "5", "--device", "cpu", "--quiet"]
    assert main(words) == 0
    resolved = load_training(out / CONFIG)
    assert (resolved.steps, resolved.seed) == (3, 5)
    about = read_about(out / WEIGHTS)
    assert about.step == 3 and about.command == f"python -m priors.train {' '.join(words)}"
    assert main([*words, "--resume"]) == 0  # nothing left to do


def test_mistakes_are_one_sentence_and_status_2(
    anny: HandModel, config: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(b"nonsense")
    for words, sentence in (
        ([str(tmp_path / "absent.yaml")], "cannot be read"),
        ([str(config), "--steps", "0"], "command line: steps: expected a whole number from 1, got 0"),
        ([str(config), "--data", str(tmp_path / "absent")], "does not exist, expected a folder of clips"),
        ([str(config), "--start", str(damaged)], "damaged.safetensors: expected the weights of a network"),
    ):
        assert main([*words, "--output", str(tmp_path / "out"), "--device", "cpu", "--quiet"]) == 2
        said = capfd.readouterr().err.strip().splitlines()
        assert len(said) == 1 and said[0].startswith("handfit: ") and sentence in said[0]
    assert not (tmp_path / "out").exists()
