"""Arrays in files: the same numbers as in memory, let go of and read again, and one sentence where there is no room."""

import mmap
import os
from pathlib import Path

import numpy as np
import pytest

from fitter import mapped
from fitter.errors import HandfitError
from fitter.mapped import WORTH_IT, Growing, in_stretches, release_pages, stretches


def base_of(array: np.ndarray) -> object:
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base.obj if isinstance(base, memoryview) else base


@pytest.mark.parametrize("n_rows", [0, 1, 5, 1000, 3000])
def test_rows_come_back_as_they_came(n_rows: int) -> None:
    whole = np.random.default_rng(0).normal(size=(n_rows, 21, 3))
    array = in_stretches(n_rows, lambda part: whole[part])
    assert array.shape == whole.shape and array.dtype == whole.dtype and array.flags.writeable
    np.testing.assert_array_equal(array, whole)
    assert isinstance(base_of(array), mmap.mmap) == (whole.nbytes > WORTH_IT)


def test_what_was_let_go_of_is_read_again() -> None:
    whole = np.arange(WORTH_IT, dtype=np.int32)
    array = in_stretches(len(whole), lambda part: whole[part])
    assert array.sum() == whole.sum()
    release_pages(array, None, whole)
    np.testing.assert_array_equal(array, whole)


def test_stretches_are_all_rows_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped, "ROWS_AT_ONCE", 4)
    assert [(part.start, part.stop) for part in stretches(9)] == [(0, 4), (4, 8), (8, 9)]
    assert [(part.start, part.stop) for part in stretches(0)] == [(0, 0)]


def test_files_lie_where_the_user_wants_them_and_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(mapped.tempfile, "tempdir", None)
    with Growing() as rows:
        rows.add(np.zeros(WORTH_IT))
        held = rows.array()
    assert os.listdir(tmp_path) == [] and held.sum() == 0.0


def test_a_full_disk_is_told_in_one_sentence() -> None:
    class Full:
        def write(self, content: bytes) -> int:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            pass

    with Growing() as rows:
        rows._file.close()
        rows._file = Full()  # pyright: ignore[reportAttributeAccessIssue]
        with pytest.raises(HandfitError, match=r"cannot be written \(No space left on device\); .* TMPDIR names"):
            rows.add(np.zeros(3))
