"""Archives of arrays, broken: their members, and the headers and numbers of the arrays in them.

mutated_npz(content, random.Random(7))
"""

import io
import random
import struct
import zipfile
import zlib

import numpy as np

DTYPES = ("<f8", "<f4", "<f2", ">f8", "<c16", "<i8", "|u1", "|b1", "<U5", "|S3", "|O", "<M8[s]", "|V8", "<i4", "<u8")
SHAPES = (
    (),
    (0,),
    (1,),
    (0, 3),
    (2, 21, 3),
    (21, 2),
    (1, 1, 1, 1, 1),
    (2**31,),
    (2**62, 4),
    (10**30,),
    (-1,),
    (3,) * 33,
)
EXTREMES = (np.nan, np.inf, -np.inf, 0.0, -1.0, 1.0, 1e308, -1e308, 1e30, 5e-324, 2.0**31, 0.5)
NAMES = ("", "../x.npy", "/x.npy", "a" * 300 + ".npy", "\n.npy", "format_version.npy")
FILLER_BYTES = 10**6
LIES = ("{", "{}", "None", "{'descr': '<f8'}", "{'descr': 'f8', 'fortran_order': 2, 'shape': 3}", "[" * 500, "\0")


def members_of(content: bytes) -> dict[str, bytes] | None:
    """The members of a zip archive; None where it is none any more."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {info.filename: archive.read(info) for info in archive.infolist()}
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, EOFError, RuntimeError, NotImplementedError, KeyError):
        return None
    except (struct.error, UnicodeDecodeError, IndexError, MemoryError):
        return None


def archive_of(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return packed.getvalue()


def mutated_zip(content: bytes, rng: random.Random) -> bytes:
    """A member removed, renamed, doubled, packed otherwise, cut, or blown up; or a lie in its headers."""
    members = members_of(content)
    if not members or rng.random() < 0.25:
        return _lying_headers(content, rng)
    name = rng.choice(list(members))
    match rng.randrange(6):
        case 0:
            del members[name]
        case 1:
            members[rng.choice(NAMES)] = members.pop(name)
        case 2:
            members[rng.choice([*members, *NAMES])] = members[name]
        case 3:
            members[name] = members[name][: rng.randrange(len(members[name]) + 1)]
        case 4:
            members[name] += bytes(rng.choice((1, 1000, FILLER_BYTES)))
        case _:
            pass
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    return archive_of(members, rng.choice(methods))


def _lying_headers(content: bytes, rng: random.Random) -> bytes:
    """Another method, flag or size in a local header, in the directory, or in its end."""
    data = bytearray(content)
    signs = (b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06")
    places = [place for sign in signs for place in [content.find(sign)] if place >= 0]
    if not places:
        return content[: rng.randrange(len(content) + 1)]
    at = rng.choice(places) + rng.randrange(4, 46)
    size = rng.choice((1, 2, 4))
    data[at : at + size] = (rng.choice((0, 1, 8, 12, 14, 99, 0xFFFF, 0xFFFFFFFF)) % (1 << (8 * size))).to_bytes(
        size, "little"
    )
    return bytes(data)


def mutated_npz(content: bytes, rng: random.Random) -> bytes:
    """An array of another type, shape or content, or a lie in its header; or broken as any archive."""
    members = members_of(content)
    if not members or rng.random() < 0.25:
        return mutated_zip(content, rng)
    name = rng.choice(list(members))
    members[name] = mutated_npy(members[name], rng)
    return archive_of(members, rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))


def mutated_npy(content: bytes, rng: random.Random) -> bytes:
    """One array (.npy) with other numbers, another type, another shape, or another header than its content has."""
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, OSError, SyntaxError, MemoryError):
        return content[: rng.randrange(len(content) + 1)]
    match rng.randrange(7):
        case 0 | 1 if array.size and array.dtype.kind == "f":
            array = array.copy()
            flat = array.reshape(-1)
            first = rng.randrange(len(flat))
            with np.errstate(over="ignore"):
                flat[first : first + rng.choice((1, 1, 3, 63, len(flat)))] = np.array(rng.choice(EXTREMES)).astype(
                    array.dtype
                )
        case 0 | 1 if array.size and array.dtype.kind in "iub":
            array = array.copy()
            flat = array.reshape(-1)
            flat[rng.randrange(len(flat))] = np.array(rng.choice((0, 1, -1, 2**31, 2**63 - 1))).astype(array.dtype)
        case 2:
            wanted = rng.choice(("f8", "f4", "f2", "i8", "u1", "?", "U5", "S3", "c16"))
            with np.errstate(all="ignore"):
                array = array.astype(wanted) if array.dtype.kind in "fiub" else np.zeros(array.shape, wanted)
        case 3:
            axes = list(array.shape)
            shapes = [[*axes, 1], [1, *axes], axes[1:], axes[:-1], axes[::-1]]
            array = np.resize(array, rng.choice(shapes)) if array.size else array[..., None]
        case 4 if array.ndim:
            axis = rng.randrange(array.ndim)
            array = np.take(array, range(min(rng.choice((0, 1, 2)), array.shape[axis])), axis=axis)
        case 5:
            return _with_header(content, rng.choice(LIES))
        case _:
            return _with_header(
                content, repr({"descr": rng.choice(DTYPES), "fortran_order": False, "shape": rng.choice(SHAPES)})
            )
    packed = io.BytesIO()
    np.save(packed, np.asfortranarray(array) if rng.random() < 0.2 else array, allow_pickle=False)
    return packed.getvalue()


def _with_header(content: bytes, header: str) -> bytes:
    """The same data under another header."""
    size = struct.unpack_from("<H", content, 8)[0]
    text = header.encode("latin1") + b"\n"
    return content[:8] + struct.pack("<H", len(text)) + text + content[10 + size :]
