"""Results made of a known hand in known poses, and their clip: what labels are written from and read back to.

made = make_result(model, sides=("left", "right"))
made.source("clip")                            # a LabelSource with every frame's picture
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import roma
import torch

from fitter.camera import Camera
from fitter.export.diagnostics import Diagnostics
from fitter.export.labels import LabelSource, Origin
from fitter.export.result import FitResult
from fitter.hand import HandModel
from fitter.hand.mirror import mirror_points
from fitter.hand.parameters import HandParameters, parameters_of, pose_hand
from fitter.observe.observations import Side

FRAMES, SIZE = 5, (320, 240)
K = np.array([[310.0, 0.0, 151.5], [0.0, 312.0, 124.25], [0.0, 0.0, 1.0]])
ABSENT = {"left": 1, "right": 3}  # the frame in which a side is not there
CENTRES_M = {"left": [-0.13, 0.0, 0.62], "right": [0.07, 0.02, 0.55]}


@dataclass(frozen=True)
class StillClip:
    """Frames of noise, every one its own."""

    n_frames: int = FRAMES
    width: int = SIZE[0]
    height: int = SIZE[1]
    fps: float = 30.0
    path: Path = Path("made.mp4")
    name: str = "made"
    warnings: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    drawn: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def time_s(self) -> np.ndarray:
        return np.arange(self.n_frames) / self.fps

    def still(self, index: int) -> np.ndarray:
        if index in self.drawn:
            return self.drawn[index]
        rows = np.random.default_rng(index).integers(0, 256, (self.height, self.width, 3), dtype=np.uint8)
        return rows

    def frames(self) -> Iterator[np.ndarray]:
        return (self.still(index) for index in range(self.n_frames))


@dataclass(frozen=True)
class MadeResult:
    """A result, its diagnostics (a perfect detector), and its clip."""

    result: FitResult
    diagnostics: Diagnostics
    clip: StillClip = field(default_factory=StillClip)

    def source(self, name: str = "clip") -> LabelSource:
        return LabelSource(name, self.result, self.diagnostics, self.clip, Origin(f"results/{name}", f"{name}.mp4"))

    def with_result(self, **changed: object) -> "MadeResult":
        return replace(self, result=replace(self.result, **changed))  # pyright: ignore[reportArgumentType]

    def with_diagnostics(self, **changed: object) -> "MadeResult":
        return replace(self, diagnostics=replace(self.diagnostics, **changed))  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True)
class _Posed:
    joints: np.ndarray
    vertices: np.ndarray
    parameters: HandParameters


def make_result(
    model: HandModel, sides: tuple[Side, ...] = ("left", "right"), distortion: tuple[float, ...] = ()
) -> MadeResult:
    """Every side in random poses within the frame, absent from one frame."""
    posed = [_posed(model, side) for side in sides]
    present = np.ones((len(sides), FRAMES), bool)
    for row, side in enumerate(sides):
        present[row, ABSENT[side]] = False

    def rows(arrays: list[np.ndarray]) -> np.ndarray:
        stacked = np.stack(arrays).astype(np.float32)
        stacked[~present] = np.nan
        return stacked

    camera = Camera(K[0, 0], K[1, 1], K[0, 2], K[1, 2], *SIZE, distortion)
    pixels = [camera.distort(camera.project(torch.from_numpy(hand.joints)).numpy()) for hand in posed]
    rng = np.random.default_rng(5)
    result = FitResult(
        side=sides,
        present=present,
        observed=present.copy(),
        joints_m=rows([hand.joints for hand in posed]),
        joints_sigma_mm=rows([rng.uniform(20, 30, (FRAMES, 21)) for _ in posed]),
        quality=rows([rng.uniform(0.8, 1.0, FRAMES) for _ in posed]),
        keypoints_px=rows(pixels),
        vertices_m=rows([hand.vertices for hand in posed]),
        faces=model.faces.numpy().astype(np.int32),
        uv=model.uv.numpy().astype(np.float32),
        uv_faces=model.uv_faces.numpy().astype(np.int32),
        pose=rows([hand.parameters.pose.numpy() for hand in posed]),
        betas=np.stack([hand.parameters.betas.numpy() for hand in posed]).astype(np.float32),
        translation_m=rows([hand.parameters.translation_m.numpy() for hand in posed]),
        lighting=np.full((len(sides), 1, 9, 3), np.nan, np.float32),
        K=K,
        K_known=True,
        K_frames=np.zeros((0, 3, 3)),
        camera_from_world=np.zeros((0, 4, 4)),
        focal_source="given",
        focal_sigma=0.0,
        distortion=np.array(distortion),
        hand_model="mano" if model.name == "mano" else "anny",
        image_size=SIZE,
        fps=30.0,
        status="converged",
    )
    return MadeResult(result, _diagnostics(result))


def _posed(model: HandModel, side: Side) -> _Posed:
    """A flat hand that shows its back, its fingers up, turned and bent a little differently in every frame."""
    rng = np.random.default_rng(len(side))
    pose = rng.normal(scale=0.15, size=(FRAMES, 48))
    wobble = roma.rotvec_to_rotmat(torch.from_numpy(rng.normal(scale=0.2, size=(FRAMES, 3))))
    pose[:, :3] = roma.rotmat_to_rotvec(wobble @ roma.euler_to_rotmat("ZX", [90.0, -90.0], degrees=True).double())
    betas = torch.from_numpy(rng.normal(scale=0.5, size=model.n_betas))
    parameters = HandParameters(torch.from_numpy(pose), betas, torch.zeros(FRAMES, 3, dtype=torch.float64))
    middle = pose_hand(model, parameters).joints.mean(dim=1)
    centre = torch.tensor(CENTRES_M[side], dtype=torch.float64)
    if side == "left":
        centre = mirror_points(centre)
    placed = pose_hand(model, HandParameters(parameters.pose, betas, centre - middle))
    joints, vertices, own = placed.joints, placed.mesh().vertices, parameters_of(placed)
    if side == "left":
        joints, vertices, own = mirror_points(joints), mirror_points(vertices), own.mirrored()
    return _Posed(joints.numpy(), vertices.numpy(), own)


def _diagnostics(result: FitResult) -> Diagnostics:
    """What a detector without error would leave."""
    hands, frames = result.present.shape
    seen = np.where(result.present[..., None], 1.0, 0.0).astype(np.float32).repeat(21, axis=2)
    nothing = np.full((hands, frames), np.nan, np.float32)
    return Diagnostics(
        source="mediapipe",
        detected_px=np.nan_to_num(result.keypoints_px),
        confidence=seen,
        relative_sigma_mm=(result.joints_sigma_mm / 10).astype(np.float32),
        reprojection_px=np.where(result.present, 1.0, np.nan).astype(np.float32),
        photometric=np.where(result.present, 1.0, np.nan).astype(np.float32),
        overlap=nothing,
        terms=("keypoints",),
        energies=nothing[:, None].copy(),
        clip_energies=nothing[:, :1].copy(),
        trace_stage=(),
        trace_hand=(),
        trace_energy=(),
    )
