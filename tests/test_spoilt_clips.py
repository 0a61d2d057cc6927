"""Spoiled films know what was done to the hand, and a fit that followed it loses nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.degradations import WAYS, side_by_side
from benchmarks.hidden import MULTIPLES, Claimed, rows_of
from benchmarks.spoilt_figures import Compared, SpoiltRow, by_way, expected_joints
from benchmarks.spoilt_film import Film, Shown, extent_px
from fitter.camera import Camera

CAMERA = Camera(fx=80.0, fy=80.0, cx=48.0, cy=36.0, width=96, height=72)
N_FRAMES = 24


@pytest.fixture(scope="module")
def joints_m() -> np.ndarray:
    """A flat made-up hand 0.4 m away that drifts to the side."""
    rng = np.random.default_rng(0)
    hand = rng.uniform(-0.06, 0.06, (21, 3)) * [1.0, 1.0, 0.2] + [0.02, 0.0, 0.4]
    return hand + np.linspace(0.0, 0.01, N_FRAMES)[:, None, None] * [1.0, 0.0, 0.0]


@pytest.fixture(scope="module")
def keypoints_px(joints_m: np.ndarray) -> np.ndarray:
    return projected(joints_m, CAMERA)


@pytest.fixture(scope="module")
def film() -> Film:
    pictures = np.random.default_rng(1).integers(0, 256, (N_FRAMES, 72, 96, 3), dtype=np.uint8)
    return Film("made up", pictures, np.arange(N_FRAMES) / 12.0, CAMERA, 12.0)


def projected(joints_m: np.ndarray, camera: Camera) -> np.ndarray:
    return joints_m[..., :2] / joints_m[..., 2:] * [camera.fx, camera.fy] + [camera.cx, camera.cy]


def moved(points: np.ndarray, shown: Shown) -> np.ndarray:
    return np.einsum("fij,fpj->fpi", shown.matrix[:, :, :2], points) + shown.matrix[:, None, :, 2]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_leaves_a_film_of_as_many_times_and_equal_seeds_the_same(
    film: Film, keypoints_px: np.ndarray, way: str
) -> None:
    one, same = (WAYS[way](film, keypoints_px, np.random.default_rng(3)) for _ in range(2))
    assert len(one.film.time_s) == one.film.n_frames == len(one.shown[0].source) == len(one.shown[0].hidden)
    assert (np.diff(one.film.time_s) > 0).all()
    np.testing.assert_array_equal(one.film.pictures, same.film.pictures)
    assert one.film.pictures.shape[1:] == film.pictures.shape[1:]


@pytest.mark.parametrize("way", ["occluder", "occluder of skin"])
def test_what_is_pasted_over_joints_hides_them(film: Film, keypoints_px: np.ndarray, way: str) -> None:
    spoilt = WAYS[way](film, keypoints_px, np.random.default_rng(3))
    hidden = spoilt.shown[0].hidden
    changed = (spoilt.film.pictures != film.pictures).any(axis=-1)
    assert hidden.any() and not hidden.all(axis=1).all() and not hidden[: N_FRAMES // 4].any()
    assert changed[hidden.any(axis=1)].mean() > 0.02 and not changed[: N_FRAMES // 4].any()


@pytest.mark.parametrize("way", ["mirrored", "upside down"])
def test_joints_are_expected_where_the_pictures_are_turned_to(
    film: Film, joints_m: np.ndarray, keypoints_px: np.ndarray, way: str
) -> None:
    spoilt = WAYS[way](film, keypoints_px, np.random.default_rng(0))
    expected = expected_joints(joints_m, spoilt.shown[0], CAMERA, spoilt.film.camera)
    wanted = moved(keypoints_px, spoilt.shown[0])
    np.testing.assert_allclose(projected(expected, spoilt.film.camera), wanted, atol=1e-9)
    assert spoilt.shown[0].mirrored == (way == "mirrored")


def test_a_wrist_beyond_the_border_is_expected_there(
    film: Film, joints_m: np.ndarray, keypoints_px: np.ndarray
) -> None:
    spoilt = WAYS["half beyond the border"](film, keypoints_px, np.random.default_rng(0))
    shown = spoilt.shown[0]
    assert 0.3 < shown.hidden[N_FRAMES // 2].mean() < 0.7
    expected = expected_joints(joints_m, shown, CAMERA, spoilt.film.camera)
    wrist = moved(keypoints_px, shown)[:, 0]
    np.testing.assert_allclose(projected(expected, spoilt.film.camera)[:, 0], wrist, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(expected, axis=-1), np.linalg.norm(joints_m, axis=-1))


def test_two_films_side_by_side_are_one_of_two_hands(film: Film, keypoints_px: np.ndarray) -> None:
    smaller = replace(film, pictures=film.pictures[:, :36, :48])
    spoilt = side_by_side(film, smaller, mirror_right=True)
    assert spoilt.film.pictures.shape == (N_FRAMES, 72, 192, 3)
    assert [shown.mirrored for shown in spoilt.shown] == [False, True]
    corner = moved(np.tile([[0.0, 0.0], [48.0, 36.0]], (N_FRAMES, 1, 1)), spoilt.shown[1])
    np.testing.assert_allclose(corner[0], [[192.0, 0.0], [96.0, 72.0]])


def test_a_fit_like_the_unspoilt_one_loses_nothing_and_one_off_by_its_sigma_errs_by_one(joints_m: np.ndarray) -> None:
    hidden = np.zeros((N_FRAMES, 21), dtype=bool)
    hidden[5:9, :4] = True
    same = Compared.of(joints_m, joints_m, np.full(hidden.shape, 5.0), hidden).figures()
    assert max(value for value in same.values() if value is not None and value != 5.0) < 1e-6
    shaken = joints_m + 0.005 * np.random.default_rng(0).standard_normal(joints_m.shape)
    figures = Compared.of(shaken, joints_m, np.full(hidden.shape, 5.0), hidden).figures()
    assert figures["over_sigma"] == pytest.approx(1.0, abs=0.1)
    assert (
        Compared.of(joints_m, joints_m, np.full(hidden.shape, 5.0), ~hidden & hidden).figures()["sigma_hidden"] is None
    )


def test_a_ways_row_is_the_mean_over_the_fits_that_have_the_figure() -> None:
    rows = [
        SpoiltRow("one", "blurred", False, 4, True, 1.0, 1.0, None, aligned=2.0, over_sigma_hidden=1.5),
        SpoiltRow("two", "blurred", False, 4, False, 0.5, 0.0, None),
        SpoiltRow("two", "blurred", True, 4, True, 0.25, 1.0, None),
    ]
    row, by_pixels = by_way(rows)
    assert (by_pixels.pixels, by_pixels.fits, by_pixels.observed) == (True, 1, 0.25)
    assert (row.fits, row.sides_right, row.observed, row.aligned, row.over_sigma_hidden) == (2, 1, 0.75, 2.0, 1.5)
    assert row.away is None
    assert rows[0].told().endswith("hidden joints err by 1.50 sigma")


def test_right_sigmas_cover_what_they_should() -> None:
    rng = np.random.default_rng(0)
    sigma = rng.uniform(2.0, 20.0, (2000, 21))
    error = sigma * np.linalg.norm(rng.standard_normal((2000, 21, 3)), axis=-1) / np.sqrt(3.0)
    hidden = rng.random((2000, 21)) < 0.3
    seen, unseen = rows_of("made up", [Claimed("made up", error, 0.5 * sigma, sigma, hidden)])
    assert (seen.joints, unseen.joints, seen.count + unseen.count) == ("seen", "hidden", 2000 * 21)
    for row in (seen, unseen):
        assert row.over_after == pytest.approx(1.0, abs=0.02) and row.over_before == pytest.approx(2.0, abs=0.04)
        assert row.within_68_after == pytest.approx(0.68, abs=0.02) and row.within_68_before < 0.3
        assert row.within_95_after == pytest.approx(0.95, abs=0.01)
    assert MULTIPLES[0] < MULTIPLES[1]
    plain = Claimed("plain", error, sigma, sigma, np.zeros_like(hidden))
    assert [row.joints for row in rows_of("plain", [plain])] == ["seen"]


def test_the_extent_is_the_boxes_diagonal(keypoints_px: np.ndarray) -> None:
    box = np.tile([[0.0, 0.0], [3.0, 4.0]], (5, 1, 1))
    assert extent_px(box) == pytest.approx(5.0)
    assert 5.0 < extent_px(keypoints_px) < 100.0
    assert Film("a/b", np.zeros((1, 2, 3, 3), np.uint8), np.zeros(1), CAMERA, 30.0).path == Path("a/b")
