"""A training of seconds: a network with a few thousand weights, a few hands per step."""

from dataclasses import replace

from priors.network.network import Architecture
from priors.train.config import Hands, Objectives, Optimiser, Training, Validation

SMALL = Architecture(hypotheses=2, width=32, blocks=1, channels=(8, 8, 8, 8))


def small_training(steps: int, batch: int = 32, save_every: int = 4) -> Training:
    return Training(
        steps=steps,
        architecture=SMALL,
        objectives=Objectives(hands=Hands(batch=batch)),
        validation=Validation(every=1000, hands=32, pictures=2),
        save_every=save_every,
        log_every=1,
    )


def fast(config: Training) -> Training:
    """The same with a rate at which so small a network learns in some hundred steps."""
    return replace(config, optimiser=Optimiser(peak_rate=5e-3, average_decay=0.9))
