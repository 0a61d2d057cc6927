"""What a report shows of a result: every part where there is something, a sentence where there is not."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from fitter.app.report_figures import figures_of
from fitter.clip import open_clip
from fitter.export.folder import ResultFolder
from fitter.visualize.report.build import page_of
from fitter.visualize.report.film import FILM_PX, around, film_size
from fitter.visualize.report.page import Page
from fitter.visualize.report.verdict import verdict_of
from fitter.visualize.report.worst import worst_frames
from tests.report_folder import ABSENT, BAD, BRIDGED, FPS, FRAMES, SIZE, without_hands, write_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ResultFolder:
    return write_folder(tmp_path_factory.mktemp("wave"))


@pytest.fixture(scope="module")
def page(folder: ResultFolder) -> Page:
    return page_of(folder, figures_of(folder))


def test_the_clip_is_described(page: Page) -> None:
    assert page.title == "wave.mp4"
    assert page.facts[:3] == ("right and left hands", "30 frames", "1.0 s at 30 fps")
    assert (page.frames, page.fps, page.image_size, page.first_frame) == (FRAMES, FPS, SIZE, 0)
    assert page.command == "fit_sequence.py wave.mp4 --output results/wave" and page.version == "9.8.7"
    assert page.warnings == ("hand length not known: distances scale with it",)
    assert page.gaps == {}


def test_of_a_long_clip_some_frames_are_shown_and_the_worst_are_its_own(
    folder: ResultFolder, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fitter.visualize.report.build.MOST_FRAMES", 10)
    short = page_of(folder, figures_of(folder))
    assert (short.step, short.frames, short.fps) == (3, 10, FPS / 3)
    assert short.facts[1] == "30 frames, of which this page shows every 3rd"
    assert short.figures == page.figures and short.verdict == page.verdict
    assert [worst.frame for worst in short.worst] == [worst.frame for worst in page.worst]
    assert (short.shown(0), short.shown(4), short.shown(29)) == (0, 1, 9)
    assert short.charts[0].series[0].values == page.charts[0].series[0].values[::3]
    assert short.hands[0].present == page.hands[0].present[::3] and short.energies[0].terms[0].values is not None
    assert short.film is not None and short.film.fps == pytest.approx(FPS / 3)
    assert short.motion is not None and page.motion is not None
    assert 3 * short.motion.layout["joints_0"].length == page.motion.layout["joints_0"].length


def test_every_chart_holds_the_results_own_numbers(folder: ResultFolder, page: Page) -> None:
    charts = {chart.title: chart for chart in page.charts}
    assert list(charts) == [
        "Quality",
        "Uncertainty of the joints",
        "Uncertainty in space",
        "Reprojection",
        "Colour residual",
        "Overlap with the mask",
    ]
    quality = charts["Quality"].series[0].values
    assert quality[ABSENT] is None
    assert quality[:ABSENT] == pytest.approx(folder.result.quality[0, :ABSENT].tolist(), rel=5e-4)
    sigma = charts["Uncertainty of the joints"].series[0]
    assert sigma.low is not None and sigma.high is not None
    assert (sigma.low[0], sigma.values[0], sigma.high[0]) == pytest.approx((3.2, 4.0, 4.8), abs=0.01)
    # No mask acts on the left hand: it has no line there.
    assert [row.hand for row in charts["Overlap with the mask"].series] == [0]


def test_the_worst_frame_comes_first_and_says_why(page: Page) -> None:
    worst = page.worst[0]
    assert (worst.frame, worst.hand) == (BAD, 0)
    assert worst.quality == pytest.approx(np.exp(-2.2), abs=1e-3)
    assert worst.why in ("joints to 22.0 mm (median 4.0)", "7.0 px off the detections (median 2.0)")
    assert page.worst[1].why == "no figure stands out"
    assert worst.jpeg is not None and worst.jpeg.startswith(b"\xff\xd8")
    frames = sorted(each.frame for each in page.worst)
    assert min(np.diff(frames)) >= FPS / 2


def test_a_frame_that_stands_out_is_found_where_quality_is_flat(folder: ResultFolder) -> None:
    """Beside it all is as usual, but for one frame's quality."""
    result, seen = folder.result, folder.diagnostics
    assert seen is not None
    flat = np.where(result.present, 0.7, np.nan).astype(np.float32)
    flat[1, 3] = 0.2
    reprojection = np.full_like(seen.reprojection_px, 8.0)
    reprojection[0, 20] = 20.0
    usual = replace(seen, reprojection_px=reprojection, relative_sigma_mm=np.full_like(seen.relative_sigma_mm, 9.0))
    frames = worst_frames(replace(folder, result=replace(result, quality=flat), diagnostics=usual))
    assert [(each.frame, each.hand) for each in frames] == [(20, 0), (3, 1)]
    assert frames[0].why.endswith("20.0 px off the detections (median 8.0)")
    assert frames[1].why == "quality 0.20 (median 0.70)"


def test_energies_are_summed_by_term(page: Page) -> None:
    right, left = page.energies
    assert [(term.name, term.total) for term in right.terms] == [
        ("keypoints", 5.0 * FRAMES),
        ("photometric", 3.0 * FRAMES),
        ("smoothness", 1.0 * FRAMES),
        ("shape", 12.0),
    ]
    assert right.terms[-1].values is None
    assert [(stage.name, len(stage.energies)) for stage in right.stages] == [("start", 4), ("joints", 5)]
    assert left.stages == ()


