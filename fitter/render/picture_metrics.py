"""How alike a rendering and a filmed picture are where the rendering covers: PSNR and SSIM of display values.

    psnr_db(picture, rendering, covered)            # decibels; infinite where they are equal
    ssim(picture, rendering, covered)               # at most 1, which is equality

Pictures are sRGB 0..1: what people compare. What lies outside the covered pixels counts in neither.
"""

import numpy as np
from jaxtyping import Bool, Float

# Wang, Bovik, Sheikh and Simoncelli 2004, section III C: a Gaussian window of 1.5 pixels, cut off at 11 x 11 (3.5
# deviations of scikit-image's default truncation), K1 = 0.01 and K2 = 0.03, which are scikit-image's defaults.
WINDOW_SIGMA_PX, WINDOW_PX = 1.5, 11
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
    from skimage.metrics import structural_similarity

    box = window_box(covered)
    seen, inside = picture[box].astype(np.float64), covered[box]
    drawn = np.where(inside[..., None], rendering[box], seen)
    similarity: np.ndarray = structural_similarity(
        seen,
        drawn,
        gaussian_weights=True,
        sigma=WINDOW_SIGMA_PX,
        use_sample_covariance=False,
        data_range=RANGE,
        channel_axis=-1,
        full=True,
    )[1]
    return float(similarity[inside].mean())


def window_box(covered: Bool[np.ndarray, "height width"]) -> tuple[slice, slice]:
    """Rows and columns of the covered pixels with room for half a window on each side, and for a whole one at least."""
    box = []
    for axis, length in ((1, covered.shape[0]), (0, covered.shape[1])):
        used = np.flatnonzero(covered.any(axis=axis))
        start = max(min(int(used[0]) - WINDOW_PX // 2, length - WINDOW_PX), 0)
        stop = min(max(int(used[-1]) + WINDOW_PX // 2 + 1, start + WINDOW_PX), length)
        box.append(slice(start, stop))
    return box[0], box[1]
