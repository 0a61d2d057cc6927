"""Valid files, broken: by bytes, and in the ways that their format suggests.

    mutated(content, "npz", random.Random(7))

All choices come from one `random.Random`, so that an input is its seed; atheris hands in its own.
"""

import json
import random
import struct
import zlib
from collections.abc import Callable

from tests.fuzz.archives import mutated_npz, mutated_zip

NUMBERS = (0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
WORDS = ("NaN", "Infinity", "-Infinity", "1e999", "-1e308", "1e308", "-1", "0", "null", "true", '""', "[]", "{}")
VALUES: tuple[object, ...] = (
    *(None, True, False, 0, -1, 1, 2, 21, 1e308, -1e308, float("nan"), float("inf"), 10**400, 2**63, 5e-324),
    *("", "left", "right", "\x00", "\ud800", "\x1b[2J", "x" * 3000, "../../x", "nan", "1", "²"),
    *([], {}, [[]], [None], [1, [2]], {"": 0}, [0.0] * 63, [0.0] * 21, [[0.0] * 3] * 21),
)
SYNTAX = (b"[", b"]", b"{", b"}", b",", b":", b"\n", b"  ", b"- ", b"&a ", b"*a ", b"!!int ", b"? ", b"| ", b"%", b"#")
NESTING = 100_000


def mutated(content: bytes, kind: str, rng: random.Random) -> bytes:
    """`content` broken in one to three places, by its kind or as bytes; some formats are packed in each other."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        by_kind = MUTATORS.get(kind, mutated_bytes) if rng.random() < 0.7 else mutated_bytes
        try:
            content = by_kind(content, rng)
        except Exception:  # what is broken already may be beyond its own tools
            content = mutated_bytes(content, rng)
    return content


def mutated_bytes(content: bytes, rng: random.Random) -> bytes:
    """One flip, number, cut, removal, repetition, insertion or swap."""
    data = bytearray(content)
    place = rng.randrange(len(data) + 1)
    length = min(rng.choice((1, 1, 2, 4, 8, 16, 64, 1024)), len(data) - place)
    match rng.randrange(8):
        case 0 if length:
            data[place] ^= 1 << rng.randrange(8)
        case 1:
            data[place : place + length] = bytes(rng.randrange(256) for _ in range(length))
        case 2:
            del data[place:]
        case 3:
            del data[place : place + length]
        case 4:
            data[place:place] = bytes(data[place : place + length]) * rng.choice((1, 2, 100))
        case 5:
            data[place:place] = bytes(rng.randrange(256) for _ in range(rng.choice((1, 4, 32))))
        case 6:
            size, order = rng.choice((1, 2, 4, 8)), rng.choice(("little", "big"))
            number = rng.choice(NUMBERS) % (1 << (8 * size))
            data[place : place + size] = number.to_bytes(size, order)
        case _:
            other = rng.randrange(len(data) + 1)
            data[place : place + length] = data[other : other + length]
    return bytes(data)


def mutated_text(content: bytes, rng: random.Random) -> bytes:
    """A word put in, a line doubled, moved or indented, or a sign of the syntax, once or very often."""
    lines = content.split(b"\n")
    line = rng.randrange(len(lines))
    match rng.randrange(6):
        case 0:
            lines.insert(rng.randrange(len(lines) + 1), lines[line])
        case 1:
            lines[line] = b"  " * rng.choice((1, 2, 1000)) + lines[line].lstrip()
        case 2:
            lines[line] = rng.choice(SYNTAX) * rng.choice((1, 2, 50, NESTING)) + lines[line]
        case 3:
            head, _, _ = lines[line].partition(b":")
            lines[line] = head + b": " + rng.choice(WORDS).encode()
        case 4:
            parts = lines[line].split(b" ")
            parts[rng.randrange(len(parts))] = rng.choice(WORDS).encode() + rng.choice((b"", b";", b","))
            lines[line] = b" ".join(parts)
        case _:
            head, _, tail = lines[line].partition(b":")
            lines[line] = head + b": " + rng.choice((b"!!int ''", b"!!float x", b"!!bool x", b"&a [*a]", b"'")) + tail
    return b"\n".join(lines)


def mutated_json(content: bytes, rng: random.Random) -> bytes:
    """A value replaced, removed, doubled or wrapped somewhere in the tree, or nested beyond all measure."""
    if rng.random() < 0.05:
        opening, closing = rng.choice(((b"[", b"]"), (b'{"a":', b"}")))
        return opening * NESTING + b"1" + closing * NESTING
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        return mutated_text(content, rng)
    holders = [(tree, key) for key in _keys(tree)]
    for holder, key in holders:
        if len(holders) < 2000:
            holders += [(holder[key], below) for below in _keys(holder[key])]
    if not holders:
        return json.dumps(rng.choice(VALUES)).encode()
    holder, key = rng.choice(holders)
    match rng.randrange(6):
        case 0 | 1 | 2:
            holder[key] = rng.choice(VALUES)
        case 3:
            del holder[key]
        case 4 if isinstance(holder, list):
            holder.extend([holder[key]] * rng.choice((1, 2, 100)))
        case 4:
            holder[rng.choice(("", "frame", "hands", "people", "x" * 200))] = holder[key]
        case _:
            holder[key] = rng.choice(([holder[key]], {"a": holder[key]}, str(holder[key])))
    return json.dumps(tree).encode()


def _keys(value: object) -> list:
    return list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []


def mutated_safetensors(content: bytes, rng: random.Random) -> bytes:
    """The header's JSON broken as JSON, its length right again, or the length itself."""
    size = int.from_bytes(content[:8], "little")
    if rng.random() < 0.2 or size > len(content):
        return rng.choice(NUMBERS).to_bytes(8, "little") + content[8:]
    header, data = content[8 : 8 + size], content[8 + size :]
    tree = _header(header)
    if tree is not None and rng.random() < 0.5:  # a document within a text of the header
        name = next(iter(tree["__metadata__"]))
        tree["__metadata__"][name] = mutated_json(tree["__metadata__"][name].encode(), rng).decode("utf-8", "replace")
        header = json.dumps(tree).encode()
    else:
        header = mutated_json(header, rng)
    return len(header).to_bytes(8, "little") + header + data


def _header(header: bytes) -> dict | None:
    """The header where its own part holds a document."""
    try:
        tree = json.loads(header)
    except (ValueError, RecursionError):
        return None
    texts = tree.get("__metadata__") if isinstance(tree, dict) else None
    return tree if isinstance(texts, dict) and isinstance(next(iter(texts.values()), None), str) else None


def mutated_png(content: bytes, rng: random.Random) -> bytes:
    """A chunk broken, removed, doubled or renamed, its check sum right again; or another size of the picture."""
    chunks, place = [], 8
    while place + 12 <= len(content):
        size = int.from_bytes(content[place : place + 4], "big")
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + size]))
        place += 12 + size
    if not chunks:
        return mutated_bytes(content, rng)
    at = rng.randrange(len(chunks))
    name, data = chunks[at]
    match rng.randrange(6):
        case 0 if chunks[0][0] == b"IHDR" and len(chunks[0][1]) == 13:
            sides = [rng.choice((0, 1, 2, 16, 1000, 30000, 2**31 - 1, 2**32 - 1)) for _ in range(2)]
            chunks[0] = (b"IHDR", struct.pack(">II", *sides) + chunks[0][1][8:])
        case 1:
            chunks[at] = (name, mutated_bytes(data, rng))
        case 2:
            del chunks[at]
        case 3:
            chunks.insert(rng.randrange(len(chunks) + 1), (name, data))
        case 4 if name == b"IDAT":
            packed = zlib.compress(rng.choice((b"", b"\0" * 10**7, bytes(rng.randrange(256) for _ in range(200)))))
            chunks[at] = (name, packed)
        case _:
            chunks[at] = (rng.choice((b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"acTL", b"iCCP", b"IEND", b"zzzz")), data)
    packed = [len(d).to_bytes(4, "big") + n + d + zlib.crc32(n + d).to_bytes(4, "big") for n, d in chunks]
    return content[:8] + b"".join(packed)


