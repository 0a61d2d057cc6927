"""Lines of fingertips, as Dexter+Object and EgoDexter have them: thumb to pinky, `x, y, z; x, y, z; ...` per frame.

tips = read_fingertips(Path("annotation.txt_3D.txt"))                         # (frames, 5, 3)
joints = with_tips(tips[0])                                                   # (21, 3), all but the tips NaN
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from fitter.errors import InputError
from fitter.skeleton import FINGERTIPS
from fitter.untrusted import read_regular

MOST_BYTES = 16 * 2**20  # a line has 200 characters
MOST_FRAMES = 20_000  # a clip has some hundred
N_TIPS = len(FINGERTIPS)


def read_fingertips(path: Path, least: int = N_TIPS) -> Float[np.ndarray, "frames 5 3"]:
    """The first five points of each line; what stands behind them (corners of an object) is not read.

    A line may have fewer points than five, but not fewer than `least`; these and empty coordinates are NaN. Raises
    InputError where a line is not of this form.
    """
    try:
        data = read_regular(path, MOST_BYTES)
        lines = data.decode("ascii").rstrip().splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{path} cannot be read: expected lines of fingertips, x, y, z; x, y, z; ...") from None
    if len(data) > MOST_BYTES or not lines:
        what = "is empty" if not lines else f"is larger than {MOST_BYTES // 2**20} MB"
        raise InputError(f"{path} {what}: expected a line of fingertips per frame")
    if len(lines) > MOST_FRAMES:
        raise InputError(f"{path} has {len(lines)} lines: expected one of fingertips per frame, at most {MOST_FRAMES}")
    return np.stack([_tips(line, least, f"{path}, line {number + 1}") for number, line in enumerate(lines)])


def _tips(line: str, least: int, where: str) -> Float[np.ndarray, "5 3"]:
    tips = np.full((N_TIPS, 3), np.nan)
    points = [point for point in line.split(";") if point.strip()][:N_TIPS]
    for row, point in enumerate(points):
        try:
            x, y, z = (float(text) if text.strip() else np.nan for text in point.split(","))
        except ValueError:
            raise InputError(f"{where}: '{point.strip()[:40]}' is no point, expected x, y, z") from None
        tips[row] = x, y, z
    if len(points) < least or np.isinf(tips).any():
        raise InputError(f"{where}: {len(points)} points, expected {N_TIPS} fingertips, x, y, z in millimetres")
    return np.where(np.isfinite(tips).all(axis=1, keepdims=True), tips, np.nan)


def with_tips(tips: Float[np.ndarray, "5 n"]) -> Float[np.ndarray, "21 n"]:
    """The engine's points, of which only the tips are known."""
    points = np.full((21, tips.shape[1]), np.nan)
    points[FINGERTIPS] = tips
    return points
