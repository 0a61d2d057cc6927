"""How alike a rendering and a filmed picture are where the rendering covers: PSNR and SSIM of display values.

    psnr_db(picture, rendering, covered)            # decibels; infinite where they are equal
    ssim(picture, rendering, covered)               # at most 1, which is equality

Pictures are sRGB 0..1: what people compare. What lies outside the covered pixels counts in neither.
"""

import numpy as np
from jaxtyping import Bool, Float

# Wang, Bovik, Sheikh and Simoncelli 2004, section III C: a Gaussian window of 1.5 pixels, cut off at 11 x 11, K1 = 0.01
# and K2 = 0.03. Pictures go on beyond their border as in a mirror, as scikit-image's do.
WINDOW_SIGMA_PX, WINDOW_PX = 1.5, 11
K1, K2 = 0.01, 0.03
RANGE = 1.0


def psnr_db(
    picture: Float[np.ndarray, "*any 3"], rendering: Float[np.ndarray, "*any 3"], covered: Bool[np.ndarray, "*any"]
) -> float:
    """Peak signal over the root mean squared difference of the covered pixels, of all frames and channels together.

    In decibels, the peak being 1; infinite for equal pictures, NaN where nothing is covered.
    """
    if not covered.any():
        return float("nan")
    error = float(np.square(picture[covered].astype(np.float64) - rendering[covered]).mean())
    return float("inf") if error == 0.0 else float(10.0 * np.log10(RANGE**2 / error))


def ssim(
    picture: Float[np.ndarray, "height width 3"],
    rendering: Float[np.ndarray, "height width 3"],
    covered: Bool[np.ndarray, "height width"],
) -> float:
    """Structural similarity (Wang et al. 2004, eq. 13), the mean over the covered pixels and the three channels.

    A window that reaches over the border of the covered region sees the same picture on both sides there, so that the
    background does not count. Deviations are the window's own (no sample correction). NaN where nothing is covered, and
    for pictures smaller than a window.
    """
    if not covered.any() or min(covered.shape) < WINDOW_PX:
        return float("nan")
    box = window_box(covered)
    seen, inside = picture[box].astype(np.float64), covered[box]
    drawn = np.where(inside[..., None], rendering[box], seen)
    mean, other = local_mean(seen), local_mean(drawn)
    product = mean * other
    squares = mean * mean + other * other
    covariance = local_mean(seen * drawn) - product
    variances = local_mean(seen * seen + drawn * drawn) - squares
    brightness, contrast = (K1 * RANGE) ** 2, (K2 * RANGE) ** 2
    similarity = (2.0 * product + brightness) * (2.0 * covariance + contrast)
    similarity /= (squares + brightness) * (variances + contrast)
    return float(similarity[inside].mean())


def local_mean(picture: Float[np.ndarray, "height width 3"]) -> Float[np.ndarray, "height width 3"]:
    """The mean of each pixel's window, by the Gaussian's weights."""
    import cv2

    return cv2.GaussianBlur(picture, (WINDOW_PX, WINDOW_PX), WINDOW_SIGMA_PX, borderType=cv2.BORDER_REFLECT)


def window_box(covered: Bool[np.ndarray, "height width"]) -> tuple[slice, slice]:
    """Rows and columns of the covered pixels with room for half a window on each side, and for a whole one at least."""
    box = []
    for axis, length in ((1, covered.shape[0]), (0, covered.shape[1])):
        used = np.flatnonzero(covered.any(axis=axis))
        start = max(min(int(used[0]) - WINDOW_PX // 2, length - WINDOW_PX), 0)
        stop = min(max(int(used[-1]) + WINDOW_PX // 2 + 1, start + WINDOW_PX), length)
        box.append(slice(start, stop))
    return box[0], box[1]
