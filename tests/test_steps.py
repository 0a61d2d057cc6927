"""The steps between the command line and the engine: devices, lengths, sides, meshes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from fitter.app.clip_source import ClipSource
from fitter.app.options import Command
from fitter.app.products import drawn_hands, dressed_hands, export, write_hand_meshes
from fitter.app.progress import SilentProgress
from fitter.app.steps import (
    choose_device,
    initialise,
    load,
    optimise,
    terms_of,
    with_length,
)
from fitter.camera import Camera
from fitter.clip import Clip
from fitter.config import Config, Export
from fitter.energy import Energy
from fitter.energy.size import Size
from fitter.errors import InputError
from fitter.export.assemble import assemble_result
from fitter.export.atomic import prepare_folder
from fitter.export.clip_writer import FittedClip, hand_of_clip, written
from fitter.export.diagnostics import diagnose
from fitter.export.fitted_hand import FittedHand, FittedWindow
from fitter.export.result import FitResult
from fitter.hand import HandModel
from fitter.hand.mirror import mirror_lighting
from fitter.observe.observations import Observations, Side
from fitter.solve.schedule import Schedule
from tests.dressed_hand import appearance
from tests.moving_hands import blank_clip
from tests.short_clip import write_video
from tests.toy_hand import toy_hand
from tests.toy_problem import random_state

T, SIZE = 5, (640, 480)
CAMERA = Camera(600.0, 610.0, 300.0, 250.0, *SIZE)


def model() -> HandModel:
    return replace(toy_hand(), name="anny")


def seen_hand(side: Side) -> Observations:
    """The capsule hand in motion, as a perfect detector in the input's frames sees it; a left hand mirrored."""
    state = random_state(model(), T, seed=0)
    joints = model().with_shape(state.betas).with_pose(state.rotations, state.wrist).joints
    sign = torch.tensor([1.0 if side == "right" else -1.0, 1.0, 1.0], dtype=torch.float64)
    points = (joints * sign).numpy()
    return Observations(
        source="custom",
        side=side,
        time_s=np.arange(T) / 30.0,
        image_size=SIZE,
        keypoints_px=CAMERA.project(joints * sign).numpy(),
        confidence=np.ones((T, 21)),
        depth_px=(points[..., 2] / points[:, :1, 2] - 1.0) * CAMERA.fx,
        landmarks_m=points - points[:, :1],
    )


# What these clips show is of no concern here.
KEYPOINTS_ONLY = replace(Config(), schedule=Schedule(stages=Schedule().keypoint_stages))


def fitted(*sides: Side) -> tuple[list[FittedHand], list[Observations]]:
    seen = [seen_hand(side) for side in sides]
    source = ClipSource(blank_clip(T), CAMERA, model(), seen)
    (window,) = optimise(source, KEYPOINTS_ONLY, Command("demo"), SilentProgress())
    return list(window.hands), seen


def whole(hands: Sequence[FittedHand]) -> FittedClip:
    result = assemble_result(hands, blank_clip(T), CAMERA)
    return FittedClip(result, diagnose(hands), tuple(hand_of_clip(hand) for hand in hands))


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_keypoints_are_fitted_on_the_cpu_unless_asked_otherwise(device: str) -> None:
    assert choose_device(Command("demo", device=device)) == torch.device("cpu")  # type: ignore[arg-type]


def test_cuda_is_taken_where_it_is_and_refused_where_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device(Command("demo", device="cuda")) == torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for version, reason in ((None, "is built without CUDA"), ("12.4", "finds no GPU")):
        monkeypatch.setattr(torch.version, "cuda", version)
        with pytest.raises(InputError, match=f"--device cuda: torch .* {reason}; expected a CUDA GPU, or --device cpu"):
            choose_device(Command("demo", device="cuda"))


def test_loading_looks_at_the_device_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="--device cuda"):
        load(Command(str(tmp_path / "nowhere.mp4"), device="cuda"))


def test_a_clip_is_loaded_with_its_camera_and_model(anny: HandModel, tmp_path: Path) -> None:
    video = write_video(tmp_path / "clip.mp4", 3)
    clip, camera, loaded = load(Command(str(video)))
    assert clip.n_frames == 3 and not camera.known and camera.cx == 160.0
    assert torch.equal(loaded.joints, anny.joints)
    assert load(Command(str(video), intrinsics="400,410,150,130"))[1] == Camera(400, 410, 150, 130, 320, 240)


def test_a_measured_length_replaces_the_populations() -> None:
    energy = Energy()
    assert with_length(energy, None) is energy
    size = with_length(energy, 170.0).size
    assert size == Size(length_mm=170.0, sigma_mm=1.0)
    assert with_length(replace(energy, size=None), 170.0).size == size  # also where the term was off


def test_a_left_hand_is_fitted_as_a_right_one_in_the_mirrored_frames() -> None:
    right, left = initialise(blank_clip(T), CAMERA, model(), [seen_hand("right"), seen_hand("left")])
    assert right.camera == CAMERA and left.camera.cx == SIZE[0] - CAMERA.cx
    assert [start.name for start in left.starts] == ["landmarks", "relaxed"]
    # Both saw the same hand, one of them in the mirror.
    assert torch.allclose(left.evidence.bone_directions, right.evidence.bone_directions, atol=1e-9)
    assert torch.allclose(
        left.evidence.keypoints_px[..., 0] - left.camera.cx, right.evidence.keypoints_px[..., 0] - 300
    )


