"""Training: goes on as if nothing had happened, does not depend on the number of processes, and learns."""

import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from fitter.errors import HandfitError, InputError
from fitter.hand import HandModel
from priors.network.checkpoint import About, load_checkpoint, read_about, save_checkpoint
from priors.network.network import HandNetwork
from priors.train.config import Training, save_training
from priors.train.learner import learning_rate
from priors.train.loop import STATE, WEIGHTS, Run, train
from priors.train.saved import load_state
from priors.train.supervised import Supervision
from tests.small_training import SMALL, fast, small_training

REPOSITORY = Path(__file__).parents[1]

# Where the second checkpoint is: in the middle of a step, and between writing it and giving it its name.
MOMENTS = {
    "within a step": """
from priors.train.learner import Learner
step = Learner.step
def stopped(self, drawn, fabric):
    return step(self, drawn, fabric) if self.done < 7 else os.kill(os.getpid(), signal.SIGKILL)
Learner.step = stopped
""",
    "while writing": """
replace = os.replace
def stopped(source, target):
    count = sum(path.name == "training.pt" for path in Path(target).parent.iterdir())
    os.kill(os.getpid(), signal.SIGKILL) if count and str(target).endswith("training.pt") else replace(source, target)
os.replace = stopped
""",
}


def run_in(folder: Path, resume: bool = False) -> Run:
    return Run(folder, resume=resume, quiet=True, device="cpu")


def same(ours: object, theirs: object) -> bool:
    """Equal to the last bit, whatever is nested in it."""
    if isinstance(ours, Tensor):
        return isinstance(theirs, Tensor) and torch.equal(ours, theirs)
    if isinstance(ours, Mapping):
        return (
            isinstance(theirs, Mapping) and ours.keys() == theirs.keys() and all(same(ours[k], theirs[k]) for k in ours)
        )
    if isinstance(ours, list | tuple):
        return isinstance(theirs, list | tuple) and len(ours) == len(theirs) and all(map(same, ours, theirs))
    return ours == theirs


def curve(folder: Path, name: str = "train/loss") -> dict[int, float]:
    """What TensorBoard would show."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return {event.step: event.value for event in events.Scalars(name)}


@pytest.fixture(scope="module")
def whole(anny: HandModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that nobody disturbed; `anny` so that its conversion is not timed here."""
    folder = tmp_path_factory.mktemp("whole")
    train(small_training(10), run_in(folder))
    return folder


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_a_training_killed_at_any_moment_goes_on_bit_for_bit(whole: Path, tmp_path: Path, moment: str) -> None:
    config, folder = tmp_path / "config.yaml", tmp_path / "killed"
    save_training(small_training(10), config)
    words = [str(config), "--output", str(folder), "--quiet", "--device", "cpu"]
    source = (
        f"import os, signal\nfrom pathlib import Path\n{moment}\nfrom priors.train.__main__ import main\nmain({words})"
    )
    killed = subprocess.run([sys.executable, "-c", source], cwd=REPOSITORY, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert load_state(folder / STATE).step == 4
    train(small_training(10), run_in(folder, resume=True))
    ours, theirs = load_state(folder / STATE), load_state(whole / STATE)
    assert ours.step == 10 and same(vars(ours), vars(theirs))
    assert curve(folder) == curve(whole) and len(curve(whole)) == 10
    assert not list(folder.glob(".*partial*"))


def test_two_processes_do_what_one_does_with_twice_the_batch(whole: Path, tmp_path: Path) -> None:
    """Each takes half of every batch: sums in another order, which is all that may differ."""
    config, folder = tmp_path / "config.yaml", tmp_path / "two"
    save_training(small_training(10), config)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words = ["-m", "priors.train", str(config), "--output", str(folder), "--quiet", "--device", "cpu"]
    done = subprocess.run([*launch, *words], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    one, two = curve(whole), curve(folder)
    assert one.keys() == two.keys()
    assert [two[step] for step in range(5)] == pytest.approx([one[step] for step in range(5)], rel=1e-5)
    # Rounding grows with the steps, through Adam's division by small gradients.
    assert list(two.values()) == pytest.approx(list(one.values()), rel=1e-4)


def test_the_loss_falls_and_the_hands_get_nearer(tmp_path: Path) -> None:
    short = train(fast(small_training(1)), run_in(tmp_path / "short"))
    long = train(fast(small_training(150, batch=64, save_every=1000)), run_in(tmp_path / "long"))
    losses = list(curve(tmp_path / "long").values())
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])
    assert long["mixed/mpjpe_mm"] < 0.7 * short["mixed/mpjpe_mm"]
    assert long["mixed/oracle_pa_mpjpe_mm"] <= long["mixed/pa_mpjpe_mm"]


