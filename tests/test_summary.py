"""The summary's figures are known values on a made-up fit, and the table tells them."""

import io
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from fitter.app.summary import Run, hand_length, longest_run, print_summary, summarise
from fitter.export.result import FitResult, find_problem
from fitter.observe.observations import Observations
from fitter.skeleton import POINT_PARENTS
from fitter.synthesis.report import PhotometricReport

T, PRESENT = 30, 25  # the hand leaves the frame for the last five


def _joints() -> np.ndarray:
    """A hand whose every bone is 40 mm long, moving right by 1 mm a frame, half a metre away."""
    hand = np.zeros((21, 3))
    for point in range(1, 21):
        direction = np.array([0.1 * point, -1.0, 0.05 * point])
        hand[point] = hand[POINT_PARENTS[point]] + 0.04 * direction / np.linalg.norm(direction)
    return hand + [0, 0, 0.5] + np.arange(T)[:, None, None] * [0.001, 0, 0]


def _fit() -> tuple[FitResult, Observations]:
    joints = _joints()
    matrix = np.array([[800.0, 0, 320], [0, 800, 240], [0, 0, 1]])
    projected = joints @ matrix.T
    keypoints = projected[..., :2] / projected[..., 2:]
    present = np.arange(T)[None] < PRESENT
    observed = present & (np.arange(T) != 3)

    def rows(array: np.ndarray) -> np.ndarray:
        return np.where(present[0].reshape(-1, *[1] * (array.ndim - 1)), array, np.nan).astype(np.float32)[None]

    result = FitResult(
        side=("right",),
        present=present,
        observed=observed,
        joints_m=rows(joints),
        joints_sigma_mm=rows(np.full((T, 21), 5.0)),
        quality=rows(np.full(T, 0.6)),
        keypoints_px=rows(keypoints),
        vertices_m=rows(np.zeros((T, 4, 3))),
        faces=np.array([[0, 1, 2]], np.int32),
        uv=np.zeros((4, 2), np.float32),
        uv_faces=np.array([[0, 1, 2]], np.int32),
        pose=rows(np.zeros((T, 48))),
        betas=np.zeros((1, 10), np.float32),
        translation_m=rows(np.zeros((T, 3))),
        lighting=np.full((1, 1, 9, 3), np.nan, np.float32),
        K=matrix,
        K_known=False,
        K_frames=np.zeros((0, 3, 3)),
        camera_from_world=np.zeros((0, 4, 4)),
        focal_source="assumed",
        focal_sigma=0.2,
        distortion=np.zeros(0),
        hand_model="anny",
        image_size=(640, 480),
        fps=30.0,
        status="converged",
    )
    seen = Observations(
        source="mediapipe",
        side="right",
        time_s=np.arange(T) / 30,
        image_size=(640, 480),
        keypoints_px=np.where(observed[0][:, None, None], keypoints + [3.0, 4.0], 0.0),
        confidence=np.where(observed[0][:, None], np.ones(21), 0.0),
    )
    return result, seen


RESULT, SEEN = _fit()
RUN = Run(Path("results/clip"), seconds=12.34, warnings=("focal length assumed: 800 px",))


def test_the_made_up_result_keeps_the_contract() -> None:
    assert find_problem(RESULT) is None


def test_figures_have_their_known_values() -> None:
    (hand,) = summarise(RESULT, [SEEN], RUN).hands
    assert (hand.side, hand.observed_frames, hand.present_frames) == ("right", 24, 25)
    assert hand.reprojection_px == pytest.approx(5.0, abs=1e-4)
    assert hand.length_mm == pytest.approx(160.0, abs=1e-3)
    assert hand.sigma_mm == 5.0
    assert hand.jitter_px == pytest.approx(0.0, abs=1e-4)
    assert (hand.error_mm, hand.aligned_error_mm) == (None, None)


def test_jitter_tells_fit_and_detections_apart() -> None:
    shaken = SEEN.keypoints_px + np.where(np.arange(T) % 2, 2.0, -2.0)[:, None, None] * [1.0, 0.0]
    (hand,) = summarise(RESULT, [replace(SEEN, keypoints_px=shaken)], RUN).hands
    assert hand.jitter_px == pytest.approx(0.0, abs=1e-4)
    # An alternation of +-2 px differs from its mean over 11 frames, +-2/11, by 2 +- 2/11.
    assert hand.detection_jitter_px == pytest.approx(2.0, abs=0.2)


def test_truth_gives_the_error_in_millimetres() -> None:
    joints = _joints()
    joints[:, 0] += [0, 0, 0.021]  # the wrist is wrong by 21 mm: relative to it, the other 20 joints are
    (hand,) = summarise(RESULT, [SEEN], replace(RUN, truth_m=joints[None])).hands
    assert hand.error_mm == pytest.approx(20.0, abs=1e-3)
    assert hand.aligned_error_mm is not None and 0.0 < hand.aligned_error_mm < 5.0
    (exact,) = summarise(RESULT, [SEEN], replace(RUN, truth_m=_joints()[None])).hands
    assert exact.error_mm == pytest.approx(0.0, abs=1e-4) and exact.aligned_error_mm == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize(
    ("wanted", "run"),
    [([], (0, 0)), ([0, 0], (0, 0)), ([1, 1], (0, 2)), ([1, 0, 1, 1, 0, 1], (2, 4)), ([0, 1], (1, 2))],
)
def test_the_longest_run(wanted: list[int], run: tuple[int, int]) -> None:
    assert longest_run(np.array(wanted, bool)) == slice(*run)


