"""Lines and letters on a picture: the 21 joints in one colour per finger, and the caption.

draw_skeleton(picture, joints_px)           # in place
draw_caption(picture, "frame 12   right observed")
"""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from fitter.skeleton import BONES, POINT_PARENTS

# sRGB, thumb to pinky: hues far apart, equally bright on skin and on the mesh's tints.
FINGER_COLOURS = ((255, 92, 92), (255, 170, 40), (60, 200, 80), (60, 140, 255), (190, 90, 255))
WRIST_COLOUR = (250, 250, 250)
OUTLINE_COLOUR = (20, 20, 24)
SHIFT = 4  # OpenCV's fixed point: 1/16 pixel, so that lines move smoothly from frame to frame
REFERENCE_HEIGHT_PX = 480.0  # lines are 1.6 pixels wide at this height and grow with the picture
FARTHEST_PX = 1e5  # ends farther out overflow OpenCV's fixed point


def draw_skeleton(
    picture: UInt8[np.ndarray, "height width 3"], joints_px: Float[np.ndarray, "21 2"], strength: float = 1.0
) -> None:
    """Draw bones and joints in place; a bone with an end that is NaN is left out. `strength` 0..1 is the opacity."""
    drawable = np.isfinite(joints_px).all(axis=1) & (np.abs(joints_px) < FARTHEST_PX).all(axis=1)
    canvas = picture if strength >= 1.0 else picture.copy()
    scale = max(picture.shape[0] / REFERENCE_HEIGHT_PX, 0.6)
    thickness = max(1, round(1.6 * scale))
    # OpenCV counts from the first pixel's centre, we from its corner.
    points = np.round((np.where(drawable[:, None], joints_px, 0.0) - 0.5) * 2**SHIFT).astype(int)
    bones = [(POINT_PARENTS[end], end) for end in BONES if drawable[end] and drawable[POINT_PARENTS[end]]]
    for extra, outlined in ((2, True), (0, False)):
        for start, end in bones:
            colour = OUTLINE_COLOUR if outlined else FINGER_COLOURS[(end - 1) // 4]
            a, b = points[start].tolist(), points[end].tolist()
            cv2.line(canvas, a, b, colour, thickness + extra, cv2.LINE_AA, SHIFT)
    radius = 2.1 * scale
    for joint in np.flatnonzero(drawable):
        colour = FINGER_COLOURS[(joint - 1) // 4] if joint else WRIST_COLOUR
        centre = points[joint].tolist()
        cv2.circle(canvas, centre, round((radius + 1.0) * 2**SHIFT), OUTLINE_COLOUR, -1, cv2.LINE_AA, SHIFT)
        cv2.circle(canvas, centre, round(radius * 2**SHIFT), colour, -1, cv2.LINE_AA, SHIFT)
    if strength < 1.0:
        cv2.addWeighted(canvas, strength, picture, 1.0 - strength, 0.0, dst=picture)


def draw_caption(picture: UInt8[np.ndarray, "height width 3"], text: str) -> None:
    """Write one line in the lower left corner, on a darkened strip, in place."""
    height, width = picture.shape[:2]
    scale = 0.42 * max(height / REFERENCE_HEIGHT_PX, 0.8)
    (text_width, text_height), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    margin = round(12 * scale)
    top = max(0, height - text_height - base - 2 * margin)
    strip = picture[top:, : min(width, text_width + 2 * margin)]
    strip //= 2
    origin = (margin, height - base - margin)
    cv2.putText(picture, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, (245, 245, 245), 1, cv2.LINE_AA)
