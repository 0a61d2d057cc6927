"""Clips fitted by Ray: in worker processes of this machine, or of a cluster by its address.

with ray_session(address=None, needs=Needs(cpus=1.0), workers=2) as executor:
    for done in run_jobs(jobs, executor, limits, watch): ...

A process fits one clip at a time and then the next: what kills it takes no other clip along, and the seconds that a
start takes are paid once. Only descriptions of clips and outcomes travel, no pixels and no results.
"""

import logging
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fitter.app.batch_jobs import Job, Outcome
from fitter.app.batch_room import GB
from fitter.app.batch_worker import fit_clip
from fitter.errors import HandfitError, InputError

if TYPE_CHECKING:
    from ray import ObjectRef

log = logging.getLogger(__name__)

# After so many clips a process makes way for a fresh one, so that what libraries leak stays small.
CLIPS_PER_PROCESS = 100
# Ray's shared memory carries descriptions of clips only; this is about the least that it takes.
OBJECT_STORE_BYTES = 80_000_000
# Beyond what a cluster can do at once, so many clips wait there: no node idles, and an autoscaler sees that more is
# wanted.
WAITING_IN_CLUSTER = 2
# What opens a cluster's ports, see `ray get-auth-token`.
_TOKEN = Path.home() / ".ray" / "auth_token"
# Seconds in which a cluster's head must answer.
REACH_S = 20.0
# Seconds for which a cluster's size is believed.
SIZE_KNOWN_S = 10.0


@dataclass(frozen=True)
class Needs:
    """What one clip takes, as Ray counts it; a GPU may be shared by giving a fraction."""

    cpus: float = 1.0
    gpus: float = 0.0
    memory_bytes: float = 0.0


@contextmanager
def ray_session(address: str | None, needs: Needs, workers: int | None = None) -> Iterator["RayExecutor"]:
    """An executor on a Ray of our own, which ends with the block, or on the cluster at `address`.

    `workers`: the most clips at once; None: as many as CPUs and GPUs allow. Raises InputError where the cluster cannot
    be reached or the machine lacks what a clip needs, HandfitError without Ray.
    """
    if address is not None and _TOKEN.exists():
        os.environ.setdefault("RAY_AUTH_MODE", "token")  # Ray's client brings the token only if it is told to
    ray = _import_ray()
    level, on_stop = logging.getLogger("ray").level, signal.getsignal(signal.SIGTERM)
    if address is None:
        _begin_here(needs, workers)
    else:
        _join(address)
    try:
        signal.signal(signal.SIGTERM, on_stop)  # Ray has put its own in the place of the command's
        executor = RayExecutor(needs, workers, is_cluster=address is not None)
        if address is None and executor.slots() < 1:
            asked = f"{needs.cpus:g} CPUs, {needs.gpus:g} GPUs and {needs.memory_bytes / GB:g} GB of memory"
            raise InputError(f"a clip asks for {asked}, but this machine has {_shown(ray.cluster_resources())}")
        with _muted():
            try:
                yield executor
            finally:
                executor.stop()
    finally:
        ray.shutdown()
        logging.getLogger("ray").setLevel(level)


def _import_ray() -> Any:
    # Nothing is told to anybody about what is run here.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise HandfitError(
            "many clips are fitted by Ray, which is not installed: pip install 'handfit[batch]'"
        ) from error
    return ray


def _begin_here(needs: Needs, workers: int | None) -> None:
    import ray

    cpus = None if workers is None else max(1, round(workers * needs.cpus))
    gpus = None if needs.gpus else 0
    ray.init(
        address="local",
        num_cpus=cpus,
        num_gpus=gpus,
        include_dashboard=False,
        logging_level=logging.ERROR,
        log_to_driver=False,
        object_store_memory=OBJECT_STORE_BYTES,
    )


def _join(address: str) -> None:
    import ray

    _reach(address)
    try:
        ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"--address {address}: no Ray cluster answers there ({reason})") from error
    except ImportError as error:
        raise InputError(f"--address {address}: {error}; pip install 'handfit[batch]'") from error


