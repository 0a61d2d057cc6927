"""The network while it learns: its weights, their moving average, the optimiser, and what one step does to them.

    learner = Learner.begin(network, config)
    told = learner.step(drawn, fabric)               # the parts of the loss, the same in every process
    learner.save(path), learner.average              # the averaged weights are those that are used afterwards

Processes learn from different hands and share the mean gradient, so that they stay equal.
"""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fitter.config.structure import to_mapping
from fitter.errors import HandfitError, InputError
from priors.network.network import HandNetwork
from priors.train.config import Optimiser, Training
from priors.train.objective import Drawn
from priors.train.saved import State, differing_keys

if TYPE_CHECKING:
    from lightning_fabric import Fabric

# Early weights are soon forgotten: after k steps the average decays by k / (k + this) at most.
YOUNG_STEPS = 10.0
# What may differ between the two halves of a training: how fast it runs and what it shows, not what it computes.
FREE_KEYS = ("ahead", "log_every", "save_every", "start", "threads", "validation")


def learning_rate(optimiser: Optimiser, step: int, steps: int) -> float:
    """Up to the peak and down again, both along half a cosine (Smith and Topin 2018)."""
    peak = optimiser.peak_rate
    first, last = peak * optimiser.first_rate_ratio, peak * optimiser.last_rate_ratio
    top = optimiser.warm_up * steps
    start, end, way = (
        (first, peak, step / top) if step < top else (peak, last, (step - top) / max(steps - 1 - top, 1.0))
    )
    return end + (start - end) * 0.5 * (1.0 + math.cos(math.pi * min(way, 1.0)))


@dataclass
class Learner:
    """Changes with every step; `done` steps are behind it."""

    config: Training
    network: HandNetwork
    average: HandNetwork
    optimiser: torch.optim.AdamW
    done: int = 0

    @staticmethod
    def begin(network: HandNetwork, config: Training) -> "Learner":
        """Before the first step; `network` on its device."""
        chosen = config.optimiser
        optimiser = torch.optim.AdamW(
            network.parameters(),
            lr=chosen.peak_rate,
            betas=(chosen.beta1, chosen.beta2),
            weight_decay=chosen.weight_decay,
            foreach=True,
        )
        return Learner(config, network, copy.deepcopy(network).requires_grad_(False).eval(), optimiser)

    def step(self, drawn: tuple[Drawn, ...], fabric: "Fabric") -> dict[str, float]:
        """Learn from one step's lessons; the loss's parts, averaged over the processes.

        Raises HandfitError where the loss or its gradient is no number; the weights are as before then.
        """
        parts = {name: value for one in drawn for name, value in one.parts(self.network).items()}
        loss = torch.stack(list(parts.values())).sum()
        self.optimiser.zero_grad(set_to_none=True)
        fabric.backward(loss)
        told = shared_mean([p.grad for p in self.network.parameters() if p.grad is not None], parts, fabric)
        chosen, parameters = self.config.optimiser, [p for p in self.network.parameters() if p.grad is not None]
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, chosen.gradient_norm, foreach=True))
        broken = [name for name, value in told.items() if not math.isfinite(value)]
        if broken or not math.isfinite(norm):
            what = f"the loss ({', '.join(broken)})" if broken else "its gradient"
            raise HandfitError(f"step {self.done}: {what} is no longer a number; a lower optimiser.peak_rate may help")
        rate = learning_rate(chosen, self.done, self.config.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        self._follow()
        self.done += 1
        return {**told, "loss": sum(told.values()), "gradient": norm, "rate": rate}

    def _follow(self) -> None:
        """Move the average towards the weights."""
        kept = min(self.config.optimiser.average_decay, self.done / (self.done + YOUNG_STEPS))
        with torch.no_grad():
            for mean, value in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(value, 1.0 - kept)

    def state(self) -> State:
        """All of it, for the disk."""
        return State(
            self.done,
            to_mapping(self.config),
            self.network.state_dict(),
            self.average.state_dict(),
            self.optimiser.state_dict(),
        )

    def resume(self, state: State, where: str) -> None:
        """Go on after `state`; raises InputError where it is of another training."""
        differing = [key for key in differing_keys(to_mapping(self.config), state.config) if not _free(key)]
        if differing:
            raise InputError(
                f"{where}: made with another {', '.join(differing)}; --resume needs the same configuration"
            )
        try:
            self.network.load_state_dict(state.network)
            self.average.load_state_dict(state.average)
            self.optimiser.load_state_dict(dict(state.optimiser))
        except (RuntimeError, ValueError, KeyError) as error:
            sentence = " ".join(str(error).split())[:120]
            raise InputError(f"{where}: expected the state of this training, got another ({sentence})") from error
        self.done = state.step


def shared_mean(gradients: list[Tensor], parts: Mapping[str, Tensor], fabric: "Fabric") -> dict[str, float]:
    """Replace gradients by their mean over the processes, and return the parts' means."""
    values = torch.stack([value.detach() for value in parts.values()])
    if fabric.world_size > 1:
        flat = torch.cat([values, *(gradient.flatten() for gradient in gradients)])
        mean = fabric.all_reduce(flat, reduce_op="mean")
        assert isinstance(mean, Tensor)
        values, *means = mean.split([len(values), *(gradient.numel() for gradient in gradients)])
        for gradient, shared in zip(gradients, means, strict=True):
            gradient.copy_(shared.view_as(gradient))
    return dict(zip(parts, values.tolist(), strict=True))


def _free(key: str) -> bool:
    return key.partition(".")[0] in FREE_KEYS
