"""What a network is trained for: each objective draws its own data and says how far the network is from them.

    lesson = objective.draw(Turn(seed=0, step=12))       # on the CPU, in any thread, of (seed, step) alone
    parts = lesson.parts(network)                        # unit-free means by name; the loss is their sum

Drawing is apart from learning, so that data can be prepared while the network learns from those before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float
from torch import Tensor

from fitter.errors import InputError
from priors.network.network import HandNetwork

Parts = Mapping[str, Float[Tensor, ""]]


@dataclass(frozen=True)
class Turn:
    """One process's part of one step: all draw the same batch, and process `rank` of `world` takes its slice."""

    seed: int
    step: int
    rank: int = 0
    world: int = 1

    def number(self, stream: str) -> int:
        """A seed (63 bits) for what is called `stream`, independent of all others; the same in every process."""
        words = [self.seed, self.step, *stream.encode()]
        return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> np.uint64(1))

    def mine(self, count: int) -> slice:
        """This process's items of `count`; raises InputError where they cannot be shared evenly."""
        if count % self.world:
            raise InputError(f"a batch of {count} cannot be shared evenly by {self.world} processes")
        each = count // self.world
        return slice(self.rank * each, (self.rank + 1) * each)


class Lesson(Protocol):
    """Data of one step, ready to be learnt from."""

    def parts(self, network: HandNetwork) -> Parts:
        """Means over this process's items; differentiable. Data are moved to the network's device here."""
        ...


class Objective(Protocol):
    """A source of lessons; immutable, so that threads may share it."""

    def draw(self, turn: Turn) -> Lesson: ...


@dataclass(frozen=True)
class Weighted:
    """An objective of the configuration: the name before its parts, its share of the loss, its interval in steps."""

    name: str
    objective: Objective
    share: float = 1.0
    every: int = 1


@dataclass(frozen=True)
class Drawn:
    """A weighted objective's lesson."""

    name: str
    lesson: Lesson
    share: float

    def parts(self, network: HandNetwork) -> Parts:
        return {f"{self.name}/{part}": self.share * value for part, value in self.lesson.parts(network).items()}


def draw_all(objectives: tuple[Weighted, ...], turn: Turn) -> tuple[Drawn, ...]:
    """The lessons of one step."""
    due = [one for one in objectives if turn.step % one.every == 0]
    return tuple(Drawn(one.name, one.objective.draw(turn), one.share) for one in due)
