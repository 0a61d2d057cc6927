"""Readers of what was seen elsewhere: keypoints, known points, hands of regressors, and the cache of detections."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from fitter.clip import Clip
from fitter.initialise import read_hamer, read_hawor
from fitter.observe.cache import cache_key, cached_detections
from fitter.observe.detections import gathered
from fitter.observe.files import read_keypoints
from fitter.observe.known_positions import read_known_joints, read_known_vertices
from fitter.observe.observations import Detection
from tests.fuzz.target import Target

SIZE, FRAMES, VERTICES = (320, 240), 3, 8


def points(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(20, 200, (FRAMES, 21, n))


def saved(arrays: Mapping[str, np.ndarray]) -> bytes:
    packed = io.BytesIO()
    np.savez(packed, **arrays)  # pyright: ignore[reportArgumentType] (numpy's stub takes the names for allow_pickle)
    return packed.getvalue()


def write_npz(folder: Path) -> list[bytes]:
    one = {"keypoints_px": points(2), "confidence": np.full((FRAMES, 21), 0.9), "side": np.array("right")}
    one |= {"depth_px": points(1)[..., 0], "landmarks_m": points(3), "source": np.array("mediapipe")}
    two = {"keypoints_px": np.stack([points(2), points(2, 1)]), "side": np.array(["left", "right"])}
    (folder / "hands.npz").write_bytes(saved(one))
    return [saved(two)]


def hand_numbers(frame: int) -> list[float]:
    return np.concatenate([points(2)[frame], np.full((21, 1), 0.8)], axis=1).ravel().tolist()


def write_openpose(folder: Path) -> None:
    (folder / "json").mkdir()
    for frame in range(FRAMES):
        person = {"hand_left_keypoints_2d": [], "hand_right_keypoints_2d": hand_numbers(frame), "person_id": [-1]}
        (folder / "json" / f"clip_{frame:012d}_keypoints.json").write_text(json.dumps({"people": [person]}))


def write_coco(folder: Path) -> list[bytes]:
    images = [{"id": n + 5, "file_name": f"{n}.jpg", "width": SIZE[0], "height": SIZE[1]} for n in range(FRAMES)]
    people = [{"image_id": n + 5, "righthand_kpts": hand_numbers(n), "lefthand_kpts": None} for n in range(FRAMES)]
    (folder / "people.json").write_text(json.dumps({"images": images, "annotations": people}))
    results = [{"image_id": n, "keypoints": [0.0] * (399 - 63) + hand_numbers(n)} for n in range(FRAMES)]
    return [
        json.dumps(results).encode(),
        json.dumps({"images": [im | {"frame_id": 1} for im in images], "annotations": people}).encode(),
    ]


def write_known_joints(folder: Path) -> list[bytes]:
    joints = np.random.default_rng(0).uniform(-0.05, 0.05, (FRAMES, 21, 3)) + [0, 0, 0.5]
    (folder / "joints.npz").write_bytes(saved({"joints_m": joints, "weight": np.ones((FRAMES, 21))}))
    return [saved({"joints_m": joints.astype(np.float32), "weight": np.ones(FRAMES)})]


def write_known_vertices(folder: Path) -> None:
    vertices = np.random.default_rng(0).uniform(-0.05, 0.05, (FRAMES, VERTICES, 3)) + [0, 0, 0.5]
    (folder / "vertices.npz").write_bytes(saved({"vertices_m": vertices}))


def regressed() -> dict[str, np.ndarray]:
    eye = np.broadcast_to(np.eye(3), (FRAMES, 16, 3, 3))
    return {
        "frame": np.arange(FRAMES),
        "right": np.ones(FRAMES),
        "global_orient": eye[:, :1].copy(),
        "hand_pose": eye[:, 1:].copy(),
        "betas": np.zeros((FRAMES, 10)),
        "img_size": np.array(SIZE, dtype=float),
        "pred_cam": np.tile([0.8, 0.1, 0.2], (FRAMES, 1)),
        "box_center": np.full((FRAMES, 2), 100.0),
        "box_size": np.full(FRAMES, 120.0),
        "pred_keypoints_3d": points(3) / 1000,
    }


def write_hamer_npz(folder: Path) -> list[bytes]:
    arrays = regressed()
    (folder / "hamer.npz").write_bytes(saved(arrays))
    full = {"pred_cam_t_full": np.tile([0.0, 0.0, 9.0], (FRAMES, 1)), "scaled_focal_length": np.array(5000.0)}
    return [saved({name: array for name, array in arrays.items() if not name.startswith("box")} | full)]


def write_hamer_json(folder: Path) -> None:
    (folder / "hamer.json").write_text(json.dumps({name: array.tolist() for name, array in regressed().items()}))


def write_hawor(folder: Path) -> None:
    for number in (0, 1):
        (folder / "hawor" / "cam_space" / str(number)).mkdir(parents=True)
    arrays = regressed()
    content = {
        "init_root_orient": arrays["global_orient"][None, :, 0].tolist(),
        "init_hand_pose": arrays["hand_pose"][None].tolist(),
        "init_trans": np.tile([0.0, 0.0, 0.6], (1, FRAMES, 1)).tolist(),
        "init_betas": arrays["betas"][None].tolist(),
    }
    for number in (0, 1):
        path = folder / "hawor" / "cam_space" / str(number) / f"0_{FRAMES - 1}.json"
        path.write_text(json.dumps(content))
    (folder / "hawor" / "est_focal.txt").write_text("600.5")


@dataclass(frozen=True)
class NothingSeen:
    """A detector that finds nothing, and the clip that it looks at."""

    name: str = "nothing"
    fingerprint: str = "1"
    n_frames: int = FRAMES
    width: int = SIZE[0]
    height: int = SIZE[1]
    files: tuple[Path, ...] = ()

    def detect(self, clip: Clip, on_frame: object = None) -> list[list[Detection]]:
        return [[] for _ in range(clip.n_frames)]


def write_cache(folder: Path) -> None:
    from fitter.observe import cache

    hand = Detection(points(2)[0], np.ones(21), "left", 0.7, points(1)[0, :, 0], points(3)[0])
    source = NothingSeen()
    cache._save(folder / cache.FILE_NAME, cache_key(source, cast(Clip, source)), gathered([[hand], [], [hand, hand]]))


def read_cache(folder: Path) -> None:
    frames = cached_detections(folder, NothingSeen(), cast(Clip, NothingSeen()))
    assert len(frames) == FRAMES
    for hand in (hand for found in frames for hand in found):
        assert hand.keypoints_px.shape == (21, 2) and hand.confidence.shape == (21,), "what is kept has another shape"
        assert hand.keypoints_px.dtype == np.float64, "what is kept has another type"


TARGETS = (
    Target("keypoints_npz", "npz", "hands.npz", write_npz, lambda f: read_keypoints(f / "hands.npz", SIZE, FRAMES)),
    Target(
        *("openpose", "json", "json/clip_000000000001_keypoints.json", write_openpose),
        lambda f: read_keypoints(f / "json", SIZE, FRAMES),
    ),
    Target(
        "coco_wholebody", "json", "people.json", write_coco, lambda f: read_keypoints(f / "people.json", SIZE, FRAMES)
    ),
    Target(
        "known_joints", "npz", "joints.npz", write_known_joints, lambda f: read_known_joints(f / "joints.npz", FRAMES)
    ),
    Target(
        *("known_vertices", "npz", "vertices.npz", write_known_vertices),
        lambda f: read_known_vertices(f / "vertices.npz", FRAMES, VERTICES),
    ),
    Target("hamer_npz", "npz", "hamer.npz", write_hamer_npz, lambda f: read_hamer(f / "hamer.npz", FRAMES, SIZE)),
    Target("hamer_json", "json", "hamer.json", write_hamer_json, lambda f: read_hamer(f / "hamer.json", FRAMES, SIZE)),
    Target("hawor", "json", "hawor/cam_space/0/0_2.json", write_hawor, lambda f: read_hawor(f / "hawor", FRAMES, SIZE)),
    Target("hawor_focal", "text", "hawor/est_focal.txt", write_hawor, lambda f: read_hawor(f / "hawor", FRAMES, SIZE)),
    Target("detections_cache", "npz", "detections.npz", write_cache, read_cache),
)
