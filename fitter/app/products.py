"""What a result folder holds beside its arrays: meshes, textures, turntables, videos.

with written(windows, folder, clip, camera, terms_of(config.energy)) as fitted:
    export(fitted, clip, camera, config, folder, progress)
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from fitter.app.demo import save_truth
from fitter.app.progress import Progress
from fitter.camera import Camera
from fitter.clip import Clip, Frame
from fitter.config import Config, Export
from fitter.export.atomic import prepare_folder
from fitter.export.clip_writer import FittedClip, HandOfClip
from fitter.export.meshes import HandMesh, write_frame_meshes, write_mesh
from fitter.export.result import FRAMES_AT_ONCE, FitResult
from fitter.export.texture import texture_of, write_texture
from fitter.hand.mirror import mirror_points
from fitter.mapped import release_pages
from fitter.visualize.comparison import write_comparison
from fitter.visualize.dressed import DressedHand
from fitter.visualize.overlay import DrawnHand, write_overlay
from fitter.visualize.turntable import TurntableHand, write_turntable


def export(fitted: FittedClip, clip: Clip, camera: Camera, config: Config, folder: Path, progress: Progress) -> None:
    """Write everything beside the arrays that the configuration asks for."""
    result = fitted.result
    for index, hand in enumerate(fitted.hands):
        if config.export.meshes:
            write_hand_meshes(hand, result, index, folder / "meshes", config.export.mesh_per_frame)
        write_looks(hand, config.export, folder)
    fitted_camera = camera.scaled(float(result.K[0, 0]) / camera.fx)  # the fit may have moved the focal length
    if config.export.overlay:
        frames = counted(clip, result, progress)
        write_overlay(folder / "overlay.mp4", frames, drawn_hands(result), fitted_camera, clip.fps)
    dressed = dressed_hands(fitted)
    if config.export.comparison and dressed:
        write_comparison(folder / "comparison.mp4", counted(clip, result, progress), dressed, fitted_camera, clip.fps)
    save_truth(clip, folder)


def write_hand_meshes(hand: HandOfClip, result: FitResult, index: int, folder: Path, every_frame: bool) -> None:
    """The hand at rest as GLB and OBJ with its texture, if it has one, and on request its mesh in every frame."""
    prepare_folder(folder)
    mesh, appearance = rest_mesh(hand), hand.appearance
    texture = None if appearance is None else texture_of(appearance)
    for suffix in (".glb", ".obj"):
        write_mesh(folder / f"{hand.side}{suffix}", mesh, texture)
    if every_frame:
        every = replace(mesh, axes="camera")
        write_frame_meshes(folder / hand.side, every, result.vertices_m[index], texture=texture)


def rest_mesh(hand: HandOfClip) -> HandMesh:
    """The hand at rest, of the side that was seen."""
    model = hand.model
    rest = model.with_shape(hand.betas).vertices
    vertices = (mirror_points(rest) if hand.side == "left" else rest).numpy()
    faces, uv_faces = model.faces.numpy().astype(np.int32), model.uv_faces.numpy().astype(np.int32)
    return HandMesh(hand.side, vertices, faces, model.uv.numpy(), uv_faces, axes="rest")


def write_looks(hand: HandOfClip, wanted: Export, folder: Path) -> None:
    """The still pictures of what the hand wears; nothing where it was fitted without pixels."""
    appearance, model = hand.appearance, hand.model
    if appearance is None:
        return
    if wanted.textures:
        write_texture(folder, hand.side, appearance)
    if wanted.turntable:
        mesh, uv, uv_faces = rest_mesh(hand), model.uv.numpy(), model.uv_faces.numpy()
        shown = TurntableHand(hand.side, mesh.vertices_m, mesh.faces, uv, uv_faces, appearance)
        write_turntable(folder / f"turntable_{hand.side}.png", shown)


def dressed_hands(fitted: FittedClip) -> list[DressedHand]:
    """The result's hands that wear something, as the comparison shows them: in the input's frames."""
    dressed = []
    for hand, drawn in zip(fitted.hands, drawn_hands(fitted.result), strict=True):
        appearance, model = hand.appearance, hand.model
        if appearance is not None:
            worn = appearance if hand.side == "right" else appearance.mirrored()
            dressed.append(DressedHand(drawn, worn, model.uv.numpy(), model.uv_faces.numpy()))
    return dressed


def drawn_hands(result: FitResult) -> list[DrawnHand]:
    """The result's hands as the overlay draws them."""
    return [
        DrawnHand(
            side=side,
            vertices_m=result.vertices_m[index],
            joints_m=result.joints_m[index],
            faces=result.faces,
            present=result.present[index],
            observed=result.observed[index],
        )
        for index, side in enumerate(result.side)
    ]


def counted(clip: Clip, result: FitResult, progress: Progress) -> Iterator[Frame]:
    """The clip's frames, each told to the progress; rows of the result that were drawn need no memory any more."""
    for index, frame in enumerate(clip.frames()):
        yield frame
        progress.frame(index + 1, clip.n_frames)
        if index % FRAMES_AT_ONCE == 0:
            release_pages(result.vertices_m)
