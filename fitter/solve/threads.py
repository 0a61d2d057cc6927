"""One thread for the solver: its operations are small, and each would wait for the slowest core.

with one_thread():
    ...                         # torch and BLAS; numba's parallel kernels elsewhere raise torch's count behind its back
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch and BLAS on one thread inside the block; on two busy cores two threads made a fit ten times slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(limits=1, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(before)
