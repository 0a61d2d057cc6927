"""A result as the viewer shows it: everything that is needed to make the picture of any frame from anywhere.

exhibit = exhibit_of(folder, textures)
view = view_of(exhibit, session, size, image)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from fitter.export.folder import ResultFolder
from fitter.visualize.viewer.controls import Session
from fitter.visualize.viewer.frustum import Frustum, frustum_behind, straightened
from fitter.visualize.viewer.panels import BAR_PX, Status, draw_bar, draw_help, draw_legend, lane_colours, lay_out
from fitter.visualize.viewer.player import Colouring, Player
from fitter.visualize.viewer.shapes import Panel, Picture, View
from fitter.visualize.viewer.uncertainty import SigmaScale, sigma_scale
from fitter.visualize.viewer.viewed_hand import ViewedHand, draw_hand, viewed_hand
from fitter.visualize.viewer.viewpoint import Viewpoint, around, through

Image = UInt8[np.ndarray, "height width 3"]

# The first view: from the right of the camera and above it, so that the image, the hand and their distance are seen.
HOME_AZIMUTH, HOME_ELEVATION = 0.72, 0.34
# Of the window's height, by the hands' extent in a typical frame.
HOME_FILLED = 0.46
# A clip's hands move about; the view holds the place where they are in most frames.
EXTENT_PERCENT = (5.0, 95.0)
SIZED_FRAMES = 50
CAMERA_MARGIN_PX = 14
RECEDING = 0.82  # of the image's brightness


@dataclass(frozen=True)
class Exhibit:
    """What does not change while a result is looked at."""

    name: str
    fps: float
    n_frames: int
    hands: Sequence[ViewedHand]
    frustum: Frustum
    scale: SigmaScale
    lanes: Sequence[Float[np.ndarray, "frames 3"]]
    home: Viewpoint


def exhibit_of(folder: ResultFolder, textures: Sequence[Image | None]) -> Exhibit:
    """The exhibit of a result; one texture (sRGB) or None per hand."""
    result, sigma_mm = folder.result, folder.relative_sigma_mm
    hands = [viewed_hand(result, hand, sigma_mm[hand], texture) for hand, texture in enumerate(textures)]
    points = [hand.vertices_m[hand.present].reshape(-1, 3) for hand in hands]
    every = np.concatenate([*points, np.zeros((0, 3), np.float32)])
    return Exhibit(
        name=folder.name,
        fps=result.fps,
        n_frames=result.present.shape[1],
        hands=hands,
        frustum=frustum_behind(result.camera, every),
        scale=sigma_scale([hand.sigma_mm[hand.present] for hand in hands]),
        lanes=[lane_colours(hand.quality, hand.present, hand.observed) for hand in hands],
        home=home_view(hands),
    )


def home_view(hands: Sequence[ViewedHand]) -> Viewpoint:
    """Around the place where the hands mostly are, far enough to see them whole."""
    middles = [hand.joints_m[hand.present].mean(axis=1) for hand in hands]
    places = np.concatenate([*middles, np.zeros((0, 3))]).astype(np.float64)
    sizes = [np.ptp(some_of(hand.vertices_m[hand.present]), axis=1).max(axis=1) for hand in hands if hand.present.any()]
    if not sizes:
        return around(np.array([0.0, 0.0, 0.5]), 1.2, HOME_AZIMUTH, HOME_ELEVATION)
    low, high = np.percentile(places, EXTENT_PERCENT, axis=0)
    extent = float(np.median(np.concatenate(sizes))) + 0.5 * float(np.max(high - low))
    view = around(0.5 * (low + high), 1.0, HOME_AZIMUTH, HOME_ELEVATION)
    return replace(view, distance_m=extent * view.focal / HOME_FILLED)


def some_of(frames: Float[np.ndarray, "frames vertices 3"]) -> Float[np.ndarray, "some vertices 3"]:
    """Frames enough to know how large a hand looks, spread over the clip."""
    return frames[:: max(len(frames) // SIZED_FRAMES, 1)]


def first_session(exhibit: Exhibit, colouring: Colouring, frame: int) -> Session:
    """How the viewer begins."""
    textured = any(hand.skin is not None for hand in exhibit.hands)
    possible = tuple(kind for kind in Colouring if kind is not Colouring.TEXTURE or textured)
    player = Player(exhibit.n_frames, exhibit.fps, possible, position=float(frame), colouring=colouring)
    return Session(player, exhibit.home, exhibit.home)


def seen_from(exhibit: Exhibit, session: Session, size: tuple[int, int]) -> Viewpoint:
    """Where the eye is now."""
    if not session.player.from_camera:
        return session.view
    margin = float(CAMERA_MARGIN_PX)
    return through(exhibit.frustum.camera, size, (margin, BAR_PX + margin))


def view_of(exhibit: Exhibit, session: Session, size: tuple[int, int], image: Image | None, warning: str = "") -> View:
    """The picture of the session's frame with the bar; `image` is the frame's, of any size, or None.

    `warning` is said in the bar.
    """
    player, eye = session.player, seen_from(exhibit, session, size)
    view = scene_view(exhibit, player, eye, image)
    status = Status(exhibit.lanes, status_words(exhibit, player.frame), warning)
    panels: list[Panel] = [draw_bar(lay_out(size), player, status)]
    if player.colouring is Colouring.UNCERTAINTY:
        panels.append(draw_legend(exhibit.scale, size))
    if player.help:
        panels.append(draw_help(size))
    return replace(view, panels=panels)


def scene_view(exhibit: Exhibit, player: Player, eye: Viewpoint, image: Image | None) -> View:
    """The hands, and with `player.frustum` the camera and its image, without anything written on the glass."""
    drawn = [
        part for hand in exhibit.hands for part in draw_hand(hand, player.frame, player.colouring, eye, exhibit.scale)
    ]
    pictures: list[Picture] = []
    if player.frustum:
        drawn.append(exhibit.frustum.lines())
        if image is not None and exhibit.frustum.faces_eye(eye.eye_m):
            shown = straightened(image, exhibit.frustum.camera, player.frame)
            # Beside the hands the image is a backdrop, and recedes; under them it is what they are compared with.
            shown = shown if player.from_camera else cv2.convertScaleAbs(shown, alpha=RECEDING)
            pictures.append(Picture("image", exhibit.frustum.corners_m, shown))
    return View(drawn, pictures, (), eye)


def status_words(exhibit: Exhibit, frame: int) -> str:
    """What is known of each hand in this frame."""
    words = []
    for hand in exhibit.hands:
        if not hand.present[frame]:
            words.append(f"{hand.side} hand absent")
            continue
        state = "observed" if hand.observed[frame] else "bridged"
        quality = hand.quality[frame]
        grade = f", quality {quality:.2f}" if np.isfinite(quality) else ""
        words.append(f"{hand.side} hand {state}{grade}, sigma {hand.sigma_mm[frame].mean():.1f} mm")
    return "   ".join(words) if words else "no hand was fitted"
