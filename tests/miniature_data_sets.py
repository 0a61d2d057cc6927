"""Miniatures of published data sets, written as their authors describe them, with names for the order of the points.

truth = write_rhd(folder)            # the hands that a reader should find
"""

import json
import pickle
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import roma
import scipy.io
import torch
import yaml

from fitter.skeleton import POINT_NAMES
from tests.synthetic_mano import python2_pickle

FINGERS = ("thumb", "index", "middle", "ring", "pinky")
PALM_TO_TIP = {"thumb": ("cmc", "mcp", "ip", "tip"), **dict.fromkeys(FINGERS[1:], ("mcp", "pip", "dip", "tip"))}


def rows(names: list[str]) -> list[int]:
    """The rows of the engine's points that a data set's names ask for."""
    return [POINT_NAMES.index(name) for name in names]


def finger(name: str, tip_first: bool = False) -> list[str]:
    parts = PALM_TO_TIP[name]
    return [f"{name}_{part}" for part in (reversed(parts) if tip_first else parts)]


FREIHAND_NAMES = ["wrist", *(name for one in FINGERS for name in finger(one))]
MANO_NAMES = [
    *("wrist", *(name for one in ("index", "middle", "pinky", "ring", "thumb") for name in finger(one)[:3])),
    *(f"{one}_tip" for one in FINGERS),
]
RHD_NAMES = ["wrist", *(name for one in FINGERS for name in finger(one, tip_first=True))]
STB_NAMES = [name for one in reversed(FINGERS) for name in finger(one)]  # after the palm's centre


def random_joints(rng: np.random.Generator) -> np.ndarray:
    """(21, 3) metres in OpenCV's axes: a hand's size, 0.6 m in front of the camera."""
    return np.array([0.02, -0.03, 0.6]) + rng.normal(scale=0.05, size=(21, 3)).clip(-0.12, 0.12)


def camera_matrix(focal: float, cx: float, cy: float) -> np.ndarray:
    return np.array([[focal, 0.0, cx], [0.0, focal + 1, cy], [0.0, 0.0, 1.0]])


def write_image(path: Path, size: tuple[int, int], colour: int = 128) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((size[1], size[0], 3), colour, dtype=np.uint8))


@dataclass(frozen=True)
class FreiHandTruth:
    k: np.ndarray
    joints_m: np.ndarray
    vertices_m: np.ndarray
    mano: np.ndarray


def write_freihand(folder: Path, poses: int = 3, split: str = "training", annotated: bool = True) -> FreiHandTruth:
    """FreiHAND_pub_v2: one split; images of all four backgrounds in the training split."""
    rng = np.random.default_rng(poses)
    truth = FreiHandTruth(
        k=np.stack([camera_matrix(380.0 + i, 112.0, 112.0) for i in range(poses)]),
        joints_m=np.stack([random_joints(rng) for _ in range(poses)]),
        vertices_m=rng.normal(size=(poses, 778, 3)),
        mano=rng.normal(size=(poses, 61)),
    )
    contents = {"K": truth.k}
    if annotated:
        xyz = truth.joints_m[:, rows(FREIHAND_NAMES)]
        contents |= {"xyz": xyz, "verts": truth.vertices_m, "mano": truth.mano[:, None]}
    folder.mkdir(parents=True, exist_ok=True)
    for kind, values in contents.items():
        (folder / f"{split}_{kind}.json").write_text(json.dumps(values.tolist()))
    for number in range(poses * (4 if split == "training" else 1)):
        write_image(folder / split / "rgb" / f"{number:08d}.jpg", (224, 224), number)
    if split == "training":
        for number in range(poses):
            mask = np.zeros((224, 224), dtype=np.uint8)
            mask[10:50, 20 : 60 + number] = 255
            path = folder / split / "mask" / f"{number:08d}.jpg"
            path.parent.mkdir(exist_ok=True)
            assert cv2.imwrite(str(path), mask)
    return truth


@dataclass(frozen=True)
class Ho3dTruth:
    k: np.ndarray
    joints_m: dict[str, np.ndarray]  # OpenCV's axes, by "SEQUENCE/NUMBER"
    pose: dict[str, np.ndarray]  # as in the file
    rest_wrist_m: np.ndarray
    vertices_m: dict[str, np.ndarray]


