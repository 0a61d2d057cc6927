"""How long the bones of adult hands are, and how they vary: the tables behind the default hand's shape.

A bone here is the segment between two of the 21 points. On an X-ray a bone is measured from end to end, but a finger
turns about the centre of the head of the bone before the joint (Buchholz, Armstrong & Goldstein 1992, Ergonomics
35(3):261-273), so every segment gains the head before it and loses its own.

    bone_lengths()[9]        # 0.0851: wrist to the middle finger's knuckle, metres
    bone_deviations()[9]     # 0.083: one standard deviation, relative
"""

import numpy as np
from numpy.typing import NDArray

from fitter.skeleton import BONES, FINGERTIPS, POINT_PARENTS

# Buryanov & Kotiuk 2010, "Proportions of hand segments", Int. J. Morphol. 28(3):755-758: mean and standard deviation
# over 66 adults of both sexes, X-ray, mm. Rows: thumb .. pinky. Columns: metacarpal, proximal, middle, distal phalanx.
XRAY_MEAN_MM = np.array(
    [
        [46.22, 31.57, np.nan, 21.67],
        [68.12, 39.78, 22.38, 15.82],
        [64.60, 44.63, 26.33, 17.40],
        [58.00, 41.37, 25.65, 17.30],
        [53.69, 32.74, 18.11, 15.96],
    ]
)
XRAY_DEVIATION_MM = np.array(
    [
        [3.94, 3.13, np.nan, 1.60],
        [6.27, 4.94, 2.51, 2.26],
        [5.38, 3.81, 3.00, 1.85],
        [5.06, 3.87, 3.29, 2.22],
        [4.36, 2.77, 2.54, 2.45],
    ]
)
# The same paper's soft tissue beyond the distal phalanx, mm, thumb .. pinky.
PULP_MM = np.array([5.7, 3.8, 4.0, 4.0, 3.7])

# Radii of the heads of metacarpals, proximal and middle phalanges, mm: rounded estimates for an adult hand (the heads
# are about 13, 8 and 5 mm deep); 1 mm of error moves a joint by 1 mm along its finger and no tip at all.
HEAD_RADIUS_MM = (6.5, 4.0, 2.7)

# From the wrist point to the metacarpals' bases, mm, thumb .. pinky; an estimate. The wrist point is where a ruler
# starts, the distal crease at the styloid's tip. The carpus is 0.54 of the third metacarpal high, 35 mm (Youm et al.
# 1978, J. Bone Joint Surg. 60-A:423-431), and the crease lies 8 mm beyond its proximal end; the outer bases lie
# aside, which adds 1 mm (ring) and 3 mm (pinky) to the straight distance; the thumb's sits on the trapezium.
CARPUS_MM = np.array([25.0, 27.0, 27.0, 28.0, 30.0])

# Overall size of adult hands, relative, and what the bones of one finger share beyond it: estimates, chosen so that the
# model's hand length varies as measured. ANSUR II (Gordon et al. 2014, NATICK/TR-15/007): about 10 mm within each sex,
# the sexes' means 11 mm apart, hence 11 mm over both.
SIZE_DEVIATION = 0.045
RAY_DEVIATION = 0.01
# Of the variance that remains, the share common to a row (all metacarpals, all proximal phalanges, ..): an estimate
# by which the ratio of index to ring finger varies by 0.04 (people's 2D:4D ratio: 0.03, Manning et al. 1998, Human
# Reproduction 13(11):3000-3004) while every bone keeps its measured deviation.
ROW_SHARE = 0.85
# Girth of fingers, breadth and thickness of the palm, beyond the hand's size, relative: an estimate that with the size
# gives 7.5 %. ANSUR II's hand breadth: 5 % within each sex, the sexes 11 % apart, hence 7 % over both.
GIRTH_DEVIATION = 0.06
GIRTH_CORRELATION = 0.6  # of these three; an estimate: thick fingers stand on broad palms


def bone_lengths() -> NDArray[np.float64]:
    """Mean distance of each of the 21 points from its parent point, metres (21,); 0 for the wrist."""
    metacarpal, proximal, middle = HEAD_RADIUS_MM
    lengths = np.zeros(21)
    for finger in range(5):
        bones = XRAY_MEAN_MM[finger]
        heads = np.array([0.0, metacarpal, proximal, middle, 0.0])
        if finger == 0:
            bones, heads = bones[[0, 1, 3]], heads[[0, 1, 2, 4]]
            segments = [CARPUS_MM[0], *(bones + heads[:-1] - heads[1:])]
        else:
            segments = bones + heads[:-1] - heads[1:]
            segments[0] += CARPUS_MM[finger]
        segments = np.asarray(segments)
        segments[-1] += PULP_MM[finger]
        lengths[1 + 4 * finger : 5 + 4 * finger] = segments / 1000.0
    return lengths


def bone_deviations() -> NDArray[np.float64]:
    """Standard deviation of each bone's length over adults, relative to its mean (21,); 0 for the wrist.

    The carpus varies as the metacarpal beyond it does; of the thumb's carpus likewise.
    """
    relative = XRAY_DEVIATION_MM / XRAY_MEAN_MM
    deviations = np.zeros(21)
    deviations[1:5] = relative[0, [0, 0, 1, 3]]
    deviations[5:] = relative[1:].ravel()
    return deviations


def length_covariance() -> NDArray[np.float64]:
    """Covariance of the relative bone lengths without the common size (20, 20), in the order of `BONES`.

    What the finger shares, what the row shares, and each bone's own part; with the size, every bone has its measured
    deviation.
    """
    ray, row = (BONES - 1) // 4, (BONES - 1) % 4
    row = np.where((ray == 0) & (row > 0), row - 1, row)  # the thumb: carpus and metacarpal, proximal, distal
    row = np.where(BONES == FINGERTIPS[0], 3, row)
    remaining = np.sqrt(bone_deviations()[BONES] ** 2 - SIZE_DEVIATION**2 - RAY_DEVIATION**2)
    common = np.where(row[:, None] == row[None, :], ROW_SHARE, 0.0)
    np.fill_diagonal(common, 1.0)
    return RAY_DEVIATION**2 * (ray[:, None] == ray[None, :]) + remaining[:, None] * common * remaining[None, :]


def mean_hand_length() -> float:
    """Wrist point to the middle fingertip along the bones of the mean hand, metres."""
    chain = [12]
    while POINT_PARENTS[chain[-1]] > 0:
        chain.append(int(POINT_PARENTS[chain[-1]]))
    return float(bone_lengths()[chain].sum())


def girth_covariance() -> NDArray[np.float64]:
    """Covariance (3, 3) of the relative girth of digits, breadth and thickness of the palm, without the size."""
    return GIRTH_DEVIATION**2 * (GIRTH_CORRELATION + (1 - GIRTH_CORRELATION) * np.eye(3))
