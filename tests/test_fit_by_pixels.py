"""The whole command with its default schedule on a clip that shows a hand: what pixels bring in any format, with masks
good and bad.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from fitter.clip import open_clip
from fitter.export.result import FitResult
from fitter.hand import HandModel
from fitter.render.shading import srgb_to_linear
from priors.synthetic.clip import DemoClip, make_demo_clip
from priors.synthetic.detector import SyntheticDetector
from tests.short_clip import KEYPOINTS_ONLY, NUMBERS_ONLY, run

Captured = pytest.CaptureFixture[str]
Images = Sequence[np.ndarray]

FRAMES, SIZE = 6, (320, 240)
# One stage with pixels is enough where its figures do not matter.
COARSE_ONLY = ("--schedule.stages.3.resolution", "112", "--schedule.stages.3.max-steps", "1")
QUIET = ("--quiet", *NUMBERS_ONLY, "--export.comparison", "false", "--export.turntable", "false")


@dataclass(frozen=True)
class Filmed:
    """What was filmed (RGB), the true masks (0 or 255), and what a detector saw."""

    demo: DemoClip
    frames: Images
    masks: Images
    seen: dict[str, np.ndarray]

    def write(self, folder: Path, frames: Images | None = None, seen: dict[str, np.ndarray] | None = None) -> list[str]:
        """Images and keypoints in `folder`, and the words of the command that fits them into `folder`/out."""
        write_images(folder / "frames", [image[..., ::-1] for image in self.frames] if frames is None else frames)
        arrays: dict[str, np.ndarray] = {"side": np.array("right")} | self.seen | (seen or {})
        np.savez(folder / "seen.npz", **arrays)  # pyright: ignore[reportArgumentType] (numpy's stub, see ShortClip)
        return [str(folder / "frames"), "--keypoints", str(folder / "seen.npz"), "--output", str(folder / "out")]


@pytest.fixture(scope="module")
def filmed(anny: HandModel) -> Filmed:
    demo = make_demo_clip(anny, seed=3, n_frames=FRAMES, size=SIZE)
    hands = [found[0] for found in SyntheticDetector(noise_px=1.0).detect(demo.truth, seed=0)]
    names = ("keypoints_px", "confidence", "depth_px", "landmarks_m")
    seen = {name: np.stack([getattr(hand, name) for hand in hands]) for name in names}
    masks = [np.where(demo.hand_mask(frame), 255, 0).astype(np.uint8) for frame in range(FRAMES)]
    return Filmed(demo, list(demo.frames()), masks, seen)


@pytest.fixture(scope="module")
def plain(filmed: Filmed, tmp_path_factory: pytest.TempPathFactory) -> FitResult:
    """The fit of the coloured frames in 8 bits, without masks: what other formats are compared with."""
    folder = tmp_path_factory.mktemp("plain")
    assert run([*filmed.write(folder), *QUIET, *COARSE_ONLY]) == 0
    return FitResult.load(folder / "out")


def write_images(folder: Path, images: Images) -> Path:
    """PNGs as OpenCV takes them: grey, BGR or BGRA, of 8 or 16 bits."""
    folder.mkdir()
    for frame, image in enumerate(images):
        assert cv2.imwrite(str(folder / f"{frame}.png"), image)
    return folder


def one_sentence(captured: Captured) -> str:
    out, err = captured.readouterr()
    assert out == "" and err.startswith("handfit: ") and err.count("\n") == 1 and "a fault in handfit" not in err
    return err.removeprefix("handfit: ").rstrip()


def said(captured: Captured) -> str:
    """The summary on stdout with single spaces."""
    return " ".join(captured.readouterr().out.split())


def error_mm(result: FitResult, truth_m: np.ndarray) -> float:
    """Mean error of the joints relative to the wrist, both as long as the truth."""
    found, true = (joints - joints[:, :1] for joints in (result.joints_m[0].astype(np.float64), truth_m))
    scale = (found * true).sum() / (found * found).sum()
    return 1000.0 * float(np.linalg.norm(scale * found - true, axis=-1).mean())


def test_pixels_and_masks_give_everything_and_a_better_hand(filmed: Filmed, tmp_path: Path, capsys: Captured) -> None:
    masks = write_images(tmp_path / "masks", filmed.masks)
    words = filmed.write(tmp_path)
    assert run([*words, "--masks", str(masks)]) == 0
    text = said(capsys)
    assert f"compared with the pixels {FRAMES} of {FRAMES} frames" in text and f"masks {FRAMES} used " in text
    out = tmp_path / "out"
    result = FitResult.load(out)
    assert result.status == "converged" and result.lighting.shape == (1, 1, 9, 3)
    assert np.isfinite(result.lighting).all() and (result.lighting[0, 0, 0] > 0.0).all()  # light on the whole
    assert {path.name for path in out.iterdir()} == {
        "result.npz",
        "config.yaml",
        "diagnostics.npz",
        "run.json",
        "meshes",
        "overlay.mp4",
        "comparison.mp4",
        "texture_right.png",
        "coverage_right.png",
        "turntable_right.png",
        "report.html",
    }
    assert open_clip(out / "comparison.mp4").n_frames == FRAMES
    texture, coverage = (
        cv2.imread(str(out / f"{name}_right.png"), cv2.IMREAD_UNCHANGED) for name in ("texture", "coverage")
    )
    assert (
        texture is not None and coverage is not None and texture.shape == (512, 512, 3) and coverage.shape == (512, 512)
    )
    assert texture[coverage > 128].std() > 1.0 and 0.1 < (coverage > 0).mean() < 0.9
    assert b'"baseColorTexture"' in (out / "meshes" / "right.glb").read_bytes()
    assert "map_Kd right.png" in (out / "meshes" / "right.mtl").read_text()
    numbers = tmp_path / "numbers"
    command = [*words[:-1], str(numbers), *QUIET, "--config", str(KEYPOINTS_ONLY)]
    assert run(command) == 0
    truth = filmed.demo.truth.joints_m
    keypoints_only = FitResult.load(numbers)
    assert error_mm(result, truth) < error_mm(keypoints_only, truth)
    assert np.isnan(keypoints_only.lighting).all() and not list(numbers.glob("*.png"))


def grey(frame: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)


def sixteen_bits(frame: np.ndarray) -> np.ndarray:
    return frame[..., ::-1].astype(np.uint16) * 257


def with_alpha(frame: np.ndarray) -> np.ndarray:
    """Half transparent: the colours stay as stored."""
    return np.dstack([frame[..., ::-1], np.full(frame.shape[:2], 128, np.uint8)])


@pytest.mark.parametrize("stored", [sixteen_bits, with_alpha])
def test_the_same_pixels_in_another_format_are_the_same_fit(
    filmed: Filmed, plain: FitResult, tmp_path: Path, stored: Callable[[np.ndarray], np.ndarray]
) -> None:
    words = filmed.write(tmp_path, [stored(frame) for frame in filmed.frames])
    assert run([*words, *QUIET, *COARSE_ONLY]) == 0
    result = FitResult.load(tmp_path / "out")
    assert np.array_equal(result.vertices_m, plain.vertices_m) and np.array_equal(result.lighting, plain.lighting)


@pytest.mark.parametrize("bits", [8, 16])
def test_grey_frames_give_a_grey_hand(filmed: Filmed, plain: FitResult, tmp_path: Path, bits: int) -> None:
    stored = [grey(frame) if bits == 8 else grey(frame).astype(np.uint16) * 257 for frame in filmed.frames]
    assert run([*filmed.write(tmp_path, stored), *QUIET, *COARSE_ONLY]) == 0
    result = FitResult.load(tmp_path / "out")
    truth = filmed.demo.truth.joints_m
    assert result.present.all() and error_mm(result, truth) < 1.5 * error_mm(plain, truth)
    texture = cv2.imread(str(tmp_path / "out" / "texture_right.png"), cv2.IMREAD_UNCHANGED)
    coverage = cv2.imread(str(tmp_path / "out" / "coverage_right.png"), cv2.IMREAD_UNCHANGED)
    assert texture is not None and coverage is not None
    albedo = srgb_to_linear(torch.from_numpy(texture[coverage > 128][:, ::-1] / 255.0)).numpy().mean(axis=0)
    # Skin is never grey by itself: the light makes up for what the albedo's prior adds.
    seen = albedo * result.lighting[0, 0, 0]
    assert np.ptp(seen) < 0.03 * seen.mean()


def test_a_left_hand_with_masks_is_the_mirror_image(filmed: Filmed, tmp_path: Path) -> None:
    """The frames, the masks and the detections mirrored: so is the fit, and its texture and light are the same."""
    (tmp_path / "right").mkdir()
    (tmp_path / "left").mkdir()
    mirrored = {
        "side": np.array("left"),
        "keypoints_px": filmed.seen["keypoints_px"] * [-1.0, 1.0] + [SIZE[0], 0.0],
        "landmarks_m": filmed.seen["landmarks_m"] * [-1.0, 1.0, 1.0],
    }
    right = filmed.write(tmp_path / "right")
    left = filmed.write(tmp_path / "left", [frame[:, ::-1, ::-1] for frame in filmed.frames], mirrored)
    results = []
    for words, masks in ((right, filmed.masks), (left, [mask[:, ::-1] for mask in filmed.masks])):
        folder = write_images(Path(words[0]).parent / "masks", masks)
        assert run([*words, "--masks", str(folder), *QUIET, *COARSE_ONLY]) == 0
        results.append(FitResult.load(folder.parent / "out"))
    assert [result.side for result in results] == [("right",), ("left",)]
    assert np.allclose(results[1].joints_m, results[0].joints_m * [-1.0, 1.0, 1.0], atol=2e-4)
    assert np.allclose(results[1].lighting, results[0].lighting * MIRRORED_LIGHT[:, None], atol=5e-3)


# What is odd in x changes its sign, of 1, y, z, x, xy, yz, 3z^2 - 1, xz, x^2 - y^2.
MIRRORED_LIGHT = np.array([1.0, 1.0, 1.0, -1.0, -1.0, 1.0, 1.0, -1.0, 1.0])


@pytest.mark.parametrize("n_frames", [1, 2])
def test_one_frame_and_two_are_compared_too(filmed: Filmed, tmp_path: Path, n_frames: int, capsys: Captured) -> None:
    few = {name: rows[:n_frames] for name, rows in filmed.seen.items()}
    frames = [frame[..., ::-1] for frame in filmed.frames[:n_frames]]
    assert run([*filmed.write(tmp_path, frames, few), *NUMBERS_ONLY]) == 0
    assert f"compared with the pixels {n_frames} of {n_frames} frames" in said(capsys)
    result = FitResult.load(tmp_path / "out")
    assert result.present.all() and np.isfinite(result.vertices_m).all() and np.isfinite(result.lighting).all()
    assert error_mm(result, filmed.demo.truth.joints_m[:n_frames]) < 8.0


@dataclass(frozen=True)
class Cropped:
    """What is left of the clip where its frames end at a column."""

    words: list[str]
    inside: np.ndarray

    @staticmethod
    def at(filmed: Filmed, folder: Path, share: float) -> "Cropped":
        """Frames that end where that `share` of the landmarks lies within; the others are not seen."""
        right = int(np.quantile(filmed.seen["keypoints_px"][..., 0], share))
        inside = filmed.seen["keypoints_px"][..., 0] < right
        seen = {
            "keypoints_px": np.where(inside[..., None], filmed.seen["keypoints_px"], np.nan),
            "confidence": np.where(inside, filmed.seen["confidence"], 0.0),
        }
        masks = write_images(folder / "masks", [mask[:, :right] for mask in filmed.masks])
        words = filmed.write(folder, [frame[:, :right, ::-1] for frame in filmed.frames], seen)
        return Cropped([*words, "--masks", str(masks)], inside)


def test_a_hand_partly_outside_the_image(filmed: Filmed, tmp_path: Path, capsys: Captured) -> None:
    cropped = Cropped.at(filmed, tmp_path, 0.7)
    assert run([*cropped.words, *NUMBERS_ONLY]) == 0
    assert f"compared with the pixels {FRAMES} of {FRAMES} frames" in said(capsys)
    result = FitResult.load(tmp_path / "out")
    away_px = np.linalg.norm(result.keypoints_px[0] - filmed.demo.truth.keypoints_px, axis=-1)
    assert result.present.all() and np.isfinite(result.vertices_m).all() and np.median(away_px[cropped.inside]) < 4.0


def test_too_little_of_a_hand_is_fitted_by_its_keypoints_and_said(
    filmed: Filmed, tmp_path: Path, capsys: Captured
) -> None:
    cropped = Cropped.at(filmed, tmp_path, 0.4)
    assert run([*cropped.words, *NUMBERS_ONLY]) == 0
    text = said(capsys)
    assert "no frame shows 11 landmarks of the hand: the fit is one of keypoints alone" in text and "PSNR" not in text
    assert np.isnan(FitResult.load(tmp_path / "out").lighting).all()
    assert not (tmp_path / "out" / "texture_right.png").exists()


@pytest.mark.parametrize("level", [0, 90, 255])
def test_frames_that_show_nothing_change_nothing(filmed: Filmed, tmp_path: Path, level: int, capsys: Captured) -> None:
    """Colours that do not tell hand from background give no masks, which would be the mesh's own inside."""
    words = filmed.write(tmp_path, [np.full_like(frame, level) for frame in filmed.frames])
    assert run([*words, *NUMBERS_ONLY, "--export.comparison", "false"]) == 0
    assert f"masks 0 used, {FRAMES} dropped" in said(capsys)
    result = FitResult.load(tmp_path / "out")
    assert run([*words[:-1], str(tmp_path / "keypoints"), *QUIET, "--config", str(KEYPOINTS_ONLY)]) == 0
    moved_m = np.linalg.norm(result.vertices_m - FitResult.load(tmp_path / "keypoints").vertices_m, axis=-1)
    assert moved_m.max() < 2e-3  # the stages with pixels go on with the keypoints' problem, to its own tolerance


