"""What is written on the glass: the bar with the clip's frames and the buttons, the legend, the keys.

    layout = lay_out((1280, 800))
    bar = draw_bar(layout, player, status)
    what = layout.hit(x, y)                     # an Action, TRACK, or None

Drawing and hitting share one `Layout`, so that what is seen is what is hit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont

from fitter.visualize.viewer.player import COLOURINGS, Action, Player, key_help
from fitter.visualize.viewer.shapes import Panel
from fitter.visualize.viewer.uncertainty import SigmaScale

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]  # left, top, right, bottom, pixels of the window

BAR_PX = 92
MARGIN_PX, GAP_PX, BUTTON_PX = 16, 6, 30
TRACK_TOP, TRACK_PX, LANE_GAP_PX = 22, 14, 2
CAPTION_PX, CAPTION_STRIP_PX = 52, 8
FONT_PX, SMALL_PX = 15, 13
GROUND, RAISED, LINE = (22, 24, 30), (44, 48, 58), (66, 72, 86)
TEXT, QUIET, FAINT = (236, 239, 244), (158, 166, 180), (96, 103, 117)
ACCENT = (98, 170, 255)
# Frames' quality from 0 to 1, and those without a hand.
QUALITY_COLOURS = np.array([[214, 78, 92], [240, 176, 88], [104, 190, 150]], dtype=np.float64)
QUALITY_UNKNOWN = np.array([104.0, 140.0, 190.0])
NO_HAND = np.array(RAISED, dtype=np.float64)
BRIDGED = 0.5  # of the brightness of an observed frame

BUTTONS: tuple[tuple[Action, str], ...] = (
    (Action.PLAIN, "Plain"),
    (Action.SKELETON, "Skeleton"),
    (Action.TEXTURE, "Texture"),
    (Action.UNCERTAINTY, "Uncertainty"),
    (Action.CAMERA, "From camera"),
    (Action.FRUSTUM, "Image"),
    (Action.HELP, "Help"),
)
WIDEST_BUTTONS_AFTER = 3  # a wider gap after the colourings


@dataclass(frozen=True)
class Track:
    """The strip of the clip's frames; who drags on it goes to a frame."""

    box: Box

    def frame_at(self, x: float, n_frames: int) -> int:
        """The frame below this pixel column, the nearest one outside the strip."""
        left, _, right, _ = self.box
        place = (x - left) / max(right - left, 1)
        return int(min(max(place * n_frames, 0), n_frames - 1))


@dataclass(frozen=True)
class Layout:
    """Where everything of the bar is in a window of this size."""

    size: tuple[int, int]
    track: Track
    boxes: tuple[tuple[Action, Box], ...]

    @property
    def top(self) -> int:
        """The bar's upper border."""
        return self.size[1] - BAR_PX

    def hit(self, x: float, y: float) -> Action | Track | None:
        """What is at this pixel of the window; None beside everything."""
        for action, box in self.boxes:
            if inside(box, x, y):
                return action
        left, top, right, bottom = self.track.box
        return self.track if inside((left - 6, top - 10, right + 6, bottom + 10), x, y) else None


def lay_out(size: tuple[int, int]) -> Layout:
    """The bar along the lower border: play and the frames above, buttons below."""
    width, height = size
    top = height - BAR_PX
    play = (MARGIN_PX, top + 14, MARGIN_PX + BUTTON_PX, top + 14 + BUTTON_PX)
    boxes: list[tuple[Action, Box]] = [(Action.PLAY, play)]
    left = MARGIN_PX
    for number, (action, words) in enumerate(BUTTONS):
        right = left + 22 + int(font(SMALL_PX).getlength(words))
        boxes.append((action, (left, top + 54, right, top + 54 + 26)))
        left = right + GAP_PX + (14 if number == WIDEST_BUTTONS_AFTER else 0)
    reading = int(font(FONT_PX).getlength("frame 00000 / 00000   000.00 s   0.25x"))
    right = max(width - MARGIN_PX - reading - 12, play[2] + 100)
    track = (play[2] + 14, top + TRACK_TOP, right, top + TRACK_TOP + TRACK_PX)
    return Layout(size, Track(track), tuple(boxes))


def inside(box: Box, x: float, y: float) -> bool:
    return box[0] <= x < box[2] and box[1] <= y < box[3]