FLIP = np.diag([1.0, -1.0, -1.0])
HO3D_TRAINING = ("ABF10/0010", "ABF10/0002", "SM2/0007")
HO3D_EVALUATION = ("AP10/0001", "AP10/0000")


def write_ho3d(folder: Path, version: int = 3, released: bool = True) -> Ho3dTruth:
    """HO-3D v2 or v3: listed in no order; joints and MANO in OpenGL's axes, pickled by Python 2 (v2) or 3 (v3)."""
    rng = np.random.default_rng(version)
    truth = Ho3dTruth(camera_matrix(615.0, 312.4, 241.4), {}, {}, np.array([0.095, 0.006, 0.006]), {})
    for split, listed in (("train", HO3D_TRAINING), ("evaluation", HO3D_EVALUATION)):
        for key in listed:
            joints = random_joints(rng)
            truth.joints_m[key], truth.pose[key] = joints, rng.normal(size=48)
            truth.vertices_m[key] = rng.normal(size=(778, 3)) * 0.1 + [0, 0, 0.6]
            _write_ho3d_frame(folder / split, key, truth, version, whole=split == "train")
        (folder / f"{split}.txt").write_text("\n".join(listed) + "\n")
    if released:
        joints = [(truth.joints_m[key] @ FLIP)[rows(MANO_NAMES)].tolist() for key in HO3D_EVALUATION]
        vertices = [(truth.vertices_m[key] @ FLIP).tolist() for key in HO3D_EVALUATION]
        (folder / "evaluation_xyz.json").write_text(json.dumps(joints))
        (folder / "evaluation_verts.json").write_text(json.dumps(vertices))
    return truth


def _write_ho3d_frame(base: Path, key: str, truth: Ho3dTruth, version: int, whole: bool) -> None:
    sequence, number = key.split("/")
    joints = (truth.joints_m[key] @ FLIP)[rows(MANO_NAMES)]
    labels = {"camMat": truth.k, "objName": "006_mustard_bottle", "objTrans": np.zeros(3), "objLabel": 5}
    if whole:
        labels |= {
            "handJoints3D": joints,
            "handPose": truth.pose[key],
            "handBeta": np.arange(10.0),
            "handTrans": joints[0] - truth.rest_wrist_m,
            "handVertContact": np.zeros(778, dtype=bool),
        }
    else:
        labels |= {"handJoints3D": joints[0], "handBoundingBox": [10, 20, 30, 40]}
    meta = base / sequence / "meta" / f"{number}.pkl"
    meta.parent.mkdir(parents=True, exist_ok=True)
    meta.write_bytes(python2_pickle(labels) if version == 2 else pickle.dumps(labels, 2))
    write_image(base / sequence / "rgb" / f"{number}.{'png' if version == 2 else 'jpg'}", (640, 480))
    if whole:
        seg = np.zeros((240, 320, 3), dtype=np.uint8)
        seg[100:150, 50:80, 2 if version == 2 else 0] = 255  # the hand: red in v2, blue in v3 (OpenCV: blue first)
        seg[10:40, 50:80, 1] = 255  # the object
        base = base if version == 3 else base.parent / "HO3D_v2_segmentations_rendered" / base.name
        path = base / sequence / "seg" / f"{number}.{'jpg' if version == 2 else 'png'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), seg)


def ho3d_global_rotation(pose: np.ndarray) -> np.ndarray:
    """The global orientation of a pose, (3, 3), in the file's axes."""
    return roma.rotvec_to_rotmat(torch.from_numpy(pose[:3])).numpy()


@dataclass(frozen=True)
class RhdTruth:
    k: np.ndarray
    joints_m: np.ndarray  # (images, left and right, 21, 3)
    visible: np.ndarray  # (images, 2, 21)

    def keypoints_px(self, image: int, side: int) -> np.ndarray:
        projected = self.joints_m[image, side] @ self.k.T
        return projected[:, :2] / projected[:, 2:]