def test_the_table_says_what_the_summary_says(page: Page) -> None:
    rows = {figure.label: figure.values for figure in page.figures}
    assert rows["Present in the fit"] == ("29 of 30 frames", "30 of 30 frames")
    assert rows["Seen by the detector"] == ("28 of 30 frames", "30 of 30 frames")
    assert rows["Reprojection"] == ("2.17 px", "2.00 px")
    assert rows["Overlap with the masks"] == ("0.900", "–")
    assert rows["PSNR where covered"] == ("27.5 dB", "–")
    assert rows["Started from"] == ("network", "detections")
    # Wrist to the middle finger's tip: 0.15 m along the straight finger, and what it rises.
    length = 0.075 + 3 * np.hypot(0.025, 0.004 * 2)
    assert rows["Hand length"][0] in (f"{1000 * length:.0f} mm", f"{1000 * np.hypot(0.075, 0.008) + 78.7:.0f} mm")


def test_the_film_has_every_frame_and_jumps_finely(page: Page, tmp_path: Path) -> None:
    assert page.film is not None and page.film.fps == FPS
    (tmp_path / "film.mp4").write_bytes(page.film.mp4)
    clip = open_clip(tmp_path / "film.mp4")
    assert (clip.n_frames, clip.width, clip.height) == (FRAMES, *SIZE)
    # The background brightens by two levels a frame: every frame is in its place.
    corner = [frame[5:20, 5:20].mean() for frame in clip.frames()]
    np.testing.assert_allclose(corner, 90 + 2 * np.arange(FRAMES), atol=3)
    with av.open(str(tmp_path / "film.mp4")) as container:
        keys = sorted(packet.pts * packet.time_base for packet in container.demux(video=0) if packet.is_keyframe)
    assert [float(time) for time in keys] == pytest.approx([0.0, 1 / 3, 2 / 3], abs=1e-3)


@pytest.mark.parametrize("size", [(1920, 1080), (1080, 1920), (640, 480), (4000, 30)])
def test_a_film_keeps_its_shape_and_is_never_enlarged(size: tuple[int, int]) -> None:
    width, height = film_size(*size)
    assert width % 2 == 0 and height % 2 == 0
    assert width * height <= 1.01 * FILM_PX[0] * FILM_PX[1] and width <= size[0] and height <= size[1]
    assert width / height == pytest.approx(size[0] / size[1], rel=0.05)


def test_stills_stay_inside_the_picture() -> None:
    inside = np.full((21, 2), 500.0) + np.arange(42).reshape(21, 2)
    for shift in (-480.0, 0.0, 170.0):
        left, top, right, bottom = around(inside + shift, (1280, 720))
        assert 0 <= left < right <= 1280 and 0 <= top < bottom <= 720
        assert (right - left) / (bottom - top) == pytest.approx(4 / 3)
    assert around(inside + 5000.0, (1280, 720)) == (0.0, 0.0, 1280.0, 720.0)
    assert around(np.full((21, 2), np.nan), (1280, 720)) == (0.0, 0.0, 1280.0, 720.0)


def test_the_verdict_tells_what_is_wrong(folder: ResultFolder) -> None:
    verdict = verdict_of(folder)
    assert verdict.level == "good"
    assert verdict.sentence == (
        "The right hand is followed through 29 of 30 frames, the left through all 30 frames; "
        "their joints are known to 4.0 mm, size and distance aside, and lie 2.1 px from the detections. "
        "1 frame without a detection is bridged. 1 frame (2 %) is doubtful."
    )
    result = folder.result
    low = np.where(result.present, 0.2, np.nan).astype(np.float32)
    assert verdict_of(replace(folder, result=replace(result, quality=low))).level == "poor"
    stopped = replace(folder, result=replace(result, status="out of steps"))
    assert verdict_of(stopped).level == "fair" and verdict_of(stopped).sentence.endswith("The solver: out of steps.")


def test_a_clip_without_a_hand_has_a_page(folder: ResultFolder) -> None:
    page = page_of(without_hands(folder), figures_of(without_hands(folder)))
    assert page.verdict.level == "failed" and page.motion is None and page.charts == () and page.worst == ()
    assert page.gaps["motion"] == page.gaps["figures"] == "The fit finds no hand in any frame."


def test_a_bare_result_has_a_page(folder: ResultFolder, tmp_path: Path) -> None:
    bare = ResultFolder(tmp_path, folder.result)
    page = page_of(bare, figures_of(bare))
    assert page.title == tmp_path.name and page.film is None and page.energies == () and page.pictures == ()
    assert set(page.gaps) == {"film", "worst", "energies", "charts", "command", "pictures"}
    assert len(page.worst) > 0 and all(worst.jpeg is None for worst in page.worst)


@pytest.mark.parametrize("content", [b"", b"no video at all"])
def test_a_damaged_video_leaves_a_sentence(folder: ResultFolder, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "overlay.mp4").write_bytes(content)
    page = page_of(replace(folder, path=tmp_path))
    assert page.film is None and page.gaps["film"].startswith("No overlay video: ")


def test_bridged_frames_are_told(folder: ResultFolder, page: Page) -> None:
    track = page.hands[0]
    assert track.present[BRIDGED] and not track.observed[BRIDGED] and not track.present[ABSENT]
