"""A few people, and hands of theirs before a camera, for tests of rendered crops."""

from functools import lru_cache

import numpy as np
import torch

from fitter.hand import HandModel
from fitter.hand.anny import load_anny
from priors.synthetic.motion import random_turn
from priors.synthetic.people import HandsInView, People, random_hands

N_PEOPLE = 3


@lru_cache(maxsize=1)
def small_bank() -> People:
    return People.random(seed=5, model=model(), n=N_PEOPLE)


@lru_cache(maxsize=1)
def model() -> HandModel:
    return load_anny().to(dtype=torch.float64)


def some_hands(n: int, seed: int = 0) -> HandsInView:
    """Upright palms and backs in the middle of crops of 128 pixels."""
    rng = np.random.default_rng(seed)
    turned = torch.stack([random_turn(rng, back=index % 2 == 1) for index in range(n)])
    return random_hands(rng, model(), turned, N_PEOPLE)
