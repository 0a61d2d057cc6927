"""Arrays out of a `.npz` file that anybody may have written, or one sentence about it.

arrays = read_arrays(Path("hands.npz"), {"keypoints_px", "confidence"}, "one clip's keypoints")
"""

from collections.abc import Set
from pathlib import Path

import numpy as np

from fitter.errors import InputError
from fitter.observe.json_file import MOST_BYTES
from fitter.untrusted import Damaged, Oversized, quoted, read_plain_arrays


def read_arrays(path: Path, names: Set[str], content: str, most_bytes: int = MOST_BYTES) -> dict[str, np.ndarray]:
    """Those of the named arrays that the file holds; others in it are not looked at.

    Raises InputError, which says that `content` was expected, if it is no such file or unpacks to over `most_bytes`.
    """
    try:
        return read_plain_arrays(path, names, most_bytes)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or quoted(error)}): expected a .npz file") from None
    except Oversized as error:
        raise InputError(f"{path} {error}: expected {content}") from None
    except Damaged as error:
        raise InputError(
            f"{path} is no .npz file of plain arrays ({error}): expected one that numpy.savez writes"
        ) from None
