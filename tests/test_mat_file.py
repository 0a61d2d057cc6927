"""Arrays of MATLAB files come back as scipy wrote them; a broken file is an error, never a crash."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
import scipy.io

from fitter.errors import InputError
from fitter.evaluate.readers import mat_file
from fitter.evaluate.readers.mat_file import read_mat_array


def saved(content: dict[str, object], compressed: bool) -> bytes:
    buffer: Any = io.BytesIO()
    scipy.io.savemat(buffer, content, do_compression=compressed)
    return buffer.getvalue()


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("kind", ["f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
@pytest.mark.parametrize("shape", [(3, 21, 5), (1, 1), (2, 0), (1, 3)])  # a few numbers are small elements
@pytest.mark.parametrize("name", ["a", "handPara"])  # short names are small elements too
def test_arrays_of_every_type_among_others(tmp_path, compressed, kind, shape, name):
    array = np.random.default_rng(0).integers(0, 100, size=shape).astype(kind)
    others = {"text": "some", "cells": np.array([1, "a"], dtype=object), "nested": {"handPara": 1.0}, "z": 1j}
    file = tmp_path / "x.mat"
    file.write_bytes(saved({**others, name: array}, compressed))
    found = read_mat_array(file, name)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, scipy.io.loadmat(file)[name])


@pytest.mark.parametrize("order, name", [("<", b"IM"), (">", b"MI")])
def test_either_byte_order(tmp_path, order, name):
    def element(kind: int, content: bytes) -> bytes:
        return struct.pack(f"{order}II", kind, len(content)) + content + b"\0" * (-len(content) % 8)

    numbers = np.arange(6.0)
    parts = element(6, struct.pack(f"{order}II", 6, 0)) + element(5, struct.pack(f"{order}ii", 2, 3))
    parts += element(1, b"handPara") + element(9, numbers.astype(f"{order}f8").tobytes())
    file = tmp_path / "x.mat"
    file.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(f"{order}H", 0x0100) + name + element(14, parts))
    np.testing.assert_array_equal(read_mat_array(file, "handPara"), numbers.reshape(2, 3, order="F"))


ARRAY = np.random.default_rng(1).normal(size=(3, 21, 4))


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"", "no header of this kind"),
        (b"<!DOCTYPE html>" * 20, "no header of this kind"),
        (saved({"handPara": ARRAY}, False)[:128], "has no 'handPara'"),
        (saved({"handPara": ARRAY}, False)[:131], "cannot be read"),
        (saved({"handPara": ARRAY}, False)[:-20], "an element that is cut short"),
        (saved({"handPara": ARRAY}, True)[:-20], "an element that is cut short"),
        (saved({"other": ARRAY}, True), "has no 'handPara'"),
        (saved({"handPara": "text"}, True), "'handPara' is no array of real numbers"),
        (saved({"handPara": ARRAY * 1j}, False), "'handPara' is no array of real numbers"),
        (saved({"handPara": np.array([1, "a"], dtype=object)}, False), "'handPara' is no array of real numbers"),
        (saved({"handPara": {"a": 1}}, False), "'handPara' is no array of real numbers"),
    ],
)
def test_what_is_none_is_said_in_one_sentence(tmp_path, data, reason):
    file = tmp_path / "x.mat"
    file.write_bytes(data)
    with pytest.raises(InputError, match=r"x\.mat .*expected a MATLAB file of version 5 to 7") as caught:
        read_mat_array(file, "handPara")
    assert reason in str(caught.value) and "\n" not in str(caught.value)


def test_bombs_and_large_files_and_none(tmp_path, monkeypatch):
    monkeypatch.setattr(mat_file, "MOST_BYTES", 100_000)
    file = tmp_path / "x.mat"
    packed = zlib.compress(b"\0" * 10**7)
    file.write_bytes(saved({}, False)[:128] + struct.pack("<II", 15, len(packed)) + packed)
    assert file.stat().st_size < 100_000
    with pytest.raises(InputError, match="a variable that is cut short or too large"):
        read_mat_array(file, "handPara")
    packed = zlib.compress(b"")
    file.write_bytes(saved({}, False)[:128] + struct.pack("<II", 15, len(packed)) + packed)
    with pytest.raises(InputError, match="has no 'handPara'"):
        read_mat_array(file, "handPara")
    file.write_bytes(b"\0" * 100_001)
    with pytest.raises(InputError, match="more than 0 MB"):
        read_mat_array(file, "handPara")
    with pytest.raises(InputError, match=r"none\.mat cannot be read \(No such file"):
        read_mat_array(tmp_path / "none.mat", "handPara")


@pytest.mark.parametrize("compressed", [True, False])
def test_damaged_bytes_never_escape_as_another_error(tmp_path, compressed):
    data = saved({"a": np.arange(3.0), "handPara": ARRAY}, compressed)
    file = tmp_path / "x.mat"
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(600):
        damaged = bytearray(data)
        for position in rng.integers(120, 320, size=rng.integers(1, 4)):  # the headers
            damaged[position] = rng.integers(0, 256)
        file.write_bytes(damaged)
        try:
            read_mat_array(file, "handPara")
        except InputError:
            refused += 1
    assert 100 < refused < 600