def test_batches_drawn_ahead_are_the_same(whole: Path, tmp_path: Path) -> None:
    train(replace(small_training(10), ahead=2), run_in(tmp_path))
    assert same(load_state(tmp_path / STATE).network, load_state(whole / STATE).network)


def test_what_is_kept_is_the_averaged_weights_and_how_they_came_to_be(whole: Path) -> None:
    network, about, state = load_checkpoint(whole / WEIGHTS), read_about(whole / WEIGHTS), load_state(whole / STATE)
    assert torch.equal(network.pose.weight, state.average["pose.weight"].half().float())
    assert not torch.equal(state.average["pose.weight"], state.network["pose.weight"])
    assert about.step == 10 and about.config == state.config
    assert set(about.figures) == {
        f"{case}/{metric}"
        for case in ("mixed", "depth", "no_depth")
        for metric in ("pa_mpjpe_mm", "mpjpe_mm", "oracle_pa_mpjpe_mm")
    }


def test_a_loss_that_is_no_number_stops_and_keeps_what_was_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts, calls = Supervision.parts, []

    def breaking(*given: object) -> dict[str, Tensor]:
        calls.append(1)
        made = parts(*given)  # pyright: ignore[reportArgumentType]
        return made if len(calls) <= 6 else {**made, "place": made["place"] * torch.nan}

    monkeypatch.setattr(Supervision, "parts", breaking)
    with pytest.raises(HandfitError, match=r"^step 6: the loss \(hands/place\) is no longer a number"):
        train(small_training(10), run_in(tmp_path))
    assert load_state(tmp_path / STATE).step == 4
    assert all(bool(torch.isfinite(value).all()) for value in load_state(tmp_path / STATE).network.values())


def test_a_folder_with_a_training_is_not_overwritten(whole: Path) -> None:
    with pytest.raises(InputError, match="--resume goes on"):
        train(small_training(10), run_in(whole))


def test_another_configuration_does_not_go_on(whole: Path) -> None:
    with pytest.raises(InputError, match="another objectives.hands.batch, steps; --resume needs the same"):
        train(small_training(12, batch=16), run_in(whole, resume=True))


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04nonsense"])
def test_a_damaged_state_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / STATE).write_bytes(content)
    with pytest.raises(InputError, match="expected the state of a training"):
        train(small_training(10), run_in(tmp_path, resume=True))


def test_a_state_that_would_execute_something_is_refused(tmp_path: Path) -> None:
    torch.save({"format": Path("/")}, tmp_path / STATE)
    with pytest.raises(InputError, match="expected the state of a training"):
        load_state(tmp_path / STATE)


def test_a_start_of_another_architecture_is_refused(anny: HandModel, tmp_path: Path) -> None:
    start, other = tmp_path / "start.safetensors", replace(SMALL, width=16)
    save_checkpoint(start, HandNetwork(other, anny.joint_axes), About())
    config = replace(small_training(2), start=start)
    with pytest.raises(InputError, match=r"start.safetensors: made with another architecture.*width=32.*got.*width=16"):
        train(config, run_in(tmp_path / "out"))
    train(replace(config, architecture=other), run_in(tmp_path / "out"))
    assert load_state(tmp_path / "out" / STATE).step == 2


def test_data_that_no_objective_reads_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--data .*: no objective of this configuration reads clips"):
        train(small_training(1), Run(tmp_path, data=(tmp_path,), quiet=True, device="cpu"))


def test_the_rate_rises_to_its_peak_and_falls_to_nothing() -> None:
    optimiser = Training().optimiser
    rates = [learning_rate(optimiser, step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(optimiser.peak_rate * optimiser.first_rate_ratio)
    assert max(rates) == rates[5] == optimiser.peak_rate
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[-1] == pytest.approx(optimiser.peak_rate * optimiser.last_rate_ratio)
