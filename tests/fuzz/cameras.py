"""Readers of cameras: given by frame, COLMAP's text, and what metadata tell of the lens."""

import io
import json
from pathlib import Path

import numpy as np

from fitter.camera import assumed_camera
from fitter.clip import open_clip
from fitter.clip.lens_metadata import EXIF_POINTER, FOCAL_TAG, QUICKTIME_KEY, focal_length_35mm
from fitter.errors import InputError
from fitter.observe.camera_file import read_cameras
from tests.fuzz.footage import SIZE as PICTURE_SIZE
from tests.fuzz.footage import picture
from tests.fuzz.observations import FRAMES, SIZE, saved
from tests.fuzz.target import Target


def cameras() -> dict[str, np.ndarray]:
    matrices = np.tile(np.array([[300.0, 0.0, 160.0], [0.0, 300.0, 120.0], [0.0, 0.0, 1.0]]), (FRAMES, 1, 1))
    matrices[:, 0, 0] += np.arange(FRAMES)
    motion = np.tile(np.eye(4), (FRAMES, 1, 1))
    motion[:, 0, 3] = 0.1 * np.arange(FRAMES)
    return {"K": matrices, "camera_from_world": motion, "distortion": np.array([0.1, 0.0, 0.0, 0.0])}


def write_npz(folder: Path) -> list[bytes]:
    (folder / "cameras.npz").write_bytes(saved(cameras()))
    return [saved({"K": cameras()["K"][0].astype(np.float32)})]


def write_json(folder: Path) -> None:
    (folder / "cameras.json").write_text(json.dumps({name: array.tolist() for name, array in cameras().items()}))


def write_colmap(folder: Path) -> None:
    lenses = "# Camera list\n1 SIMPLE_RADIAL 320 240 300 160 120 0.05\n2 OPENCV 320 240 300 300 160 120 0.05 0 0 0\n"
    poses = [f"{n + 1} 1 0 0 0 {n / 10} 0 0 1 frame{n}.png\n10 20 -1 30 40 5\n" for n in range(FRAMES)]
    (folder / "cameras.txt").write_text(lenses)
    (folder / "images.txt").write_text("# Image list\n" + "".join(poses))


def read(folder: Path) -> None:
    """The cameras, and what the fit asks of them first."""
    camera = read_cameras(folder, SIZE, FRAMES).of(assumed_camera(SIZE))
    assert camera.fx > 0, "a focal length that is none"


def write_video(folder: Path) -> None:
    import av

    packed = io.BytesIO()
    with av.open(packed, "w", format="mov", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata.update({QUICKTIME_KEY: "26"})
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = *PICTURE_SIZE, "yuv420p"  # pyright: ignore
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(0), format="rgb24")))  # pyright: ignore
        container.mux(stream.encode())  # pyright: ignore
    (folder / "clip.mov").write_bytes(packed.getvalue())


def write_photo(folder: Path) -> list[bytes]:
    from PIL import Image

    contents, exif = [], Image.Exif()
    exif.get_ifd(EXIF_POINTER)[FOCAL_TAG] = 26
    for format_ in ("JPEG", "PNG", "TIFF", "WEBP"):
        packed = io.BytesIO()
        Image.fromarray(picture(0)).save(packed, format_, exif=exif)
        contents.append(packed.getvalue())
    (folder / "photos").mkdir()
    (folder / "photos" / "0.jpg").write_bytes(contents[0])
    return contents[1:]


def read_lens(path: Path) -> None:
    """Of a clip that has been opened before its file was broken, too: metadata are read whatever the pixels are."""
    try:
        clip = open_clip(path)
    except InputError:
        clip = Files(tuple(path.iterdir()) if path.is_dir() else (path,))
    found = focal_length_35mm(clip)  # pyright: ignore[reportArgumentType]
    assert found is None or 5 <= found <= 1000, "no lens has such a focal length"


class Files:
    """As much of a clip as has files."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        self.files = files


TARGETS = (
    Target("cameras_npz", "npz", "cameras.npz", write_npz, lambda f: read(f / "cameras.npz")),
    Target("cameras_json", "json", "cameras.json", write_json, lambda f: read(f / "cameras.json")),
    Target("colmap_lenses", "text", "cameras.txt", write_colmap, read),
    Target("colmap_poses", "text", "images.txt", write_colmap, read),
    Target("lens_of_video", "video", "clip.mov", write_video, lambda f: read_lens(f / "clip.mov")),
    Target("lens_of_image", "bytes", "photos/0.jpg", write_photo, lambda f: read_lens(f / "photos")),
)
