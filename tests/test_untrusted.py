"""Files that are none, words that are no words, arrays and images that lie: what `fitter.untrusted` makes of them."""

import io
import os
import struct
import time
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from fitter.clip.images import read_image
from fitter.errors import InputError
from fitter.untrusted import (
    MOST_PIXELS,
    Damaged,
    Oversized,
    announced_size,
    open_regular,
    quoted,
    read_plain_arrays,
    read_regular,
)


def test_pipes_and_devices_are_refused_at_once_and_links_followed(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.png")
    began = time.monotonic()
    for path in (tmp_path / "pipe.png", Path("/dev/zero"), Path("/dev/null")):
        with pytest.raises(OSError, match="neither a file nor a folder"):
            open_regular(path)
    with pytest.raises(InputError, match="neither a file nor a folder"):
        read_image(tmp_path / "pipe.png")
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)
    assert time.monotonic() - began < 1
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link", 10) == b"12345" and read_regular(tmp_path / "link", 3) == b"1234"


def test_what_is_quoted_is_one_printable_short_line():
    assert quoted("a\x1b[2J\n b\x00" + "x" * 10**6, 12) == "a?[2J b?xxxx..."
    assert quoted("\ud800é") == "?é" and quoted(ValueError("no\nway")) == "no way"


def npz(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def npy(header: str, content: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header.encode() + b"\n" + content


def plain(descr: str, shape: object, content: bytes = b"") -> bytes:
    return npy(repr({"descr": descr, "fortran_order": False, "shape": shape}), content)


HOSTILE = {
    "unclosed": npy("{"),
    "no dictionary": npy("[" * 400),
    "escape": npy("'\\$'"),
    "huge": plain("<f8", (2**62, 4)),
    "beyond integers": plain("<f8", (10**30,)),
    "negative": plain("<f8", (-1,)),
    "objects": plain("|O", (1,), b"cos\nsystem\n."),
    "void": plain("|V8", (2**31,)),
    "dates": plain("<M8[s]", (1,), bytes(8)),
    "no text": plain("<U1", (1,), b"\xff\xff\xff\x7f"),
    "surrogate": plain("<U1", (1,), b"\x00\xd8\x00\x00"),
    "cut": plain("<f8", (2,), bytes(8)),
    "no array": b"12345678",
    "empty": b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_arrays_that_lie_are_damaged(tmp_path: Path, name: str):
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        (tmp_path / "x.npz").write_bytes(npz({"a.npy": HOSTILE[name]}, method))
        with pytest.raises(Damaged) as damage:
            read_plain_arrays(tmp_path / "x.npz", {"a"}, 2**20)
        assert str(damage.value).isprintable()


def test_other_packings_bombs_and_encryption_are_damaged(tmp_path: Path):
    path, array = tmp_path / "x.npz", plain("<f8", (2,), bytes(16))
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        path.write_bytes(npz({"a.npy": array}, method))
        with pytest.raises(Damaged, match="packed in another way"):
            read_plain_arrays(path, {"a"}, 2**20)
    path.write_bytes(npz({"a.npy": plain("|u1", (10**7,), bytes(10**7))}, zipfile.ZIP_DEFLATED))
    with pytest.raises(Oversized, match="unpacks to more than 1 MiB"):
        read_plain_arrays(path, {"a"}, 2**20)
    assert read_plain_arrays(path, {"b"}, 2**20) == {}
    encrypted = bytearray(npz({"a.npy": array}))
    for sign in (b"PK\x03\x04", b"PK\x01\x02"):
        encrypted[encrypted.find(sign) + (6 if sign[2] == 3 else 8)] |= 1
    path.write_bytes(encrypted)
    with pytest.raises(Damaged, match="packed in another way"):
        read_plain_arrays(path, None, 2**20)


def test_every_plain_array_is_read_as_numpy_reads_it(tmp_path: Path):
    rng = np.random.default_rng(0)
    arrays = {
        "f8": rng.normal(size=(3, 2)),
        "columns": np.asfortranarray(rng.normal(size=(3, 2))),
        "big": np.arange(4, dtype=">i4").reshape(2, 2),
        "text": np.array(["left", "é"]),
        "one": np.array("x"),
        "truth": np.array([True, False]),
        "empty": np.zeros((0, 3)),
        "scalar": np.array(2.5),
        "long": rng.normal(size=300_000),
    }
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "x.npz", **arrays)  # pyright: ignore[reportArgumentType] (numpy's stub: allow_pickle)
        found = read_plain_arrays(tmp_path / "x.npz", None, 2**24)
        assert found.keys() == arrays.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)
            assert found[name].dtype.isnative and found[name].flags.writeable
            assert found[name].dtype == array.dtype.newbyteorder("=")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".tiff"])
def test_the_announced_size_is_the_decoded_one(suffix: str):
    image = np.random.default_rng(0).integers(0, 255, (23, 37, 3), dtype=np.uint8)
    content = cv2.imencode(suffix, image)[1].tobytes()
    assert announced_size(content) == (37, 23)
    for length in range(0, len(content), 7):
        announced_size(content[:length])  # never an error


def chunk(name: bytes, data: bytes, length: int | None = None) -> bytes:
    size = len(data) if length is None else length
    return struct.pack(">I", size) + name + data + struct.pack(">I", zlib.crc32(name + data))


def test_enormous_images_and_chunks_are_never_decoded(tmp_path: Path):
    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    small = struct.pack(">IIBBBBB", 48, 32, 8, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n"
    path = tmp_path / "x.png"
    path.write_bytes(start + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))
    assert 30_000**2 > MOST_PIXELS
    with pytest.raises(InputError, match="says to be 30000x30000: expected at most 128 megapixels"):
        read_image(path)
    # OpenCV makes room for as much as a chunk announces: 0.5 GB and seven seconds for these 178 bytes.
    damaged = (
        chunk(b"IHDR", small, 0x2000000D),
        chunk(b"IHDR", small) + chunk(b"IDAT", b"1", 0x1A571A57),
        chunk(b"IHDR", small) + bytes.fromhex("5b6732580000006a"),  # ends where the chunk begins
    )
    for content in damaged:
        path.write_bytes(start + content)
        assert announced_size(path.read_bytes()) is None
        with pytest.raises(InputError, match="expected a complete PNG file"):
            read_image(path)
