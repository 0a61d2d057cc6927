"""PSNR and SSIM have their known values, and only covered pixels count."""

import cv2
import numpy as np
import pytest

from fitter.render.picture_metrics import psnr_db, ssim

HEIGHT, WIDTH = 40, 50
EVERYWHERE = np.ones((HEIGHT, WIDTH), bool)


def noise(seed: int, scale: float = 0.2) -> np.ndarray:
    return np.clip(0.5 + scale * np.random.default_rng(seed).normal(size=(HEIGHT, WIDTH, 3)), 0.0, 1.0)


def disc(row: float = 20.0, column: float = 25.0, radius: float = 12.0) -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return (rows - row) ** 2 + (columns - column) ** 2 < radius**2


def test_a_tenth_off_everywhere_is_20_decibels() -> None:
    picture = np.full((HEIGHT, WIDTH, 3), 0.4)
    assert psnr_db(picture, picture + 0.1, EVERYWHERE) == pytest.approx(20.0)
    assert psnr_db(picture, picture + [0.0, 0.0, 0.1], EVERYWHERE) == pytest.approx(20.0 + 10 * np.log10(3))


def test_frames_are_taken_together() -> None:
    picture = np.full((2, HEIGHT, WIDTH, 3), 0.4)
    rendering = picture + np.array([0.0, 0.1])[:, None, None, None]
    assert psnr_db(picture, rendering, np.stack([EVERYWHERE] * 2)) == pytest.approx(20.0 + 10 * np.log10(2))


def test_equal_pictures_are_infinitely_good_and_one() -> None:
    picture = noise(0)
    assert psnr_db(picture, picture, EVERYWHERE) == float("inf")
    assert ssim(picture, picture, EVERYWHERE) == pytest.approx(1.0)


@pytest.mark.parametrize("metric", [psnr_db, ssim])
def test_what_is_not_covered_does_not_count(metric) -> None:
    picture, rendering, covered = noise(0), noise(1), disc()
    other = np.where(covered[..., None], rendering, noise(2))
    value = metric(picture, rendering, covered)
    assert metric(picture, other, covered) == value
    assert metric(picture, np.where(disc(radius=3.0)[..., None], noise(3), rendering), covered) != value
    assert np.isnan(metric(picture, rendering, np.zeros_like(covered)))


def test_constant_pictures_have_the_luminance_term_alone() -> None:
    """Wang et al. 2004, eq. 6: without any structure the other two terms are 1."""
    a, b, c1 = 0.3, 0.6, 0.01**2
    picture = np.full((HEIGHT, WIDTH, 3), a)
    expected = (2 * a * b + c1) / (a * a + b * b + c1)
    assert ssim(picture, np.full_like(picture, b), EVERYWHERE) == pytest.approx(expected, abs=1e-9)


def test_ssim_is_the_papers() -> None:
    """Eq. 13 written out with OpenCV's Gaussian of 11 pixels and 1.5 deviations, away from the picture's border."""

    def blurred(values: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(values, (11, 11), 1.5)

    a, b, covered = noise(0), 0.7 * noise(0) + 0.3 * noise(1), disc()
    b = np.where(covered[..., None], b, a)
    mean_a, mean_b = blurred(a), blurred(b)
    var_a, var_b = blurred(a * a) - mean_a**2, blurred(b * b) - mean_b**2
    common = blurred(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    similarity = (2 * mean_a * mean_b + c1) * (2 * common + c2)
    similarity /= (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    assert ssim(a, b, covered) == pytest.approx(similarity[covered].mean(), abs=1e-9)
    assert 0.3 < ssim(a, b, covered) < 0.95


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, WIDTH - 1), (HEIGHT - 1, 0), (20, 25)])
def test_a_single_pixel_anywhere_has_a_window(row: int, column: int) -> None:
    covered = np.zeros((HEIGHT, WIDTH), bool)
    covered[row, column] = True
    assert -1.0 <= ssim(noise(0), noise(1), covered) < 1.0


def test_a_picture_smaller_than_a_window_has_no_ssim() -> None:
    assert np.isnan(ssim(noise(0)[:8], noise(1)[:8], EVERYWHERE[:8]))


def test_single_precision_is_enough() -> None:
    a, b = noise(0), noise(1)
    for metric in (psnr_db, ssim):
        single = metric(a.astype(np.float32), b.astype(np.float32), EVERYWHERE)
        assert single == pytest.approx(metric(a, b, EVERYWHERE), rel=1e-5)