def mutated_pickle(content: bytes, rng: random.Random) -> bytes:
    """An opcode put in or replaced, or a word of the program by another."""
    opcodes = (
        b"().0123456789FGIJKLMNPQRSTUVXabcdeghijlopqrstu}]\x80\x81\x82\x85\x86\x87\x88\x8a\x8c\x8e\x8f\x93\x94\x95"
    )
    place = rng.randrange(len(content) + 1)
    match rng.randrange(4):
        case 0:
            return content[:place] + bytes([rng.choice(opcodes)]) + content[place:]
        case 1:
            return content[:place] + bytes([rng.choice(opcodes)]) + content[place + 1 :]
        case 2:
            hostile = (b"cos\nsystem\n", b"cbuiltins\nexec\n", b"(lp0\n", b"\x8b\xff\xff\xff\x7f", b"((((((((" * 1000)
            return content[:place] + rng.choice(hostile) + content[place:]
        case _:
            words = (b"f8", b"f4", b"O8", b"<", b"dtype", b"ndarray", b"latin1", b"_reconstruct", b"scalar", b"Ch")
            old = rng.choice([word for word in words if word in content] or [b""])
            return content.replace(old, rng.choice(words), rng.choice((1, -1))) if old else mutated_bytes(content, rng)


def mutated_boxes(content: bytes, rng: random.Random) -> bytes:
    """A box of an MP4 (or chunk of an AVI) with another size, name, or numbers in it."""
    names = (
        b"ftyp moov mvhd trak tkhd edts elst mdia mdhd hdlr minf stbl stsd avc1 avcC stts ctts stss stsc stsz stco mdat"
    ).split()
    names += [b"RIFF", b"LIST", b"avih", b"strh", b"strf", b"idx1", b"movi", b"00dc"]
    found = [content.find(name) for name in names if name in content]
    if not found:
        return mutated_bytes(content, rng)
    place, data = rng.choice(found), bytearray(content)
    match rng.randrange(4):
        case 0:
            data[max(place - 4, 0) : place] = (rng.choice(NUMBERS) % 2**32).to_bytes(4, "big")
        case 1:
            data[place : place + 4] = rng.choice(names)
        case _:
            at = place + 4 + 4 * rng.randrange(24)
            data[at : at + 4] = (rng.choice(NUMBERS) % 2**32).to_bytes(4, rng.choice(("little", "big")))
    return bytes(data)


MUTATORS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "npz": mutated_npz,
    "zip": mutated_zip,
    "json": mutated_json,
    "yaml": mutated_text,
    "text": mutated_text,
    "safetensors": mutated_safetensors,
    "png": mutated_png,
    "pickle": mutated_pickle,
    "video": mutated_boxes,
}
