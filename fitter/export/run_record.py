"""How a result came about (`run.json`): its input, the command, what was warned of; the last file that a fit writes.

record = RunRecord.load(Path("results/clip"))
record.input_path, record.command, record.warnings
"""

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from fitter.errors import InputError
from fitter.export.atomic import atomic_path
from fitter.untrusted import read_regular

RUN_FILE = "run.json"
NO_TEXT = re.compile("[\ud800-\udfff]")  # how Python holds such bytes
MOST_BYTES = 2**26  # warnings are its largest part


@dataclass(frozen=True)
class RunRecord:
    """`identity` tells this run from any other, by pixels, options and settings. `input` is as it was given,
    `input_path` absolute; both are `demo` for the clip made on the spot. `command` holds the words that were run.
    `started_from` names the start that won, of each side; `psnr_db` and `ssim` compare rendering and film where it
    covers them, of each side that was fitted with pixels.
    """

    __pydantic_config__: ClassVar = ConfigDict(strict=True)

    identity: str
    input: str
    input_path: str
    command: tuple[str, ...]
    version: str
    seconds: float
    hand_model: str = "anny"
    hand_length_known: bool = False
    warnings: tuple[str, ...] = ()
    started_from: dict[str, str] = field(default_factory=dict)
    psnr_db: dict[str, float] = field(default_factory=dict)
    ssim: dict[str, float] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> "RunRecord":
        """Read `run.json` of a result folder; raises InputError, one sentence, where it is absent or damaged."""
        file = folder / RUN_FILE
        try:
            return TypeAdapter(cls).validate_json(read_regular(file, MOST_BYTES))
        except OSError as error:
            reason = error.strerror or "unreadable"
            raise InputError(f"{file}: cannot be read ({reason}), expected what a finished fit leaves") from error
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "JSON"
            raise InputError(f"{file}: {place}: damaged or of an older handfit ({first['msg']}); fit again") from error


def save_record(record: RunRecord, folder: Path) -> None:
    """Write `run.json` atomically: it says that the folder is complete, so it is written when all else is.

    A byte of a name that is no text, such as ff, is written as the word \\\\udcff: JSON has no place for it.
    """
    told = json.dumps(asdict(record), indent=1, ensure_ascii=False)
    told = NO_TEXT.sub(lambda found: f"\\\\u{ord(found[0]):x}", told)
    with atomic_path(folder / RUN_FILE) as path:
        path.write_text(told + "\n", encoding="utf-8")
