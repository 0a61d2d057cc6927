"""A training from its configuration to weights: as many processes as torchrun starts, and any number of restarts.

    train(load_training(Path("configs/train_initializer.yaml")), Run(output=Path("results/training")))

In the output folder: `training.pt` (all that --resume needs), `initializer.safetensors` (the averaged weights, half
precision), `config.yaml`, and TensorBoard's events. A step follows from the seed and its number alone: neither the
number of processes nor a restart changes it.
"""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from fitter.config.structure import to_mapping
from fitter.errors import InputError
from fitter.export.atomic import prepare_folder
from fitter.hand import HandModel
from priors.network.checkpoint import About, load_checkpoint, save_checkpoint
from priors.network.network import HandNetwork
from priors.train.config import Training, save_training
from priors.train.journal import Journal
from priors.train.learner import Learner
from priors.train.objective import Drawn, Turn, Weighted, draw_all
from priors.train.objectives import Sources, objectives_of
from priors.train.saved import load_state, save_state
from priors.train.validation import HeldOut, drawn_hands, validated

if TYPE_CHECKING:
    from lightning_fabric import Fabric

STATE, WEIGHTS, CONFIG = "training.pt", "initializer.safetensors", "config.yaml"


@dataclass(frozen=True)
class Run:
    """Where a training writes, what it reads, and on what: `device` is auto, cpu or cuda."""

    output: Path
    data: tuple[Path, ...] = ()
    resume: bool = False
    quiet: bool = False
    device: str = "auto"
    command: str = ""


def train(config: Training, run: Run) -> dict[str, float]:
    """Train to the end and return the last validation's figures (of the first process; {} of the others).

    Raises InputError for what the input lacks, HandfitError where the loss is no longer a number or the disk is full.
    """
    with _threads(config.threads), _fabric(run.device) as fabric:
        sources = Sources.load(config.model, fabric.device)
        objectives = objectives_of(config, sources, run.data)
        learner = Learner.begin(_network(config, sources.model).to(fabric.device), config)
        _prepare(learner, run, fabric)
        return Loop(config, run, fabric, learner, objectives, sources).run_all()


@dataclass
class Loop:
    """One process's steps."""

    config: Training
    run: Run
    fabric: "Fabric"
    learner: Learner
    objectives: tuple[Weighted, ...]
    sources: Sources

    def run_all(self) -> dict[str, float]:
        """All steps that are left."""
        config, learner, is_first = self.config, self.learner, self.fabric.is_global_zero
        figures: dict[str, float] = {}
        logs = Journal.open(self.run.output, learner.done, config.steps, self.run.quiet)
        with logs if is_first else nullcontext(Journal(None, None)) as journal:
            held_out = HeldOut.draw(self.sources.hands, config.validation.hands, self.fabric.device)
            for drawn in self.lessons():
                torch.manual_seed(Turn(config.seed, learner.done).number(f"torch {self.fabric.global_rank}"))
                told = learner.step(drawn, self.fabric)
                is_last = learner.done == config.steps
                if not is_first:
                    continue
                if learner.done % config.validation.every == 0 and not is_last:
                    figures = self.measure(held_out, journal)
                if (learner.done - 1) % config.log_every == 0 or is_last:
                    journal.learnt(learner.done - 1, told)
                if learner.done % config.save_every == 0 and not is_last:
                    self.save(figures)
            if is_first:  # also where nothing was left to do: a training may be killed after its last step
                figures = self.measure(held_out, journal)
                self.save(figures)
        return figures

    def lessons(self) -> Iterator[tuple[Drawn, ...]]:
        """Those of all steps that are left, drawn ahead in the background."""
        turns = (
            Turn(self.config.seed, step, self.fabric.global_rank, self.fabric.world_size)
            for step in range(self.learner.done, self.config.steps)
        )
        if self.config.ahead == 0:
            yield from (draw_all(self.objectives, turn) for turn in turns)
            return
        set_threads = (torch.set_num_threads, (self.config.threads,))
        with ThreadPoolExecutor(self.config.ahead, "draw", *set_threads) as pool:
            waiting: list[Future[tuple[Drawn, ...]]] = []
            for turn in turns:
                waiting.append(pool.submit(draw_all, self.objectives, turn))
                if len(waiting) > self.config.ahead:
                    yield waiting.pop(0).result()
            for future in waiting:
                yield future.result()

    def measure(self, hands: HeldOut, journal: Journal) -> dict[str, float]:
        """The averaged weights on hands that are not trained on."""
        network, model = self.learner.average, self.sources.model
        figures = validated(network, hands, model)
        shown = self.config.validation.pictures
        picture = drawn_hands(network, hands[:shown], model) if shown else None
        journal.measured(self.learner.done - 1, figures, picture)
        return figures

    def save(self, figures: dict[str, float]) -> None:
        """The state first: the weights can be made again from it."""
        save_state(self.run.output / STATE, self.learner.state())
        about = About(self.run.command, self.learner.done, to_mapping(self.config), figures)
        save_checkpoint(self.run.output / WEIGHTS, self.learner.average, about)


@contextmanager
def _fabric(device: str) -> Iterator["Fabric"]:
    """Ready, with the processes that torchrun started, or this one alone."""
    from lightning_fabric import Fabric

    here, everywhere = int(os.environ.get("LOCAL_WORLD_SIZE", "1")), int(os.environ.get("WORLD_SIZE", "1"))
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: there is no CUDA device on this machine")
    accelerator = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    strategy = "ddp" if everywhere > 1 else "auto"
    fabric = Fabric(accelerator=accelerator, devices=here, num_nodes=everywhere // here, strategy=strategy)
    fabric.launch()
    try:
        yield fabric
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def _network(config: Training, model: HandModel) -> HandNetwork:
    """Fresh from the seed, or the weights to start from."""
    if config.start is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            return HandNetwork(config.architecture, model.joint_axes.cpu())
    network = load_checkpoint(config.start)
    if network.architecture != config.architecture:
        raise InputError(
            f"{config.start}: made with another architecture, expected {config.architecture}, "
            f"got {network.architecture}"
        )
    return network.requires_grad_(True).train()


def _prepare(learner: Learner, run: Run, fabric: "Fabric") -> None:
    """The output folder, and what an earlier part of this training left there."""
    state = run.output / STATE
    if state.exists() and not run.resume:
        raise InputError(f"{run.output} holds a training: --resume goes on with it, another --output starts anew")
    if state.exists():
        learner.resume(load_state(state), str(state))
    fabric.barrier()  # before the first process writes what the others look for
    if fabric.is_global_zero:
        save_training(learner.config, prepare_folder(run.output) / CONFIG)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Results on a CPU depend on the number of threads, so that it is chosen."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
