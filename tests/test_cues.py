"""The cues of the command line: read before the work, mirrored for left hands, and better than nothing."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import fitter
from fitter.app.cues import NO_CUES, Cues, read_cues
from fitter.app.options import Command
from fitter.app.steps import initialise
from fitter.clip import open_clip
from fitter.errors import InputError
from fitter.hand import HandModel
from fitter.observe.depth_maps import DepthFolder
from fitter.observe.known_positions import KnownPositions
from fitter.observe.observations import Side
from fitter.render.rasterizer import to_screen
from fitter.render.zbuffer import ZBuffer
from tests.moving_hands import blank_clip
from tests.short_clip import FRAMES, KEYPOINTS_ONLY, SIZE, ShortClip, run
from tests.test_steps import CAMERA, T, model, seen_hand


@pytest.fixture(scope="module")
def clip(anny: HandModel, tmp_path_factory: pytest.TempPathFactory) -> ShortClip:
    return ShortClip.make(anny, tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def depth(clip: ShortClip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a depth camera would have written of the clip's hand before a wall."""
    folder = tmp_path_factory.mktemp("depth")
    faces = torch.from_numpy(clip.truth.faces)
    seen = ZBuffer().rasterize(to_screen(clip.truth.camera, torch.from_numpy(clip.truth.vertices_m)), faces, SIZE)
    rng = np.random.default_rng(0)
    for frame in range(FRAMES):
        noisy = 1000.0 * seen.depth[frame].numpy() + rng.normal(0.0, 2.0, SIZE[::-1])
        image = np.where(seen.covered[frame].numpy(), noisy, 1800.0)
        image[rng.random(SIZE[::-1]) < 0.1] = 0.0
        assert cv2.imwrite(str(folder / f"{frame}.png"), np.round(image).astype(np.uint16))
    return folder


def intrinsics(clip: ShortClip) -> str:
    camera = clip.truth.camera
    return f"{camera.fx},{camera.fy},{camera.cx},{camera.cy}"


def error_mm(clip: ShortClip, result: fitter.FitResult) -> float:
    """Mean error of the joints in space, the distance included."""
    return 1000.0 * float(np.linalg.norm(result.joints_m[0] - clip.truth.joints_m, axis=-1).mean())


def known(n_points: int) -> KnownPositions:
    places = torch.rand(T, n_points, 3, dtype=torch.float64)
    return KnownPositions(places, torch.ones(T, n_points).double())


def test_nothing_given_is_nothing_read(clip: ShortClip, anny: HandModel) -> None:
    assert read_cues(Command(str(clip.video)), open_clip(clip.video), anny) == NO_CUES
    given = initialise(blank_clip(T), CAMERA, model(), [seen_hand("right")])[0]
    assert given.depth is None and given.evidence.joints is None and given.evidence.vertices is None


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_left_hands_cues_are_mirrored_as_its_frames_are(side: Side) -> None:
    cues = Cues(known(21), known(50), DepthFolder((), (640, 480)))
    given = initialise(blank_clip(T), CAMERA, model(), [seen_hand(side)], cues)[0]
    assert cues.joints is not None and given.evidence.joints is not None and given.evidence.vertices is not None
    sign = -1.0 if side == "left" else 1.0
    expected = cues.joints.positions_m * torch.tensor([sign, 1.0, 1.0])
    assert torch.equal(given.evidence.joints.positions_m, expected)
    assert given.depth is not None and given.depth.mirrored is (side == "left")


def test_one_hands_joints_cannot_be_two_hands() -> None:
    both = [seen_hand("right"), seen_hand("left")]
    for cues, option in ((Cues(joints=known(21)), "--joints"), (Cues(vertices=known(50)), "--vertices")):
        with pytest.raises(InputError, match=f"{option}: the file holds one hand, but two are fitted"):
            initialise(blank_clip(T), CAMERA, model(), both, cues)
    inputs = initialise(blank_clip(T), CAMERA, model(), both, Cues(depth=DepthFolder((), (640, 480))))
    assert [given.depth is not None and given.depth.mirrored for given in inputs] == [False, True]


def test_depth_images_give_the_distance_that_one_view_cannot(clip: ShortClip, depth: Path) -> None:
    """Measured: 39 mm without them, 0.9 mm with them, of a hand of unknown length."""
    options = {"keypoints": clip.keypoints, "intrinsics": intrinsics(clip), "config": KEYPOINTS_ONLY}
    without = error_mm(clip, fitter.fit(clip.video, **options))
    with_depth = error_mm(clip, fitter.fit(clip.video, depth=depth, **options))
    print(f"error in space {without:.1f} mm, with depth {with_depth:.1f} mm")
    assert with_depth < 0.5 * without
    assert with_depth < 8.0


def test_known_joints_and_vertices_are_followed(clip: ShortClip, tmp_path: Path) -> None:
    joints = clip.truth.joints_m.copy()
    joints[::2] = np.nan
    np.savez(tmp_path / "joints.npz", joints_m=joints)
    np.savez(tmp_path / "vertices.npz", vertices_m=clip.truth.vertices_m)
    options = {"keypoints": clip.keypoints, "intrinsics": intrinsics(clip), "config": KEYPOINTS_ONLY}
    by_joints = error_mm(clip, fitter.fit(clip.video, joints=tmp_path / "joints.npz", **options))
    by_vertices = error_mm(clip, fitter.fit(clip.video, vertices=tmp_path / "vertices.npz", **options))
    print(f"error in space: with joints {by_joints:.1f} mm, with vertices {by_vertices:.1f} mm")
    assert max(by_joints, by_vertices) < 4.0  # below the terms' sigma of 5 mm


def test_a_cue_that_does_not_fit_is_status_two_before_anything_is_written(
    clip: ShortClip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "joints.npz", joints_m=clip.truth.joints_m[:5])
    (tmp_path / "empty").mkdir()
    wrong = {
        "--joints": (tmp_path / "joints.npz", "has shape (5, 21, 3), expected (12, 21, 3)"),
        "--vertices": (tmp_path / "joints.npz", "holds no vertices_m"),
        "--depth": (tmp_path / "empty", "holds 0 PNG files, expected 12"),
    }
    for option, (path, sentence) in wrong.items():
        assert run(clip.words(tmp_path / "out", option, str(path))) == 2
        assert sentence in capsys.readouterr().err
        assert not (tmp_path / "out").exists()


def test_resuming_knows_the_cues_apart(clip: ShortClip, tmp_path: Path) -> None:
    np.savez(tmp_path / "joints.npz", joints_m=clip.truth.joints_m)
    words = clip.words(tmp_path / "out", "--joints", str(tmp_path / "joints.npz"))
    assert run(words) == 0
    first = (tmp_path / "out" / "result.npz").stat().st_mtime_ns
    assert run([*words, "--resume"]) == 0
    assert (tmp_path / "out" / "result.npz").stat().st_mtime_ns == first
    np.savez(tmp_path / "joints.npz", joints_m=clip.truth.joints_m + 0.001)
    assert run([*words, "--resume"]) == 0
    assert (tmp_path / "out" / "result.npz").stat().st_mtime_ns > first
