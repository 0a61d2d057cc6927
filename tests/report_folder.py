"""A small result folder with everything in it: two hands of beads that wave for a second, as if they were fitted."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from fitter.export.diagnostics import Diagnostics, save_diagnostics
from fitter.export.folder import ResultFolder, open_result
from fitter.export.result import FitResult, save_result
from fitter.export.run_record import RunRecord, save_record
from fitter.export.texture import write_png
from fitter.visualize.overlay import DrawnHand, write_overlay

FRAMES, FPS, SIZE, FOCAL = 30, 30.0, (192, 144), 240.0
BEAD_M = 0.009
# An octahedron about each joint; its faces look outwards.
CORNERS = BEAD_M * np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], dtype=np.float64)
SIDES = np.array([[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]])
ABSENT, BRIDGED, BAD = 29, 12, 20  # frames of the first hand
TERMS = ("keypoints", "photometric", "smoothness", "shape")


def joints_at(frame: int, hand: int) -> Float[np.ndarray, "21 3"]:
    """Fingers fanned out from a wrist, camera axes, metres; the whole turns and moves with time."""
    finger, along = np.arange(20) // 4, np.arange(20) % 4 + 1
    spread = (finger - 2) * 0.28 * (1 - 2 * hand)
    reach = 0.05 + 0.025 * along
    points = np.zeros((21, 3))
    points[1:] = np.stack([reach * np.sin(spread), -reach * np.cos(spread), 0.004 * along * finger], axis=1)
    angle = 0.5 * np.sin(2 * np.pi * frame / FRAMES + hand)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    return points @ turn.T + [(-0.07 + 0.14 * hand), 0.08, 0.5 + 0.04 * np.sin(frame / 5)]


def make_result(hands: int = 2, frames: int = FRAMES) -> FitResult:
    """The first hand is absent in the last frame, and not detected in one of the middle."""
    joints = np.array([[joints_at(frame, hand) for frame in range(frames)] for hand in range(hands)])
    joints = joints.reshape(hands, frames, 21, 3)
    mirrored = np.array([1.0, -1.0])[:hands, None] * CORNERS[:, 0]  # the left hand's beads, as its faces are wound
    beads = np.stack([mirrored, *np.broadcast_to(CORNERS.T[1:, None], (2, hands, 6))], axis=-1)
    vertices = (joints[:, :, :, None] + beads[:, None, None]).reshape(hands, frames, 126, 3)
    present = np.ones((hands, frames), bool)
    present[:1, ABSENT:] = False
    observed = present.copy()
    observed[:1, BRIDGED : BRIDGED + 1] = False
    camera = np.array([[FOCAL, 0, SIZE[0] / 2], [0, FOCAL, SIZE[1] / 2], [0, 0, 1]])
    pixels = joints[..., :2] / joints[..., 2:] * FOCAL + np.array(SIZE) / 2
    sigma = np.full((hands, frames, 21), 3.0) + np.arange(21) / 10
    sigma[:1, BAD : BAD + 1] = 22.0
    rng = np.random.default_rng(0)

    def rows(array: np.ndarray) -> np.ndarray:
        shown = array.astype(np.float32)
        shown[~present] = np.nan
        return shown

    faces = (SIDES[None] + 6 * np.arange(21)[:, None, None]).reshape(-1, 3).astype(np.int32)
    return FitResult(
        side=("right", "left")[:hands],
        present=present,
        observed=observed,
        joints_m=rows(joints),
        joints_sigma_mm=rows(sigma),
        quality=rows(np.exp(-sigma.mean(axis=-1) / 10)),
        keypoints_px=rows(pixels),
        vertices_m=rows(vertices),
        faces=faces,
        uv=rng.random((130, 2), dtype=np.float32),
        uv_faces=(faces + rng.integers(0, 5, faces.shape)).astype(np.int32),
        pose=rows(np.zeros((hands, frames, 48))),
        betas=np.zeros((hands, 10), np.float32),
        translation_m=rows(joints[:, :, 0]),
        lighting=np.full((hands, 1, 9, 3), np.nan, np.float32),
        K=camera,
        K_known=False,
        K_frames=np.zeros((0, 3, 3)),
        camera_from_world=np.zeros((0, 4, 4)),
        focal_source="assumed",
        focal_sigma=0.2,
        distortion=np.zeros(0),
        hand_model="anny",
        image_size=SIZE,
        fps=FPS,
        status="converged",
    )


def make_diagnostics(result: FitResult) -> Diagnostics:
    """Two pixels off the detections, seven in one frame; no mask acts on the second hand."""
    hands, frames = result.present.shape
    reprojection = np.where(result.present, 2.0, np.nan).astype(np.float32)
    reprojection[:1, BAD : BAD + 1] = 7.0
    overlap = np.full((hands, frames), np.nan, np.float32)
    overlap[:1] = 0.9
    energies = np.full((hands, len(TERMS), frames), np.nan, np.float32)
    energies[:, :3] = np.array([5.0, 3.0, 1.0])[:, None]
    of_clip = np.full((hands, len(TERMS)), np.nan, np.float32)
    of_clip[:, 3] = 12.0
    return Diagnostics(
        source="mediapipe",
        detected_px=np.nan_to_num(result.keypoints_px) + np.float32(1.4),
        confidence=np.repeat(result.observed[..., None], 21, axis=-1).astype(np.float32),
        relative_sigma_mm=result.joints_sigma_mm,
        reprojection_px=reprojection,
        photometric=np.where(result.present, 1.1, np.nan).astype(np.float32),
        overlap=overlap,
        terms=TERMS,
        energies=energies,
        clip_energies=of_clip,
        trace_stage=("start",) * 4 + ("joints",) * 5 if hands else (),
        trace_hand=(0,) * 9 if hands else (),
        trace_energy=tuple(1e5 * 0.5**step for step in range(9)) if hands else (),
    )


def make_record(name: str = "wave.mp4") -> RunRecord:
    return RunRecord(
        identity="0",
        input=name,
        input_path=f"/clips/{name}",
        command=("fit_sequence.py", name, "--output", "results/wave"),
        version="9.8.7",
        seconds=12.0,
        warnings=("hand length not known: distances scale with it",),
        started_from={"right": "network", "left": "detections"},
        psnr_db={"right": 27.5},
        ssim={"right": 0.91},
    )


def write_folder(path: Path, hands: int = 2, name: str = "wave.mp4") -> ResultFolder:
    """Result, diagnostics, record, an overlay video, and the right hand's pictures."""
    path.mkdir(parents=True, exist_ok=True)
    result = make_result(hands)
    grey = (np.full((SIZE[1], SIZE[0], 3), 90 + 2 * frame, np.uint8) for frame in range(FRAMES))
    write_overlay(path / "overlay.mp4", grey, drawn(result), result.camera, FPS)
    checks = np.indices((32, 32)).sum(axis=0) // 4 % 2 * 120 + 100
    for part in ("texture", "coverage", "turntable"):
        write_png(path / f"{part}_right.png", np.stack([checks, checks // 2, checks // 3], axis=-1).astype(np.uint8))
    save_diagnostics(make_diagnostics(result), path)
    save_result(result, path)
    save_record(make_record(name), path)
    return open_result(path)


def drawn(result: FitResult) -> list[DrawnHand]:
    return [
        DrawnHand(side, vertices, joints, result.faces, present, observed)
        for side, vertices, joints, present, observed in zip(
            result.side, result.vertices_m, result.joints_m, result.present, result.observed, strict=True
        )
    ]


def without_hands(folder: ResultFolder) -> ResultFolder:
    """The same folder as if no hand had been present in any frame."""
    result = folder.result
    empty = {
        name: np.full_like(getattr(result, name), np.nan)
        for name in ("joints_m", "joints_sigma_mm", "quality", "keypoints_px", "vertices_m", "pose", "translation_m")
    }
    flags = np.zeros_like(result.present)
    return replace(folder, result=replace(result, present=flags, observed=flags, **empty))