@pytest.mark.parametrize("blank", [0, 255])
def test_frames_whose_mask_found_nothing_are_left_out(
    filmed: Filmed, tmp_path: Path, blank: int, capsys: Captured
) -> None:
    masks = [np.full_like(mask, blank) if frame in (1, 4) else mask for frame, mask in enumerate(filmed.masks)]
    folder = write_images(tmp_path / "masks", masks)
    assert run([*filmed.write(tmp_path), "--masks", str(folder), *NUMBERS_ONLY, *COARSE_ONLY]) == 0
    assert f"masks {FRAMES - 2} used, 2 dropped (disagree with the keypoints)" in said(capsys)
    assert error_mm(FitResult.load(tmp_path / "out"), filmed.demo.truth.joints_m) < 8.0


def test_masks_of_something_else_are_dropped(filmed: Filmed, tmp_path: Path, capsys: Captured) -> None:
    folder = write_images(tmp_path / "masks", [np.roll(mask, SIZE[0] // 2, axis=1) for mask in filmed.masks])
    assert run([*filmed.write(tmp_path), "--masks", str(folder), *NUMBERS_ONLY, *COARSE_ONLY]) == 0
    assert f"masks 0 used, {FRAMES} dropped (disagree with the keypoints)" in said(capsys)


def of_another_size(masks: Images) -> Images:
    return [mask[::2, ::2] for mask in masks]


def one_too_few(masks: Images) -> Images:
    return masks[1:]


def all_black(masks: Images) -> Images:
    return [np.zeros_like(mask) for mask in masks]


def all_white(masks: Images) -> Images:
    return [np.full_like(mask, 255) for mask in masks]


def nothing(masks: Images) -> Images:
    return []


def coloured(masks: Images) -> Images:
    return [np.dstack([mask, np.zeros_like(mask), mask // 2]) for mask in masks]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (of_another_size, "0.png is 160x120: expected a mask of the frames' size, 320x240"),
        (one_too_few, f"holds {FRAMES - 1} masks for the clip's {FRAMES} frames"),
        (all_black, "the masks are black in every frame"),
        (all_white, "the masks are white in every frame"),
        (nothing, "holds no PNG files"),
        (coloured, "is a coloured image, not a mask"),
    ],
)
def test_unusable_masks_are_status_two(
    filmed: Filmed, tmp_path: Path, capsys: Captured, change: Callable[[Images], Images], what: str
) -> None:
    folder = write_images(tmp_path / "masks", change(filmed.masks))
    assert run([*filmed.write(tmp_path), "--masks", str(folder), *QUIET]) == 2
    sentence = one_sentence(capsys)
    assert what in sentence and str(folder) in sentence and "expected" in sentence
    assert not (tmp_path / "out").exists()  # nothing was begun
