"""How many threads share the frames: kernels that release the interpreter's lock run on plain threads."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np


def cores() -> int:
    """How many cores this process may use; where the system does not tell, how many there are.

    `OMP_NUM_THREADS` makes it fewer, as for all other libraries: several fits beside each other share the machine.
    """
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(there, int(asked)) if asked.isdecimal() and int(asked) > 0 else there


def over_frames(work: Callable[[slice], None], n_frames: int) -> None:
    """Call `work` on slices that together are all frames, on as many threads as there are cores."""
    workers = max(1, min(cores(), n_frames))
    if workers == 1:
        work(slice(0, n_frames))
        return
    bounds = np.linspace(0, n_frames, workers + 1).astype(int)
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, [slice(int(a), int(b)) for a, b in zip(bounds[:-1], bounds[1:], strict=True)]))
