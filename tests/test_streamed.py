"""An archive that is written window by window is the one that is written at once, and is read without being loaded."""

import mmap
import zipfile
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from fitter.export.archive import ALIGNMENT, read_archive, write_archive
from fitter.export.diagnostics import Diagnostics
from fitter.export.result import RESULT_FILE, FitResult, arrays_of, save_result
from fitter.export.streamed import StreamedArchive, frame_axes, frames_of
from fitter.mapped import release_pages
from tests.test_result import assert_same, make_result

FRAMES = 23


def stream(result: FitResult, folder: Path, joins: Sequence[int]) -> Path:
    with StreamedArchive(folder / RESULT_FILE, FRAMES) as archive:
        for first, last in zip([0, *joins], [*joins, FRAMES], strict=True):
            window = frames_of(result, slice(first, last))
            archive.add(window, arrays_of(window))
        archive.pack(folder / RESULT_FILE)
    return folder / RESULT_FILE


def test_annotations_say_which_axis_the_frames_are() -> None:
    assert frame_axes(FitResult) == dict.fromkeys(
        "present observed joints_m joints_sigma_mm quality keypoints_px vertices_m pose translation_m".split(), 1
    )
    axes = frame_axes(Diagnostics)
    assert axes["energies"] == 2 and axes["reprojection_px"] == 1 and "clip_energies" not in axes


@pytest.mark.parametrize("joins", [(), (11,), (1, 2, 22)])
def test_windows_give_the_bytes_of_the_whole(tmp_path: Path, joins: Sequence[int]) -> None:
    result = make_result(frames=FRAMES)
    (tmp_path / "whole").mkdir()
    streamed = stream(result, tmp_path, joins)
    assert_same(FitResult.load(streamed), result)
    save_result(result, tmp_path / "whole")
    with zipfile.ZipFile(streamed) as one, zipfile.ZipFile(tmp_path / "whole" / RESULT_FILE) as other:
        assert {info.filename: info.CRC for info in one.infolist()} == {
            info.filename: info.CRC for info in other.infolist()
        }
    assert sorted(path.name for path in tmp_path.iterdir()) == [RESULT_FILE, "whole"]  # no row is left beside it


def test_frames_that_lack_or_are_too_many_are_refused(tmp_path: Path) -> None:
    result = make_result(frames=FRAMES)
    some = frames_of(result, slice(0, 12))
    with StreamedArchive(tmp_path / RESULT_FILE, FRAMES) as archive:
        archive.add(some, arrays_of(some))
        with pytest.raises(AssertionError, match="12 of 23 frames"):
            archive.pack(tmp_path / RESULT_FILE)
        with pytest.raises(AssertionError, match="after 12 of 23"):
            archive.add(some, arrays_of(some))
    assert list(tmp_path.iterdir()) == []


def test_arrays_are_mapped_and_what_is_written_into_them_stays_the_programs(tmp_path: Path) -> None:
    save_result(make_result(frames=FRAMES), tmp_path)
    first, second = FitResult.load(tmp_path), FitResult.load(tmp_path)
    for field in fields(FitResult):
        array = getattr(first, field.name)
        if isinstance(array, np.ndarray) and array.size and array.dtype != bool:  # a byte may be other than 0 and 1
            base = array
            while isinstance(base, np.ndarray):
                base = base.base
            assert isinstance(base, memoryview) and isinstance(base.obj, mmap.mmap), field.name
            assert array.flags.aligned and array.__array_interface__["data"][0] % ALIGNMENT == 0
    first.joints_m[:] = 1.0
    assert not (second.joints_m == 1.0).all() and not (FitResult.load(tmp_path).joints_m == 1.0).all()
    release_pages(first.joints_m)
    assert np.array_equal(first.joints_m, second.joints_m, equal_nan=True)


def test_archives_of_other_writers_are_read_too(tmp_path: Path) -> None:
    arrays = {
        "rows": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        "word": np.array("hand"),
        "none": np.zeros((0, 3)),
    }
    np.savez_compressed(tmp_path / "small.npz", **arrays)  # pyright: ignore[reportArgumentType]
    np.savez(tmp_path / "plain.npz", **arrays)  # pyright: ignore[reportArgumentType]
    write_archive(tmp_path / "own.npz", arrays)
    for name in ("small", "plain", "own"):
        read = read_archive(tmp_path / f"{name}.npz", "arrays")
        assert list(read) == list(arrays)
        assert all(np.array_equal(read[key], arrays[key]) and read[key].dtype == arrays[key].dtype for key in arrays)