def write_rhd(folder: Path, split: str = "training", protocol: int = 3) -> RhdTruth:
    """RHD_published_v2: three images; of the second only the right hand is to be seen."""
    rng = np.random.default_rng(1)
    joints = np.stack([np.stack([random_joints(rng), random_joints(rng)]) for _ in range(3)])
    visible = rng.random((3, 2, 21)) < 0.7
    visible[1, 0] = False
    truth = RhdTruth(np.array([[300.0, 0, 160], [0, 300, 160], [0, 0, 1]]), joints, visible)
    labels = {}
    for image in range(3):
        uv = np.concatenate([truth.keypoints_px(image, side)[rows(RHD_NAMES)] for side in (0, 1)])
        shown = np.concatenate([visible[image, side][rows(RHD_NAMES)] for side in (0, 1)])
        xyz = np.concatenate([joints[image, side][rows(RHD_NAMES)] for side in (0, 1)])
        labels[image] = {"uv_vis": np.column_stack([uv, shown]), "xyz": xyz, "K": truth.k.astype(np.float32)}
        write_image(folder / split / "color" / f"{image:05d}.png", (320, 320))
        mask = np.zeros((320, 320), dtype=np.uint8)
        mask[:100], mask[100:110], mask[110:115], mask[200:230] = 1, 2, 17, 18
        mask[230:240] = 33
        (folder / split / "mask").mkdir(exist_ok=True)
        assert cv2.imwrite(str(folder / split / "mask" / f"{image:05d}.png"), mask)
    (folder / split / f"anno_{split}.pickle").write_bytes(pickle.dumps(labels, protocol))
    return truth


def write_stb(folder: Path, frames: int = 3) -> dict[str, np.ndarray]:
    """Two clips seen by both cameras: the labels as they stand in the files, (frames, 21, 3) mm by the file's stem."""
    rng = np.random.default_rng(2)
    truth = {}
    for clip in ("B1Counting", "B2Random"):
        for camera in ("BB", "SK"):
            points_mm = 1000 * np.stack([random_joints(rng) for _ in range(frames)])
            points_mm[:, 1:] = points_mm[:, rows(STB_NAMES)]
            truth[f"{clip}_{camera}"] = points_mm
            (folder / "labels").mkdir(parents=True, exist_ok=True)
            scipy.io.savemat(folder / "labels" / f"{clip}_{camera}.mat", {"handPara": points_mm.transpose(2, 1, 0)})
        for frame in range(frames):
            for prefix in ("BB_left", "BB_right", "SK_color", "SK_depth"):
                write_image(folder / "images" / clip / f"{prefix}_{frame}.png", (640, 480))
    return truth


@dataclass(frozen=True)
class DexYcbTruth:
    k: np.ndarray
    joints_m: np.ndarray  # (sequences with images, frames, 21, 3)
    pose_m: np.ndarray  # (sequences with images, frames, 51)
    betas: np.ndarray


DEXYCB_SUBJECT, DEXYCB_SERIAL = "20200709-subject-01", "932122060861"


def dexycb_sequence(number: int) -> str:
    return f"{DEXYCB_SUBJECT}/20200709_{141800 + number}"


def write_dexycb(
    folder: Path, with_images: tuple[int, ...] = (3, 4), frames: int = 3, sequences: int = 100
) -> DexYcbTruth:
    """One subject with all 100 sequences, or fewer, of which some have the images of one camera; the last frame has no
    hand.
    """
    rng = np.random.default_rng(3)
    n = len(with_images)
    truth = DexYcbTruth(
        k=camera_matrix(613.0, 313.0, 245.0),
        joints_m=np.stack([[random_joints(rng) for _ in range(frames)] for _ in range(n)]),
        pose_m=rng.normal(size=(n, frames, 51)),
        betas=rng.normal(size=10).astype(np.float32),
    )
    calibration = folder / "calibration"
    (calibration / "intrinsics").mkdir(parents=True)
    (calibration / f"mano_{DEXYCB_SUBJECT}_left").mkdir()
    (calibration / f"mano_{DEXYCB_SUBJECT}_left" / "mano.yml").write_text(yaml.dump({"betas": truth.betas.tolist()}))
    colour = dict(zip(("fx", "fy", "ppx", "ppy"), truth.k[[0, 1, 0, 1], [0, 1, 2, 2]].tolist(), strict=True))
    intrinsics = {"color": {**colour, "coeffs": [0.0] * 5}, "depth": {**colour, "fx": 1.0}}
    (calibration / "intrinsics" / f"{DEXYCB_SERIAL}_640x480.yml").write_text(yaml.dump(intrinsics))
    meta = {"num_frames": frames, "mano_sides": ["left"], "mano_calib": [f"{DEXYCB_SUBJECT}_left"], "ycb_ids": [1, 11]}
    for number in range(sequences):
        sequence = folder / dexycb_sequence(number)
        sequence.mkdir(parents=True)
        (sequence / "meta.yml").write_text(yaml.dump(meta))
    for row, number in enumerate(with_images):
        for frame in range(frames):
            base = folder / dexycb_sequence(number) / DEXYCB_SERIAL
            write_image(base / f"color_{frame:06d}.jpg", (640, 480))
            _write_dexycb_labels(base / f"labels_{frame:06d}.npz", truth, row, None if frame == frames - 1 else frame)
    return truth


