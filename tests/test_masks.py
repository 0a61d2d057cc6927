"""Mask folders: every kind of PNG that holds a mask, and one sentence for each that does not."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from fitter.errors import InputError
from fitter.observe.masks import MaskFolder

SIZE = (40, 30)


def hand_mask(value: int = 255, dtype: type = np.uint8) -> np.ndarray:
    mask = np.zeros(SIZE[::-1], dtype)
    mask[8:20, 10:25] = value
    return mask


HAND = hand_mask()


def write(folder: Path, *images: np.ndarray, names: tuple[str, ...] = ()) -> Path:
    folder.mkdir(exist_ok=True)
    for index, image in enumerate(images):
        assert cv2.imwrite(str(folder / (names[index] if names else f"{index:05d}.png")), image)
    return folder


def refusal(folder: Path, n_frames: int = 1, index: int | None = None) -> str:
    with pytest.raises(InputError) as caught:
        masks = MaskFolder.open(folder, SIZE, n_frames)
        assert index is not None, "opening should have failed"
        masks.read(index)
    sentence = str(caught.value)
    assert "\n" not in sentence and "expected" in sentence and str(folder) in sentence
    return sentence


def colour_equal(mask: np.ndarray) -> np.ndarray:
    return np.repeat(mask[..., None], 3, axis=2)


def transparent(mask: np.ndarray) -> np.ndarray:
    return np.dstack([colour_equal(mask), np.full(mask.shape, 7, mask.dtype)])


KINDS = {
    "8-bit": HAND,
    "16-bit": hand_mask(65535, np.uint16),
    "8 bits stored in 16": hand_mask(255, np.uint16),
    "RGB": colour_equal(HAND),
    "RGBA": transparent(HAND),
    "16-bit RGBA": transparent(hand_mask(65535, np.uint16)),
    "soft": np.where(HAND > 0, 140, 120).astype(np.uint8),
}


@pytest.mark.parametrize("kind", KINDS)
def test_masks_of_every_kind(kind: str, tmp_path: Path) -> None:
    masks = MaskFolder.open(write(tmp_path / "masks", KINDS[kind]), SIZE, 1)
    assert np.array_equal(masks.read(0), HAND)
    assert masks.warnings == ()


def png(colour_type: int, bits: int, rows: bytes, extra: bytes = b"", size: tuple[int, int] = SIZE) -> bytes:
    """A PNG by hand, for what OpenCV does not write."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", *size, bits, colour_type, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + body


def test_grey_with_alpha_drops_the_alpha(tmp_path: Path) -> None:
    rows = b"".join(b"\0" + np.dstack([row, np.full_like(row, 3)]).tobytes() for row in HAND)
    (tmp_path / "0.png").write_bytes(png(4, 8, rows))
    assert np.array_equal(MaskFolder.open(tmp_path, SIZE, 1).read(0), HAND)


def test_one_bit_per_pixel(tmp_path: Path) -> None:
    rows = b"".join(b"\0" + np.packbits(row > 0).tobytes() for row in HAND)
    (tmp_path / "0.png").write_bytes(png(0, 1, rows))
    assert np.array_equal(MaskFolder.open(tmp_path, SIZE, 1).read(0), HAND)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_masks_of_ones_are_taken_and_said(dtype: type, tmp_path: Path) -> None:
    masks = MaskFolder.open(write(tmp_path / "masks", hand_mask(1, dtype)), SIZE, 1)
    assert np.array_equal(masks.read(0), HAND)
    assert len(masks.warnings) == 1 and "1 is taken for hand" in masks.warnings[0]


def test_natural_order_and_only_pngs(tmp_path: Path) -> None:
    pictures = [np.roll(HAND, shift, axis=1) for shift in range(3)]
    folder = write(tmp_path / "masks", *pictures, names=("m1.png", "m2.PNG", "m10.png"))
    (folder / "notes.txt").write_text("made by hand")
    (folder / ".hidden.png").write_bytes(b"")
    masks = MaskFolder.open(folder, SIZE, 3)
    for index in range(3):
        assert np.array_equal(masks.read(index), pictures[index])


def test_black_and_white_masks_show_no_hand_in_their_frames(tmp_path: Path) -> None:
    black, white = np.zeros_like(HAND), np.full_like(HAND, 255)
    masks = MaskFolder.open(write(tmp_path / "masks", white, black, black, HAND), SIZE, 4)
    assert not masks.read(0).any() and not masks.read(1).any()
    assert np.array_equal(masks.read(3), HAND)


@pytest.mark.parametrize("value, dtype", [(255, np.uint8), (65535, np.uint16), (1, np.uint8)])
def test_white_throughout(value: int, dtype: type, tmp_path: Path) -> None:
    assert "white in every frame" in refusal(write(tmp_path / "masks", *[np.full(SIZE[::-1], value, dtype)] * 2), 2)


def test_black_throughout(tmp_path: Path) -> None:
    assert "black in every frame" in refusal(write(tmp_path / "masks", *[np.zeros_like(HAND)] * 2), 2)


def test_too_dark_throughout(tmp_path: Path) -> None:
    assert "the brightest pixel is 100" in refusal(write(tmp_path / "masks", hand_mask(100)))


def test_black_or_white_but_never_both(tmp_path: Path) -> None:
    folder = write(tmp_path / "masks", np.zeros_like(HAND), np.full_like(HAND, 255))
    assert "no mask holds both" in refusal(folder, 2)


def test_no_folder(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "nowhere")


def test_a_file(tmp_path: Path) -> None:
    file = tmp_path / "masks.png"
    file.write_bytes(b"")
    assert "is no folder" in refusal(file)


def test_no_masks(tmp_path: Path) -> None:
    (tmp_path / "frame.jpg").write_bytes(b"")
    assert "holds no PNG files" in refusal(tmp_path)


@pytest.mark.parametrize("n_frames", [1, 3])
def test_another_count(n_frames: int, tmp_path: Path) -> None:
    assert f"holds 2 masks for the clip's {n_frames} frames" in refusal(write(tmp_path / "m", HAND, HAND), n_frames)


def test_another_size(tmp_path: Path) -> None:
    sentence = refusal(write(tmp_path / "masks", HAND, HAND[:, 1:]), 2)
    assert "00001.png is 39x30" in sentence and "40x30" in sentence


def test_an_enormous_image_is_refused_by_its_header(tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(png(0, 8, b"", size=(60000, 60000)))
    assert "is 60000x60000" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"GIF89a" + bytes(30), b"\x89PNG\r\n\x1a\n"])
def test_no_image(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes(content)
    assert "cannot be read as an image" in refusal(tmp_path)


def test_a_truncated_file(tmp_path: Path) -> None:
    folder = write(tmp_path / "masks", HAND, HAND)
    broken = folder / "00000.png"
    broken.write_bytes(broken.read_bytes()[:-40])
    assert "00000.png cannot be read as an image" in refusal(folder, 2, index=0)


def test_a_coloured_image(tmp_path: Path) -> None:
    coloured = colour_equal(HAND)
    coloured[10, 12] = [10, 20, 30]
    assert "00000.png is a coloured image, not a mask" in refusal(write(tmp_path / "m", coloured, HAND), 2, index=0)


def test_an_unreadable_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", denied)
    assert "cannot be listed (Permission denied)" in refusal(tmp_path)
