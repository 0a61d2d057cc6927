"""The options of a batch, one field each; those of every fit are `Command`'s.

batch = Batch(clips=("clips",), output="results", workers=2)
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Gt
from tyro import conf

from fitter.app.batch_storage import is_url


@dataclass(frozen=True)
class Batch:
    """Fit many clips, each into a folder of its own, on this machine or a cluster. What is complete is not done again.

    All options of fit_sequence.py (its --help lists them: --config, --hand, --energy.keypoints.sigma-px, ...) are taken
    for all clips. Files of one clip lie beside it under its name: wave.keypoints.npz, wave.masks, wave.depth,
    wave.joints.npz, wave.vertices.npz, wave.initial for wave.mp4.

    Exit status: 0 every clip has its result; 1 some failed; 2 the input or the options are unusable; 130 stopped with
    Ctrl-C, what is done is kept.
    """

    clips: conf.Positional[Annotated[tuple[str, ...], conf.arg(metavar="CLIPS")]]
    """Videos, folders of videos or images, patterns (quoted), URLs of these, or text files with one of them per line
    and, after a tab, options of this clip alone."""

    output: Annotated[str, conf.arg(metavar="DIR_OR_URL")]
    """Folder of the result folders: on this machine, shared, or in object storage (s3://, gs://, ...)."""

    address: Annotated[
        str | None, conf.arg(metavar="ray://HOST:PORT", help_behavior_hint="(default: this machine)")
    ] = None
    """A Ray cluster."""

    workers: Annotated[int | None, Ge(1), conf.arg(help_behavior_hint="(default: as many as fit)")] = None
    """Clips fitted at the same time, at most."""

    cpus_per_clip: Annotated[float, Gt(0.0)] = 1.0
    """Cores for each."""

    gpus_per_clip: Annotated[float | None, Gt(0.0), conf.arg(help_behavior_hint="(default: 1 with --device cuda)")] = (
        None
    )
    """GPUs for each; 0.25 puts four clips on one."""

    memory_per_clip_gb: Annotated[float, Ge(0.0)] = 0.0
    """Memory that Ray sets aside for each; 0: it does not count memory."""

    retries: Annotated[int, Ge(0)] = 2
    """Further attempts for a clip whose process died or whose machine, disk or network failed."""

    min_free_gb: Annotated[float, Ge(0.0)] = 2.0
    """No clip is started while the disk of the results, or of the scratch folder, has less than this free."""

    min_free_memory_gb: Annotated[float, Ge(0.0)] = 1.0
    """No clip is started while this machine has less memory than this free."""

    scratch: Annotated[Path | None, conf.arg(metavar="DIR", help_behavior_hint="(default: the system's)")] = None
    """Folder of temporary files on each machine, where results are made before they are copied to a cluster's shared
    folder or to object storage."""

    quiet: Annotated[bool, conf.FlagCreatePairsOff] = False
    """Print errors only."""

    debug: Annotated[bool, conf.FlagCreatePairsOff] = False
    """Log on stderr, and show the traceback of an error (also with HANDFIT_DEBUG=1)."""

    @property
    def is_far(self) -> bool:
        """Whether results are made in a scratch folder and copied."""
        return self.address is not None or is_url(self.output)