@dataclass(frozen=True)
class Status:
    """What the bar says besides the player's state: a lane of colours per hand, and words."""

    lanes: Sequence[Float[np.ndarray, "frames 3"]]
    words: str
    warning: str = ""


def draw_bar(layout: Layout, player: Player, status: Status) -> Panel:
    """The whole bar."""
    width, height = layout.size
    top = height - BAR_PX
    picture = np.full((BAR_PX, width, 3), GROUND, np.uint8)
    picture[0] = LINE
    draw_lanes(picture, layout, top, status.lanes)
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    draw_head(draw, layout, top, player)
    for action, box in layout.boxes:
        local = (box[0], box[1] - top, box[2] - 1, box[3] - top - 1)
        if action is Action.PLAY:
            draw_play(draw, local, player.playing)
        else:
            draw_button(draw, local, dict(BUTTONS)[action], is_on(player, action), can_be_chosen(player, action))
    seconds = player.frame / player.fps
    reading = f"frame {player.frame} / {player.n_frames - 1}   {seconds:.2f} s   {player.speed:g}x"
    draw.text((width - MARGIN_PX, 29), reading, TEXT, font(FONT_PX), anchor="rm")
    buttons_end = layout.boxes[-1][1][2] + 20
    draw_status(draw, status, (buttons_end, width - MARGIN_PX), 67)
    return Panel("bar", 0, top, np.array(image))


def draw_lanes(
    picture: UInt8[np.ndarray, "height width 3"],
    layout: Layout,
    top: int,
    lanes: Sequence[Float[np.ndarray, "frames 3"]],
) -> None:
    """A strip per hand whose columns are coloured by the frames below them, in place."""
    left, upper, right, lower = layout.track.box
    upper, lower = upper - top, lower - top
    if not lanes:
        picture[upper:lower, left:right] = RAISED
    each = (lower - upper - LANE_GAP_PX * (len(lanes) - 1)) // max(len(lanes), 1)
    for number, lane in enumerate(lanes):
        columns = np.minimum(np.arange(right - left) * len(lane) // (right - left), len(lane) - 1)
        first = upper + number * (each + LANE_GAP_PX)
        picture[first : first + each, left:right] = np.clip(lane[columns], 0, 255).astype(np.uint8)


def draw_head(draw: ImageDraw.ImageDraw, layout: Layout, top: int, player: Player) -> None:
    """Where in the clip we are."""
    left, upper, right, lower = layout.track.box
    x = left + (player.frame + 0.5) / player.n_frames * (right - left)
    draw.rounded_rectangle((x - 3, upper - top - 5, x + 3, lower - top + 4), 3, TEXT, GROUND)


def draw_play(draw: ImageDraw.ImageDraw, box: Box, playing: bool) -> None:
    """Two bars while it plays, else a triangle."""
    draw.rounded_rectangle(box, 8, ACCENT)
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    if playing:
        for left in (x - 6, x + 2):
            draw.rectangle((left, y - 7, left + 3, y + 7), GROUND)
    else:
        draw.polygon([(x - 5, y - 8), (x - 5, y + 8), (x + 8, y)], GROUND)


def draw_button(draw: ImageDraw.ImageDraw, box: Box, words: str, on: bool, possible: bool) -> None:
    draw.rounded_rectangle(box, 7, ACCENT if on else RAISED, None if on else LINE)
    colour = GROUND if on else TEXT if possible else FAINT
    draw.text(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), words, colour, font(SMALL_PX), anchor="mm")


def draw_status(draw: ImageDraw.ImageDraw, status: Status, room: tuple[int, int], y: int) -> None:
    """At the right, as much of it as there is room for."""
    words = f"{status.warning}   {status.words}" if status.warning else status.words
    letters = font(SMALL_PX)
    while words and letters.getlength(words) > room[1] - room[0]:
        words = words[:-2].rstrip(" .…") + "…" if len(words) > 3 else ""
    draw.text((room[1], y), words, QUIET, letters, anchor="rm")


def is_on(player: Player, action: Action) -> bool:
    """Whether a button shows something that is switched on."""
    if action in COLOURINGS:
        return player.colouring is COLOURINGS[action]
    return {Action.CAMERA: player.from_camera, Action.FRUSTUM: player.frustum, Action.HELP: player.help}[action]


