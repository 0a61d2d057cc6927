"""Clips: frame counts, times, rotation, pixel formats, and one sentence for everything that is no clip."""

import logging
import os
import shutil
import struct
import tempfile
import wave
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from fitter.clip import open_clip
from fitter.clip.images import natural_key
from fitter.errors import InputError

SHARED = Path(__file__).parents[2] / "shared" / "data"


def pictures(n_frames: int, width: int, height: int) -> list[np.ndarray]:
    """Flat frames that can be told apart: grey rises by 8 per frame; the top left quarter is red."""
    frames = []
    for index in range(n_frames):
        frame = np.full((height, width, 3), 8 * index, dtype=np.uint8)
        frame[: height // 2, : width // 2] = [255, 0, 0]
        frames.append(frame)
    return frames


def write_video(
    path: Path,
    frames: list[np.ndarray],
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    stamps: list[int] | None = None,
    rotation_deg: int = 0,
    options: dict[str, str] | None = None,
) -> None:
    """`stamps` count milliseconds; without them 25 frames per second."""
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        if rotation_deg:
            stream.set_display_rotation(rotation_deg)
        for index, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = stamps[index] if stamps else index * 40
            frame.time_base = Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        open_clip(path)
    sentence = str(caught.value)
    assert str(path) in sentence and "expected" in sentence and "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    "name",
    [
        "asl_hand/asl_hand.25fps.mp4",
        "counting_hand/hand.mp4",
        "finger_touch/human_hand_video.mp4",
        "graph_cnn_real/fullframe_00065_00108.mp4",
        "graph_cnn_real/fullframe_00204_00236.mp4",
        "palm_up/test_video.mp4",
    ],
)
def test_frame_count_is_opencvs(name: str):
    if not (SHARED / name).exists():
        pytest.skip(f"the real clip {name} is not beside this repository (../shared/data)")
    capture = cv2.VideoCapture(str(SHARED / name))
    n_frames = 0
    while capture.grab():
        n_frames += 1
    clip = open_clip(SHARED / name)
    assert (clip.n_frames, clip.width, clip.height) == (n_frames, *(int(capture.get(p)) for p in (3, 4)))
    assert clip.warnings == ()
    if n_frames < 50:
        assert sum(1 for _ in clip.frames()) == n_frames


def test_video_gives_its_frames_in_order(tmp_path: Path):
    write_video(tmp_path / "clip.mp4", pictures(10, 64, 48))
    clip = open_clip(tmp_path / "clip.mp4")
    frames = list(clip.frames())
    assert (clip.name, clip.width, clip.height, clip.n_frames, clip.fps) == ("clip", 64, 48, 10, 25.0)
    np.testing.assert_allclose(clip.time_s, np.arange(10) / 25)
    for index, frame in enumerate(frames):
        assert frame.shape == (48, 64, 3) and frame.dtype == np.uint8
        assert abs(int(frame[-4, -4].mean()) - 8 * index) <= 3
        assert frame[4, 4, 0] > 230 and frame[4, 4, 1] < 25
    for index in (0, 7, 9):
        np.testing.assert_array_equal(clip.still(index), frames[index])
    with pytest.raises(IndexError):
        clip.still(10)


def test_variable_frame_rate_keeps_real_times(tmp_path: Path):
    stamps = [0, 33, 70, 200, 230]
    write_video(tmp_path / "clip.mp4", pictures(5, 64, 48), stamps=stamps)
    clip = open_clip(tmp_path / "clip.mp4")
    np.testing.assert_allclose(clip.time_s, np.array(stamps) / 1000, atol=1e-4)
    assert clip.fps == pytest.approx(4 / 0.23, rel=1e-3)


@pytest.mark.parametrize("rotation_deg", [90, 180, -90])
def test_rotation_follows_the_track_matrix(tmp_path: Path, rotation_deg: int):
    path = tmp_path / "clip.mp4"
    write_video(path, pictures(3, 64, 48), rotation_deg=rotation_deg)
    clip = open_clip(path)
    frame = next(clip.frames())
    assert (clip.height, clip.width) == frame.shape[:2] == ((64, 48) if abs(rotation_deg) == 90 else (48, 64))
    np.testing.assert_array_equal(clip.still(0), frame)

    # ISO 14496-12, 8.3.2: (x, y) is shown at (a x + c y + tx, b x + d y + ty); a, b, c, d are 16.16 fixed point.
    content = path.read_bytes()
    a, b, _, c, d = struct.unpack(">5i", content[content.index(b"tkhd") + 44 :][:20])
    red = frame[..., 0].astype(int) - frame[..., 1] > 150
    assert 0.2 < red.mean() < 0.3
    row, column = np.argwhere(red).mean(axis=0) / red.shape - 0.5
    expected = np.array([[a, c], [b, d]]) / 65536 @ [-0.25, -0.25]
    assert (column, row) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize(
    ("codec", "pixel_format", "size"),
    [("libx264", "yuv420p10le", (64, 48)), ("libx264", "yuv444p", (63, 47)), ("ffv1", "yuv420p", (63, 47))],
)
def test_ten_bits_and_odd_sizes(tmp_path: Path, codec: str, pixel_format: str, size: tuple[int, int]):
    path = tmp_path / "clip.mkv"
    write_video(path, pictures(4, *size), codec, pixel_format)
    clip = open_clip(path)
    frames = list(clip.frames())
    assert len(frames) == clip.n_frames == 4
    assert frames[0].shape == (size[1], size[0], 3) and frames[0].dtype == np.uint8
    assert abs(int(frames[3][-4, -4].mean()) - 24) <= 3 and frames[3][4, 4, 0] > 230


