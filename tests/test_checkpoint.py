"""Weights in a file: the same network afterwards, and one sentence for any other file."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from fitter.errors import InputError
from fitter.hand import HandModel
from priors.network.checkpoint import FORMAT, KEY, About, load_checkpoint, read_about, save_checkpoint
from priors.network.network import HandNetwork
from priors.synthetic.hands import RandomHands
from tests.small_training import SMALL

SMALL_PLAIN = asdict(SMALL)


@pytest.fixture
def network(anny: HandModel) -> HandNetwork:
    torch.manual_seed(0)
    return HandNetwork(SMALL, anny.joint_axes)


@pytest.fixture
def path(network: HandNetwork, tmp_path: Path) -> Path:
    file = tmp_path / "weights.safetensors"
    save_checkpoint(file, network, About("the command", 7, {"seed": 1}, {"mixed/mpjpe_mm": 12.5}))
    return file


def rewritten(path: Path, tensors: dict[str, Tensor], architecture: object = SMALL_PLAIN, form: str = FORMAT) -> Path:
    """The same file with other contents."""
    save_file(tensors, path, metadata={KEY: json.dumps({"format": form, "architecture": architecture})})
    return path


def test_the_network_is_the_same_afterwards(network: HandNetwork, path: Path, anny: HandModel) -> None:
    loaded, model = load_checkpoint(path), anny.to(dtype=torch.float32)
    assert loaded.architecture == SMALL and not loaded.training
    assert {value.dtype for value in loaded.state_dict().values()} == {torch.float32}
    assert not any(value.requires_grad for value in loaded.parameters())
    sight = RandomHands(model, model.landmarks).batch(0, 4).sight
    before, after = network(sight), loaded(sight)
    # Half precision keeps 11 bits of each weight.
    assert torch.allclose(before.rotations, after.rotations, atol=5e-3)
    assert torch.equal(network.mean_pose, loaded.mean_pose)
    assert {value.dtype for name, value in load_file(path).items() if name != "mean_pose"} == {torch.float16}


def test_a_file_says_how_it_was_made(path: Path) -> None:
    assert read_about(path) == About("the command", 7, {"seed": 1}, {"mixed/mpjpe_mm": 12.5})


def test_saving_twice_gives_the_same_bytes(network: HandNetwork, path: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.safetensors"
    save_checkpoint(again, network, read_about(path))
    assert again.read_bytes() == path.read_bytes()


def test_a_file_that_is_absent_cut_or_nonsense_is_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent.safetensors does not exist: expected the weights"):
        load_checkpoint(tmp_path / "absent.safetensors")
    content = path.read_bytes()
    for damaged in (b"", b"nonsense", content[: len(content) // 2], content[:20] + b"\xff" * 40 + content[60:]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"weights.safetensors: expected .*not readable"):
            load_checkpoint(path)
        with pytest.raises(InputError, match=r"weights.safetensors: expected .*not readable"):
            read_about(path)
    with pytest.raises(InputError, match="expected the weights of a network"):
        load_checkpoint(tmp_path)


def test_another_format_is_refused(path: Path) -> None:
    tensors = load_file(path)
    with pytest.raises(InputError, match=f"expected weights in the format {FORMAT}, got something-9"):
        load_checkpoint(rewritten(path, tensors, form="something-9"))
    save_file(tensors, path)
    with pytest.raises(InputError, match="got a file without a format"):
        load_checkpoint(path)
    save_file(tensors, path, metadata={KEY: "{not JSON"})
    with pytest.raises(InputError, match="expected a header as JSON"):
        load_checkpoint(path)


def test_another_architecture_is_refused(path: Path) -> None:
    wider = asdict(replace(SMALL, width=64))
    with pytest.raises(InputError, match=r"tensor [\w.]+: expected the shape \(.*\), got \("):
        load_checkpoint(rewritten(path, load_file(path), architecture=wider))
    deeper = asdict(replace(SMALL, blocks=2))
    with pytest.raises(InputError, match=r"tensor trunk[\w.]+ is missing, the checkpoint is of another architecture"):
        load_checkpoint(rewritten(path, load_file(path), architecture=deeper))
    for wrong, sentence in (
        (None, "architecture: expected a section with keys, got null"),
        ({"widht": 3}, "architecture: widht: unknown key, did you mean width?"),
        ({**SMALL_PLAIN, "width": 10**9}, "expected an architecture with sizes from 1 to"),
        ({**SMALL_PLAIN, "blocks": 0}, "expected an architecture with sizes from 1 to"),
        ({**SMALL_PLAIN, "channels": [8, 9, 8, 8]}, "no network has the architecture"),
    ):
        with pytest.raises(InputError, match=sentence.replace("?", r"\?")):
            load_checkpoint(rewritten(path, load_file(path), architecture=wrong))


def test_missing_and_unknown_tensors_are_refused(path: Path) -> None:
    tensors = load_file(path)
    less = {name: value for name, value in tensors.items() if name != "rest.bias"}
    with pytest.raises(InputError, match="tensor rest.bias is missing"):
        load_checkpoint(rewritten(path, less))
    with pytest.raises(InputError, match="tensor more is unknown"):
        load_checkpoint(rewritten(path, {**tensors, "more": torch.zeros(2)}))


@pytest.mark.parametrize("value", [torch.inf, torch.nan])
def test_weights_that_are_not_finite_are_refused(path: Path, value: float) -> None:
    tensors = load_file(path)
    tensors["rest.bias"][3] = value
    with pytest.raises(InputError, match="tensor rest.bias: expected finite weights"):
        load_checkpoint(rewritten(path, tensors))


def test_weights_beyond_half_precision_are_not_written(network: HandNetwork, tmp_path: Path) -> None:
    with torch.no_grad():
        network.rest.bias[0] = 1e6
    with pytest.raises(InputError, match="tensor rest.bias: expected finite weights"):
        save_checkpoint(tmp_path / "weights.safetensors", network, About())
    assert not list(tmp_path.iterdir())