def can_be_chosen(player: Player, action: Action) -> bool:
    return action not in COLOURINGS or COLOURINGS[action] in player.colourings


def lane_colours(
    quality: Float[np.ndarray, "frames"], present: np.ndarray, observed: np.ndarray
) -> Float[np.ndarray, "frames 3"]:
    """A hand's strip: its quality where it is known, darker where it was bridged, dark where there is no hand."""
    stops = np.linspace(0.0, 1.0, len(QUALITY_COLOURS))
    known = np.isfinite(quality)
    place = np.where(known, quality, 0.0)
    colours = np.stack([np.interp(place, stops, QUALITY_COLOURS[:, channel]) for channel in range(3)], axis=1)
    colours = np.where(known[:, None], colours, QUALITY_UNKNOWN)
    colours = np.where(observed[:, None], colours, BRIDGED * colours)
    return np.where(present[:, None], colours, NO_HAND)


def draw_legend(scale: SigmaScale, size: tuple[int, int]) -> Panel:
    """Which colour is how many millimetres, for the upper right corner."""
    width, height, strip = 268, 74, 228
    image = Image.new("RGB", (width, height), GROUND)
    draw = ImageDraw.Draw(image)
    left = (width - strip) // 2
    draw.text((left, 9), "joint position, 1 sigma (mm)", TEXT, font(SMALL_PX))
    sigma = np.linspace(scale.low_mm, scale.high_mm, strip)
    picture = np.array(image)
    picture[31:43, left : left + strip] = (scale.colours(sigma) * 255.0 + 0.5).astype(np.uint8)
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    for tick in scale.ticks_mm:
        x = left + (tick - scale.low_mm) / (scale.high_mm - scale.low_mm) * (strip - 1)
        draw.line((x, 43, x, 47), QUIET)
        draw.text((x, 50), f"{tick:g}", QUIET, font(SMALL_PX), anchor="mt")
    draw.rectangle((0, 0, width - 1, height - 1), None, LINE)
    return Panel("legend", size[0] - width - MARGIN_PX, MARGIN_PX, np.array(image))


def draw_help(size: tuple[int, int]) -> Panel:
    """All keys, for the upper left corner."""
    lines = key_help()
    row, column = 22, 160
    width, height = 420, row * len(lines) + 44
    image = Image.new("RGB", (width, height), GROUND)
    draw = ImageDraw.Draw(image)
    draw.text((MARGIN_PX, 12), "Keys and mouse", TEXT, font(FONT_PX))
    for number, (keys, words) in enumerate(lines):
        y = 40 + row * number
        draw.text((MARGIN_PX, y), keys, ACCENT, font(SMALL_PX))
        draw.text((MARGIN_PX + column, y), words, TEXT, font(SMALL_PX))
    draw.rectangle((0, 0, width - 1, height - 1), None, LINE)
    return Panel("help", MARGIN_PX, MARGIN_PX, np.array(image)[: max(size[1] - BAR_PX - 2 * MARGIN_PX, 1)])


@cache
def font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own letters: the same on every machine."""
    return ImageFont.load_default(size_px)


def draw_caption(size: tuple[int, int], player: Player, status: Status) -> Panel:
    """A film's lower border: the frames' strip with where we are, the frame's number, and what is known of it."""
    width, height = size
    top = height - CAPTION_PX
    strip = (MARGIN_PX, top + 8, width - MARGIN_PX, top + 8 + CAPTION_STRIP_PX)
    layout = Layout(size, Track(strip), ())
    picture = np.full((CAPTION_PX, width, 3), GROUND, np.uint8)
    draw_lanes(picture, layout, top, status.lanes)
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    draw_head(draw, layout, top, player)
    y = CAPTION_PX - 15
    reading = f"frame {player.frame} / {player.n_frames - 1}   {player.frame / player.fps:.2f} s"
    draw.text((MARGIN_PX, y), reading, TEXT, font(FONT_PX), anchor="lm")
    draw_status(draw, status, (MARGIN_PX + int(font(FONT_PX).getlength(reading)) + 20, width - MARGIN_PX), y)
    return Panel("caption", 0, top, np.array(image))