def test_hand_length_follows_the_middle_finger() -> None:
    present = np.arange(T) == 0
    assert hand_length(_joints(), present) == pytest.approx(4 * 0.04)
    assert np.isnan(hand_length(_joints(), np.zeros(T, bool)))


def _print(run: Run, result: FitResult = RESULT) -> str:
    console = Console(file=io.StringIO(), width=100)
    print_summary(summarise(result, [SEEN], run), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_table_tells_what_was_measured_and_what_was_assumed() -> None:
    text = _print(RUN)
    for words in (
        "right hand",
        "24 of 30 frames",
        "25 of 30 frames",
        "5.00 px",
        "160 mm (not known)",
        "30 frames of 640x480 at 30 fps, focal length 800 px (not given: assumed, one standard deviation 20 %)",
        "warning: focal length assumed: 800 px",
        "written to results/clip after 12.3 s",
    ):
        assert words in text
    assert "status" not in text and "truth" not in text


def test_known_length_status_and_truth_are_told() -> None:
    run = replace(RUN, hand_length_known=True, truth_m=_joints()[None], warnings=())
    text = _print(
        run, replace(RESULT, status="stopped after the allowed number of steps", K_known=True, focal_source="given")
    )
    assert "160 mm (given)" in text and "focal length 800 px (given)" in text
    assert "status: stopped after the allowed number of steps" in text
    assert "error to the truth" in text and "0.0 mm" in text
    assert "warning" not in text


REPORT = PhotometricReport(
    psnr_db=27.25,
    ssim=0.9012,
    psnr_before_db=21.5,
    ssim_before=0.7,
    iou=0.954,
    iou_before=0.91,
    masks_used=22,
    masks_dropped=3,
    frame_used=np.arange(T) < 24,
    frame_iou=np.full(T, 0.954),
)


def rows_of(text: str) -> dict[str, str]:
    """Label and value of each line of the table."""
    parts = (line.strip().split("  ", 1) for line in text.splitlines())
    return {part[0]: part[1].strip() for part in parts if len(part) == 2}


def test_what_the_pixels_brought_is_told_before_and_after() -> None:
    rows = rows_of(_print(replace(RUN, photometric=(REPORT,))))
    assert rows["compared with the pixels"] == "24 of 30 frames"
    assert rows["PSNR where covered"] == "21.5 -> 27.2 dB"
    assert rows["SSIM where covered"] == "0.700 -> 0.901"
    assert rows["overlap with the masks"] == "0.910 -> 0.954 (IoU)"
    assert rows["masks"] == "22 used, 3 dropped (disagree with the keypoints)"


def test_nothing_is_said_of_pixels_that_were_not_compared() -> None:
    assert _print(replace(RUN, photometric=(None,))) == _print(RUN)
    assert not {"PSNR where covered", "masks"} & set(rows_of(_print(RUN)))


def test_without_masks_there_is_no_line_about_them() -> None:
    unmasked = replace(REPORT, iou=None, iou_before=None, masks_used=0, masks_dropped=0)
    rows = rows_of(_print(replace(RUN, photometric=(unmasked,))))
    assert "PSNR where covered" in rows and not {"masks", "overlap with the masks"} & set(rows)
    kept = rows_of(_print(replace(RUN, photometric=(replace(REPORT, masks_dropped=0),))))
    assert kept["masks"] == "22 used"
    dropped = replace(unmasked, masks_dropped=25)
    assert rows_of(_print(replace(RUN, photometric=(dropped,))))["masks"].startswith("0 used, 25 dropped")


def test_a_hand_without_pixels_has_dashes_beside_one_with() -> None:
    def twice(array: np.ndarray) -> np.ndarray:
        return np.concatenate([array, array])

    names = [f.name for f in fields(FitResult) if getattr(getattr(RESULT, f.name), "shape", (0,))[:1] == (1,)]
    both = replace(RESULT, side=("left", "right"), **{name: twice(getattr(RESULT, name)) for name in names})
    assert "joints_m" in names and find_problem(both) is None
    run = replace(RUN, photometric=(None, REPORT))
    left, right = summarise(both, [SEEN, SEEN], run).hands
    assert left.photometric is None and right.photometric == REPORT
    console = Console(file=io.StringIO(), width=140)
    print_summary(summarise(both, [SEEN, SEEN], run), console)
    assert isinstance(console.file, io.StringIO)
    assert rows_of(console.file.getvalue())["SSIM where covered"].split() == ["-", "0.700", "->", "0.901"]