def _write_dexycb_labels(path: Path, truth: DexYcbTruth, row: int, frame: int | None) -> None:
    seg = np.zeros((480, 640), dtype=np.uint8)
    joints, pixels, pose = np.full((1, 21, 3), -1.0), np.full((1, 21, 2), -1.0), np.zeros((1, 51))
    if frame is not None:
        joints, pose = truth.joints_m[row, frame][None], truth.pose_m[row, frame][None]
        projected = joints @ truth.k.T
        pixels = projected[..., :2] / projected[..., 2:]
        seg[100:200, 100:200], seg[150:160, 100:200] = 255, 11
    labels = {"joint_3d": joints, "joint_2d": pixels, "pose_m": pose, "pose_y": np.zeros((2, 3, 4))}
    np.savez_compressed(path, seg=seg, **{name: array.astype(np.float32) for name, array in labels.items()})


@dataclass(frozen=True)
class InterHandTruth:
    world_m: np.ndarray  # (frames, right and left, 21, 3)
    rotation: np.ndarray  # camera from world
    position_m: np.ndarray
    k: np.ndarray


TIPS = rows([f"{one}_tip" for one in FINGERS])
INTERHAND_NAMES = [*(name for one in FINGERS for name in finger(one, tip_first=True)), "wrist"]
INTERHAND_FRAMES = (7, 12, 100)


def write_interhand(folder: Path, split: str = "train") -> InterHandTruth:
    """One capture by one camera: both hands, the right hand alone (a point of it invalid), and the left hand alone."""
    rng = np.random.default_rng(4)
    rotation = cv2.Rodrigues(np.array([0.1, 2.0, -0.3]))[0]
    position = np.array([0.3, -0.2, 0.5])
    seen = np.stack([np.stack([random_joints(rng), random_joints(rng)]) for _ in INTERHAND_FRAMES])
    truth = InterHandTruth(seen @ rotation + position, rotation, position, camera_matrix(1200.0, 170.0, 260.0))
    labels = {}
    for row, frame in enumerate(INTERHAND_FRAMES):
        valid = np.ones((42, 1), dtype=bool)
        if row == 1:
            valid[21:], valid[rows(INTERHAND_NAMES).index(POINT_NAMES.index("ring_pip"))] = False, False
        if row == 2:
            valid[:21] = False
        world = np.concatenate([truth.world_m[row, side][rows(INTERHAND_NAMES)] for side in (0, 1)])
        labels[str(frame)] = {"world_coord": (world * 1000 * valid).tolist(), "joint_valid": valid.tolist()}
        write_image(folder / "images" / split / "Capture0" / "ROM01" / "cam400262" / f"image{frame}.jpg", (334, 512))
    labels["5"] = labels["7"]  # annotated, but its image is not in this version
    camera = {
        "campos": {"400262": (position * 1000).tolist()},
        "camrot": {"400262": rotation.tolist()},
        "focal": {"400262": truth.k[[0, 1], [0, 1]].tolist()},
        "princpt": {"400262": truth.k[:2, 2].tolist()},
    }
    annotations = folder / "annotations" / split
    annotations.mkdir(parents=True)
    (annotations / f"InterHand2.6M_{split}_camera.json").write_text(json.dumps({"0": camera}))
    (annotations / f"InterHand2.6M_{split}_joint_3d.json").write_text(json.dumps({"0": labels}))
    return truth


