"""Arrays out of a `.npz` file that anybody may have written: nothing is unpacked before its size is checked, and
pickles are never read.

arrays = read_arrays(Path("hands.npz"), {"keypoints_px", "confidence"}, "one clip's keypoints")
"""

import zipfile
import zlib
from collections.abc import Set
from pathlib import Path

import numpy as np

from fitter.errors import InputError
from fitter.observe.untrusted import MOST_BYTES


def read_arrays(path: Path, names: Set[str], content: str, most_bytes: int = MOST_BYTES) -> dict[str, np.ndarray]:
    """Those of the named arrays that the file holds; others in it are not looked at.

    Raises InputError, which says that `content` was expected, if it is no such file or unpacks to over `most_bytes`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            if sum(info.file_size for name, info in members.items() if name in names) > most_bytes:
                raise InputError(f"{path} unpacks to more than {most_bytes // 2**20} MiB: expected {content}")
            for name in names & members.keys():
                _check_header(path, name, archive, members[name])
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return {name: file[name] for name in names & set(file.files)}
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}): expected a .npz file") from None
    except (ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{path} is no .npz file of plain arrays ({reason}): expected one that numpy.savez writes"
        ) from None


def _check_header(path: Path, name: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    """An array may not announce more than its file holds: numpy would make room for it first."""
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    with archive.open(info) as member:
        version = np.lib.format.read_magic(member)
        if version not in readers:
            raise InputError(f"{path}: {name} is of .npy version {version}, expected one that numpy.savez writes")
        shape, _, dtype = readers[version](member)
    if dtype.hasobject or int(np.prod(shape, dtype=object)) * dtype.itemsize > info.file_size:
        raise InputError(f"{path}: {name} is not a plain array as numpy.savez writes it")
