"""How large an image says that it is, read from its first bytes: one that claims to be enormous is never decoded.

    announced_size(content)             # (width, height); None where it is none of the formats that are read

PNG, JPEG, BMP, WebP and TIFF are known by their content, whatever their names say; other decoders are never reached.
"""

import struct

# A camera's picture has a tenth of this; as 8-bit RGB it takes 400 MB.
MOST_PIXELS = 2**27

PNG = b"\x89PNG\r\n\x1a\n"
# Markers of JPEG that begin a frame, and with it say the size (ITU-T T.81, table B.1).
JPEG_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
JPEG_BARE = frozenset({0x01, 0xFF, *range(0xD0, 0xD9)})  # markers without a length
TIFF_WIDTH, TIFF_HEIGHT, TIFF_SHORT = 256, 257, 3
MOST_TIFF_TAGS = 1000


def announced_size(content: bytes) -> tuple[int, int] | None:
    """(width, height) in pixels, or None where the content is no image of these formats or is cut short."""
    try:
        if content.startswith(PNG):
            return _png(content)
        if content.startswith(b"\xff\xd8"):
            return _jpeg(content)
        if content.startswith(b"BM"):
            width, height = struct.unpack("<ii", content[18:26])
            return abs(width), abs(height)
        if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            return _webp(content)
        if content[:4] in (b"II*\0", b"MM\0*"):
            return _tiff(content, "<" if content.startswith(b"II") else ">")
    except struct.error:
        return None
    return None


def _png(content: bytes) -> tuple[int, int] | None:
    """From the first chunk, if all chunks lie within the file: OpenCV makes room for each before it reads it."""
    place = len(PNG)
    if content[place : place + 8] != b"\0\0\0\rIHDR":
        return None
    while place + 8 <= len(content):  # a chunk has begun: its length and its name are there
        (length,) = struct.unpack(">I", content[place : place + 4])
        if place + 12 + length > len(content):
            return None
        if content[place + 4 : place + 8] == b"IEND":
            break
        place += 12 + length
    return struct.unpack(">II", content[16:24])


def _jpeg(content: bytes) -> tuple[int, int] | None:
    place = 2
    while place + 4 <= len(content):
        marker = content[place + 1]
        if content[place] != 0xFF:
            place = content.find(b"\xff", place)  # decoders pass over what is between the parts
            if place < 0:
                return None
        elif marker in JPEG_BARE:
            place += 1 if marker == 0xFF else 2
        elif marker in JPEG_FRAMES:
            height, width = struct.unpack(">HH", content[place + 5 : place + 9])
            return width, height
        else:
            place += 2 + max(struct.unpack(">H", content[place + 2 : place + 4])[0], 2)
    return None


def _webp(content: bytes) -> tuple[int, int] | None:
    """The canvas, or the one picture ("WebP Container Specification", RFC 9649)."""
    kind = content[12:16]
    if kind == b"VP8X":
        return int.from_bytes(content[24:27], "little") + 1, int.from_bytes(content[27:30], "little") + 1
    if kind == b"VP8L":
        (bits,) = struct.unpack("<I", content[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", content[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def _tiff(content: bytes, order: str) -> tuple[int, int] | None:
    """From the first directory; of a tag that is given twice the larger one."""
    (place,) = struct.unpack(f"{order}I", content[4:8])
    (count,) = struct.unpack(f"{order}H", content[place : place + 2])
    found = {TIFF_WIDTH: 0, TIFF_HEIGHT: 0}
    for entry in range(min(count, MOST_TIFF_TAGS)):
        start = place + 2 + 12 * entry
        tag, kind = struct.unpack(f"{order}HH", content[start : start + 4])
        if tag in found:
            form, size = ("H", 2) if kind == TIFF_SHORT else ("I", 4)
            (value,) = struct.unpack(f"{order}{form}", content[start + 8 : start + 8 + size])
            found[tag] = max(found[tag], value)
    return found[TIFF_WIDTH], found[TIFF_HEIGHT]
