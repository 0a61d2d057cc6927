"""The focal length that telephones write into their files, and what is not one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fitter.app.options import Command
from fitter.app.steps import camera_of
from fitter.camera import ASSUMED_FOCAL
from fitter.clip import open_clip
from fitter.clip.lens_metadata import EXIF_POINTER, FOCAL_TAG, QUICKTIME_KEY, focal_length_35mm
from fitter.clip.video import VideoClip

SIZE = (64, 48)


def video(path: Path, **metadata: str) -> Path:
    """Three black frames with the metadata of a QuickTime file."""
    import av

    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata.update(metadata)
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        black = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(black, format="rgb24")))
        container.mux(stream.encode())
    return path


def photo(path: Path, focal: int | None) -> Path:
    """A black picture whose EXIF has this focal length."""
    from PIL import Image

    image, exif = Image.new("RGB", SIZE), Image.Exif()
    if focal is not None:
        exif.get_ifd(EXIF_POINTER)[FOCAL_TAG] = focal
    path.parent.mkdir(exist_ok=True)
    image.save(path, exif=exif)
    return path


def test_a_telephones_video_tells_its_lens(tmp_path: Path) -> None:
    clip = open_clip(video(tmp_path / "clip.mov", **{QUICKTIME_KEY: "26"}))
    assert focal_length_35mm(clip) == 26.0
    camera = camera_of(Command(input=str(clip.path)), clip)
    assert (camera.known, camera.focal_source, camera.focal_sigma) == (False, "metadata", 0.1)
    # 26 mm of the 43.27 mm diagonal, which is 1.25 widths of the sensor, a tenth of it cut off.
    assert camera.fx == camera.fy == pytest.approx(26 / 43.27 * 1.25 * 1.1 * 64)
    assert (camera.cx, camera.cy) == (32.0, 24.0)
    given = camera_of(Command(input=str(clip.path), intrinsics="60,60,32,24"), clip)
    assert given.known and given.fx == 60.0


@pytest.mark.parametrize("value", ["", "wide", "nan", "0", "-26", "1e9", "inf"])
def test_what_is_no_lens_is_passed_over(tmp_path: Path, value: str) -> None:
    clip = open_clip(video(tmp_path / "clip.mov", **{QUICKTIME_KEY: value}))
    assert focal_length_35mm(clip) is None
    camera = camera_of(Command(input=str(clip.path)), clip)
    assert (camera.fx, camera.focal_source, camera.focal_sigma) == (ASSUMED_FOCAL * 64, "assumed", 0.2)


def test_photographs_tell_it_in_exif(tmp_path: Path) -> None:
    for number in range(3):
        photo(tmp_path / "photos" / f"{number}.jpg", 28)
    clip = open_clip(tmp_path / "photos")
    assert focal_length_35mm(clip) == 28.0
    camera = camera_of(Command(input=str(clip.path)), clip)
    assert camera.fx == pytest.approx(28 / 43.27 * 80.0) and camera.focal_sigma == 0.05


@pytest.mark.parametrize("last", [None, 0, 50])
def test_photographs_must_agree(tmp_path: Path, last: int | None) -> None:
    photo(tmp_path / "photos" / "1.jpg", 28)
    photo(tmp_path / "photos" / "2.jpg", last)
    assert focal_length_35mm(open_clip(tmp_path / "photos")) is None


def test_damaged_exif_is_passed_over(tmp_path: Path) -> None:
    file = photo(tmp_path / "photos" / "1.jpg", 28)
    clip, content = open_clip(file), file.read_bytes()
    place = content.index(b"Exif\x00\x00") + 6
    for cut in range(4, 40, 3):
        file.write_bytes(content[: place + cut] + b"\xff" * 20 + content[place + cut + 20 :])
        assert focal_length_35mm(clip) in (None, 28.0)


def test_no_other_file_is_opened_for_the_lens(tmp_path: Path) -> None:
    clip = open_clip(video(tmp_path / "clip.mov", **{QUICKTIME_KEY: "26"}))
    assert isinstance(clip, VideoClip) and focal_length_35mm(clip) == 26.0
    playlist = tmp_path / "list.m3u8"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nclip.mov\n#EXT-X-ENDLIST\n")
    assert focal_length_35mm(replace(clip, path=playlist)) is None