def _reach(address: str) -> None:
    """Knock at the address: Ray itself would try for minutes. Raises InputError where nobody opens."""
    parts = urlsplit(address if "://" in address else f"//{address}")
    try:
        host, port = parts.hostname, parts.port
        if host is None or port is None:
            raise InputError(f"--address {address}: expected ray://HOST:PORT, such as ray://head:10001")
        socket.create_connection((host, port), timeout=REACH_S).close()
    except (OSError, ValueError) as error:
        raise InputError(f"--address {address}: no Ray cluster answers there ({error})") from error


@contextmanager
def _muted() -> Iterator[None]:
    """Ray prints a paragraph on stdout for every process that dies; the batch says so in a sentence of its own."""
    from ray._private import worker

    name = "print_to_stdstream"  # no public name turns it off; where this one is gone, there is noise and no harm
    before = getattr(worker, name, None)
    setattr(worker, name, lambda data, ignore_prefix: log.debug("%s", data))
    try:
        yield
    finally:
        setattr(worker, name, before)


def _shown(resources: dict[str, float]) -> str:
    gigabytes = resources.get("memory", 0.0) / GB
    return f"{resources.get('CPU', 0):g} CPUs, {resources.get('GPU', 0):g} GPUs and {gigabytes:.1f} GB of memory"


class RayExecutor:
    """See `Executor`."""

    def __init__(self, needs: Needs, workers: int | None, is_cluster: bool) -> None:
        import ray

        self._needs, self._workers, self._is_cluster = needs, workers, is_cluster
        self._fit = ray.remote(max_calls=CLIPS_PER_PROCESS, max_retries=0)(fit_clip)
        self._running: dict[ObjectRef[Outcome], Job] = {}
        self._size, self._size_at = 0, -float("inf")

    def slots(self) -> int:
        if time.monotonic() - self._size_at > SIZE_KNOWN_S:
            self._size, self._size_at = self._clips_at_once(), time.monotonic()
        most = self._size + WAITING_IN_CLUSTER if self._is_cluster else self._size
        return most if self._workers is None else min(most, self._workers)

    def _clips_at_once(self) -> int:
        import ray

        resources, needs = ray.cluster_resources(), self._needs
        wanted = {"CPU": needs.cpus, "GPU": needs.gpus, "memory": needs.memory_bytes}
        return min(int(resources.get(name, 0.0) / amount + 1e-6) for name, amount in wanted.items() if amount)

    def start(self, job: Job) -> None:
        needs = self._needs
        options = {"num_cpus": needs.cpus, "num_gpus": needs.gpus, "name": f"handfit {job.name}"}
        if needs.memory_bytes:
            options["memory"] = int(needs.memory_bytes)
        self._running[self._fit.options(**options).remote(job)] = job

    def finished(self, timeout_s: float) -> list[tuple[Job, Outcome]]:
        import ray

        if not self._running:
            time.sleep(timeout_s)
            return []
        ready, _ = ray.wait(list(self._running), num_returns=1, timeout=timeout_s)
        return [(self._running.pop(reference), _outcome(reference)) for reference in ready]

    def stop(self) -> None:
        import ray

        for reference in self._running:
            with suppress(Exception):  # a cluster that is gone cannot be told; there is nothing to stop then
                ray.cancel(reference, force=True)
        self._running.clear()


def _outcome(reference: "ObjectRef[Outcome]") -> Outcome:
    """What the process said, or that it is gone."""
    import ray
    from ray import exceptions

    try:
        return ray.get(reference)
    except exceptions.OutOfMemoryError:
        sentence = "its process was killed, as its machine ran out of memory"
    except exceptions.WorkerCrashedError:
        sentence = "its process was killed or crashed"
    except exceptions.RayTaskError as error:
        cause = str(error).strip().splitlines()[-1]
        sentence = f"its process could not begin, expected handfit on every machine of the cluster ({cause})"
    except exceptions.RayError as error:
        sentence = f"its machine was lost ({type(error).__name__})"
    return Outcome("failed", error=sentence, retry=True)