@pytest.mark.parametrize(("suffix", "codec"), [("ts", "libx264"), ("avi", "libx264"), ("webm", "libvpx-vp9")])
def test_containers_that_seek_badly_give_the_same_stills(tmp_path: Path, suffix: str, codec: str):
    path = tmp_path / f"clip.{suffix}"
    write_video(path, pictures(20, 64, 48), codec)
    clip = open_clip(path)
    frames = list(clip.frames())
    assert len(frames) == clip.n_frames == 20
    for index in (0, 9, 19):
        np.testing.assert_array_equal(clip.still(index), frames[index])
        assert abs(int(frames[index][-4, -4].mean()) - 8 * index) <= 4


def test_one_frame_is_a_clip(tmp_path: Path):
    write_video(tmp_path / "clip.mp4", pictures(1, 64, 48))
    cv2.imwrite(str(tmp_path / "hand.png"), pictures(1, 64, 48)[0])
    for name in ("clip.mp4", "hand.png"):
        clip = open_clip(tmp_path / name)
        assert clip.n_frames == 1 and clip.fps > 0
        np.testing.assert_array_equal(clip.time_s, [0.0])
        assert len(list(clip.frames())) == 1


def test_truncated_video_gives_what_decodes(tmp_path: Path):
    noise = list(np.random.default_rng(0).integers(0, 255, (40, 48, 64, 3), dtype=np.uint8))
    write_video(tmp_path / "whole.mp4", noise, options={"movflags": "faststart"})
    content = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "half.mp4").write_bytes(content[: len(content) // 2])
    clip = open_clip(tmp_path / "half.mp4")
    assert 10 <= clip.n_frames < 40
    assert len(clip.warnings) == 1 and f"40 frames but only {clip.n_frames}" in clip.warnings[0]
    assert len(list(clip.frames())) == clip.n_frames == len(clip.time_s)


def test_truncated_before_its_index_is_refused(tmp_path: Path):
    write_video(tmp_path / "whole.mp4", pictures(20, 64, 48))
    content = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "half.mp4").write_bytes(content[: len(content) // 2])
    assert "cannot be read as a video" in refusal(tmp_path / "half.mp4")


def test_damaged_frames_repeat_their_neighbours(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    noise = list(np.random.default_rng(0).integers(0, 255, (12, 48, 64, 3), dtype=np.uint8))
    path = tmp_path / "clip.mp4"
    write_video(path, noise, "mjpeg", "yuvj420p")
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    content = bytearray(path.read_bytes())
    position, size = packets[5]
    assert position is not None
    content[position : position + size] = bytes(size)
    path.write_bytes(content)
    clip = open_clip(path)
    assert clip.n_frames == 12
    with caplog.at_level(logging.WARNING):
        frames = list(clip.frames())
    assert len(frames) == 12
    np.testing.assert_array_equal(frames[5], frames[4])
    assert "1 damaged frames" in caplog.text


def test_missing_and_empty_files_are_refused(tmp_path: Path):
    assert "does not exist" in refusal(tmp_path / "none.mp4")
    (tmp_path / "empty.mp4").touch()
    assert "empty file" in refusal(tmp_path / "empty.mp4")


def test_video_without_frames_is_refused(tmp_path: Path):
    with av.open(str(tmp_path / "clip.avi"), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        container.start_encoding()
    assert "no frame that can be decoded" in refusal(tmp_path / "clip.avi")


def test_text_and_sound_are_refused(tmp_path: Path):
    for name in ("text.mp4", "text.txt"):
        (tmp_path / name).write_text("this is no video\n" * 100)
    assert "cannot be read as a video" in refusal(tmp_path / "text.mp4")
    assert "text file" in refusal(tmp_path / "text.txt")
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(struct.pack("<8000h", *range(8000)))
    assert "no video stream" in refusal(tmp_path / "sound.wav")


def test_a_playlist_opens_nothing_else(tmp_path: Path):
    write_video(tmp_path / "secret.ts", pictures(5, 64, 48))
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", "#EXTINF:1,", "http://localhost:9/secret.ts", "#EXT-X-ENDLIST"]
    (tmp_path / "list.mp4").write_text("\n".join(lines))
    refusal(tmp_path / "list.mp4")


def test_special_files_are_refused(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "neither a file nor a folder" in refusal(tmp_path / "pipe.mp4")


def test_folder_in_natural_order(tmp_path: Path):
    for index in (10, 2, 1):
        cv2.imwrite(str(tmp_path / f"frame{index}.png"), np.full((6, 8, 3), index, dtype=np.uint8))
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "._frame1.png").write_text("a file system's own notes")
    clip = open_clip(tmp_path, fps=20.0)
    assert (clip.name, clip.n_frames, clip.width, clip.height, clip.fps) == (tmp_path.name, 3, 8, 6, 20.0)
    assert [int(frame[0, 0, 0]) for frame in clip.frames()] == [1, 2, 10]
    np.testing.assert_allclose(clip.time_s, [0.0, 0.05, 0.1])
    assert "20 frames per second assumed" in clip.warnings[0]


def test_natural_key_orders_numbers_and_words():
    names = ["b1.png", "a10.png", "a9.png", "A1.png", "a.png", "10.png", "9.png", "a01.png"]
    expected = ["9.png", "10.png", "a.png", "A1.png", "a01.png", "a9.png", "a10.png", "b1.png"]
    assert sorted(names, key=natural_key) == expected


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "bmp"])
def test_every_image_format_becomes_rgb(tmp_path: Path, suffix: str):
    bgr = np.zeros((16, 16, 3), dtype=np.uint8)
    bgr[:] = [20, 100, 200]
    cv2.imwrite(str(tmp_path / f"a.{suffix}"), bgr)
    frame = open_clip(tmp_path).still(0)
    assert np.abs(frame.astype(int) - [200, 100, 20]).max() <= 4


def test_depth_and_channels_become_eight_bit_rgb(tmp_path: Path):
    cases = {
        "grey.png": (np.full((4, 4), 77, dtype=np.uint8), [77, 77, 77]),
        "deep.png": (np.full((4, 4, 3), [0, 257 * 100, 65535], dtype=np.uint16), [255, 100, 0]),
        "deepgrey.tif": (np.full((4, 4), 257 * 9, dtype=np.uint16), [9, 9, 9]),
        "alpha.png": (np.full((4, 4, 4), [10, 20, 30, 0], dtype=np.uint8), [30, 20, 10]),
        "float.tif": (np.full((4, 4, 3), [0.0, 0.5, 2.0], dtype=np.float32), [255, 128, 0]),
    }
    for name, (image, expected) in cases.items():
        cv2.imwrite(str(tmp_path / name), image)
        frame = open_clip(tmp_path / name).still(0)
        assert frame.dtype == np.uint8 and frame.shape == (4, 4, 3)
        np.testing.assert_allclose(frame[0, 0], expected, atol=1 if name == "float.tif" else 0, err_msg=name)


def test_exif_orientation_is_applied(tmp_path: Path):
    ok, content = cv2.imencode(".jpg", pictures(1, 64, 48)[0][..., ::-1])
    assert ok
    # A TIFF header with one entry, tag 0x112 (orientation) = 6: turn clockwise to stand upright.
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    (tmp_path / "a.jpg").write_bytes(content.tobytes()[:2] + segment + content.tobytes()[2:])
    clip = open_clip(tmp_path / "a.jpg")
    assert (clip.width, clip.height) == (48, 64)
    assert clip.still(0)[4, -4, 0] > 230 and clip.still(0)[4, 4, 0] < 25


def test_folder_without_images_is_refused(tmp_path: Path):
    assert "holds no images" in refusal(tmp_path)


def test_images_of_two_sizes_name_both(tmp_path: Path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((48, 64, 3), dtype=np.uint8))
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((24, 64, 3), dtype=np.uint8))
    sentence = refusal(tmp_path)
    assert "a.png is 64x48" in sentence and "b.png is 64x24" in sentence


def test_a_slight_difference_in_size_is_found_when_read(tmp_path: Path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((48, 64, 3), dtype=np.uint8))
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((47, 64, 3), dtype=np.uint8))
    with pytest.raises(InputError, match="b.png is 64x47"):
        list(open_clip(tmp_path).frames())


@pytest.mark.parametrize("content", [b"", b"no image at all"])
def test_unreadable_image_is_refused(tmp_path: Path, content: bytes):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((48, 64, 3), dtype=np.uint8))
    (tmp_path / "b.png").write_bytes(content)
    with pytest.raises(InputError, match="b.png cannot be read as an image"):
        open_clip(tmp_path)


def test_without_permission_is_refused():
    folder = Path(tempfile.mkdtemp())  # unlike tmp_path, its parents let anybody pass
    cv2.imwrite(str(folder / "a.png"), np.zeros((48, 64, 3), dtype=np.uint8))
    folder.chmod(0)
    try:
        if os.getuid() == 0:
            os.seteuid(65534)  # the super-user may read everything: be nobody for the moment
        sentence = refusal(folder)
    finally:
        os.seteuid(os.getuid())
        folder.chmod(0o700)
        shutil.rmtree(folder)
    assert "permission denied" in sentence