@dataclass(frozen=True)
class FingertipTruth:
    tips_m: dict[str, np.ndarray]  # (frames, 5, 3) in the colour camera's axes, NaN where unknown, by clip
    k: np.ndarray


DEXTER_K = np.array([[587.45209, 0, 325], [0, 600.67456, 249], [0, 0, 1]])
DEXTER_FROM_DEPTH = np.array(
    [[0.9999, 0.0034, 0.0161, 19.0473], [-0.0033, 1, -0.0079, -1.8514], [-0.0162, 0.0079, 0.9998, -4.7501]]
)
EGODEXTER_K = np.array([[617.173, 0, 315.453], [0, 617.173, 242.259], [0, 0, 1]])
EGODEXTER_FROM_DEPTH = np.array(
    [[1, 0.00090442, -0.0074, 20.2365], [-0.00071933, 0.9997, 0.0248, 1.2846], [0.0075, -0.0248, 0.9997, 5.736]]
)


def in_depth_camera(tips_m: np.ndarray, from_depth: np.ndarray) -> np.ndarray:
    """(5, 3) mm in the depth camera's axes of metres in the colour camera's."""
    return np.linalg.solve(from_depth[:, :3], (tips_m * 1000 - from_depth[:, 3]).T).T


def write_dexter_object(folder: Path, frames: int = 4) -> FingertipTruth:
    """dexter+object: two clips; the index finger of the second frame has no depth, corners stand behind the tips."""
    rng = np.random.default_rng(5)
    tips = {}
    for clip in ("Grasp1", "Rotate"):
        tips[clip] = np.stack([random_joints(rng)[TIPS] for _ in range(frames)])
        lines = []
        for frame in range(frames):
            depth_mm = in_depth_camera(tips[clip][frame], DEXTER_FROM_DEPTH) * [-1, -1, 1]
            if frame == 1:
                depth_mm[1, 2], tips[clip][frame, 1] = 32001, np.nan
            corners = rng.normal(size=(3, 3))
            lines.append(" ".join(f"{x:.6f}, {y:.6f}, {z:.6f};" for x, y, z in [*depth_mm, *corners]))
            write_image(folder / "data" / clip / "color" / f"image_{frame:05d}_color.png", (640, 480), frame)
        annotations = folder / "data" / clip / "annotations"
        annotations.mkdir(parents=True)
        (annotations / f"{clip}3D.txt").write_text("\n".join(lines) + "\n")
        (annotations / f"{clip}2D.txt").write_text("1, 2; 3, 4; 5, 6; 7, 8; 9, 10;\n" * frames)
    return FingertipTruth(tips, DEXTER_K)


def write_egodexter(folder: Path, frames: int = 12) -> FingertipTruth:
    """EgoDexter: two clips of which every other frame is annotated, some of their fingertips hidden."""
    rng = np.random.default_rng(6)
    tips = {}
    for clip in ("Desk", "Rotunda"):
        tips[clip] = np.stack([random_joints(rng)[TIPS] for _ in range(frames)])
        tips[clip][1::2] = np.nan
        tips[clip][2, 3:] = np.nan
        lines = []
        for frame in range(frames):
            depth_mm = in_depth_camera(tips[clip][frame], EGODEXTER_FROM_DEPTH)
            points = [
                "0, -0, 0;" if np.isnan(point).any() else "{:.6f}, {:.6f}, {:.6f};".format(*point) for point in depth_mm
            ]
            lines.append(" ".join(points))
            for kind in ("color", "depth", "color_on_depth"):
                path = folder / "data" / clip / kind / f"image_{frame:05d}_{kind}.png"
                write_image(path, (640, 480), frame)
        (folder / "data" / clip / "annotation.txt_3D.txt").write_text("\n".join(lines) + "\n")
        (folder / "data" / clip / "annotation.txt").write_text("-1, -1; -1, -1; -1, -1; -1, -1; -1, -1;\n" * frames)
    return FingertipTruth(tips, EGODEXTER_K)