def test_both_sides_are_fitted_alike() -> None:
    """Each alone: filmed together, mirror images of each other would stand in the same place."""
    left, right = whole(fitted("left")[0]).result, whole(fitted("right")[0]).result
    assert left.side == ("left",) and right.status == "converged"
    assert np.allclose(left.joints_m * [-1.0, 1.0, 1.0], right.joints_m, atol=1e-5)
    for seen, result in ((seen_hand("left"), left), (seen_hand("right"), right)):
        assert np.linalg.norm(result.keypoints_px[0] - seen.keypoints_px, axis=-1).mean() < 4.0


def test_two_hands_are_one_result() -> None:
    hands, _ = fitted("left", "right")
    assert whole(hands).result.side == ("left", "right") and whole(hands).result.status == "converged"


def test_the_overlay_draws_what_the_result_holds() -> None:
    hands, _ = fitted("left", "right")
    result = assemble_result(hands, blank_clip(T), CAMERA)
    drawn = drawn_hands(result)
    assert [hand.side for hand in drawn] == ["left", "right"]
    assert np.array_equal(drawn[1].vertices_m, result.vertices_m[1]) and np.array_equal(drawn[0].faces, result.faces)


@pytest.mark.parametrize("side", ["right", "left"])
def test_meshes_are_of_the_side_that_was_seen_and_closed_outwards(side: Side, tmp_path: Path) -> None:
    hands, _ = fitted(side)
    clip = whole(hands)
    write_hand_meshes(clip.hands[0], clip.result, 0, tmp_path / "meshes", every_frame=True)
    names = {path.name for path in (tmp_path / "meshes").iterdir()}
    assert {f"{side}.glb", f"{side}.obj", side} <= names
    assert len(list((tmp_path / "meshes" / side).iterdir())) == T
    mesh = trimesh.load_mesh(tmp_path / "meshes" / f"{side}.obj", process=True, merge_tex=True, merge_norm=True)
    rest = hands[0].fit.scene.model.with_shape(hands[0].fit.state.betas).vertices.numpy()
    thumb = rest[:, 2].max()  # the thumb's side is +z at rest, for either hand
    assert mesh.bounds[1, 2] == pytest.approx(thumb, abs=1e-5)
    fingers = mesh.bounds[0, 0] if side == "right" else -mesh.bounds[1, 0]  # fingers along -x, mirrored along +x
    assert fingers == pytest.approx(rest[:, 0].min(), abs=1e-5)
    assert mesh.volume > 0.0


@dataclass(frozen=True)
class GreyClip:
    """Frames of one grey, as many as are fitted."""

    n_frames: int = T
    width: int = SIZE[0]
    height: int = SIZE[1]
    fps: float = 30.0

    def frames(self) -> Iterator[np.ndarray]:
        return (np.full((self.height, self.width, 3), 90, np.uint8) for _ in range(self.n_frames))


def exported(hands: list[FittedHand], wanted: Export, folder: Path) -> set[str]:
    """The files of a result, without what else the configuration asks for."""
    clip = cast(Clip, GreyClip())
    with written([FittedWindow(0, hands)], folder, clip, CAMERA, terms_of(Config().energy)) as complete:
        export(complete, clip, CAMERA, replace(Config(), export=wanted), folder, SilentProgress())
    return {path.name for path in folder.iterdir()}


def wearing(hand: FittedHand) -> FittedHand:
    return replace(hand, fit=replace(hand.fit, appearance=appearance(T)))


def test_what_a_hand_wears_is_written_for_the_hands_that_wear_something(tmp_path: Path) -> None:
    (left, right), _ = fitted("left", "right")
    worn = {"texture_left.png", "coverage_left.png", "turntable_left.png", "comparison.mp4"}
    plain = {"overlay.mp4", "meshes", "diagnostics.npz", "result.npz"}
    assert exported([wearing(left), right], Export(), prepare_folder(tmp_path / "one")) == plain | worn
    assert exported([left, right], Export(), prepare_folder(tmp_path / "none")) == plain
    silent = Export(overlay=False, meshes=False, comparison=False, textures=False, turntable=False)
    assert exported([wearing(left), right], silent, prepare_folder(tmp_path / "silent")) == {
        "diagnostics.npz",
        "result.npz",
    }
    result = FitResult.load(tmp_path / "one")
    assert np.isfinite(result.lighting[0]).all() and np.isnan(result.lighting[1]).all()
    with Image.open(tmp_path / "one" / "texture_left.png") as texture:
        inside = trimesh.load(tmp_path / "one" / "meshes" / "left.glb").geometry["left"].visual.material  # type: ignore[attr-defined]
        assert np.array_equal(np.asarray(inside.baseColorTexture.convert("RGB")), np.asarray(texture))
    assert (tmp_path / "one" / "meshes" / "left.png").exists()
    assert not (tmp_path / "one" / "meshes" / "right.png").exists()


def test_the_comparison_shows_a_left_hand_in_the_inputs_frames() -> None:
    """Its light comes from the other side than in the mirrored frames; it is seen where the overlay has it."""
    hands, _ = fitted("left", "right")
    clip = whole([wearing(hand) for hand in hands])
    left, right = dressed_hands(clip)
    assert torch.equal(left.appearance.lighting, mirror_lighting(right.appearance.lighting))
    assert left.drawn.side == "left" and np.array_equal(left.drawn.vertices_m, clip.result.vertices_m[0])
    assert dressed_hands(whole(hands)) == []


def test_every_frames_mesh_carries_the_texture(tmp_path: Path) -> None:
    hands, _ = fitted("right")
    clip = whole([wearing(hands[0])])
    write_hand_meshes(clip.hands[0], clip.result, 0, tmp_path / "meshes", every_frame=True)
    for path in sorted((tmp_path / "meshes" / "right").iterdir()):
        material = trimesh.load(path).geometry["right"].visual.material  # type: ignore[attr-defined]
        assert material.baseColorTexture is not None
