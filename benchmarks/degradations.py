"""Ways to spoil a clip of one hand on purpose, each knowing what it did: where the hand went, what it hid.

    spoilt = WAYS["occluder"](film, keypoints_px, np.random.default_rng(0))
    spoilt.film, spoilt.shown[0].hidden

`keypoints_px` (frames, 21, 2) says where the hand is in the film, the fit's own view of the unspoilt clip. Sizes are
shares of the hand's extent, so that all clips are spoilt alike.
"""

import io
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from benchmarks.spoilt_film import Film, Keypoints, Pictures, Shown, Spoilt, extent_px, shown_as_it_was

DROPPED = 0.3  # share of the frames
BLUR = 0.15  # length of the streaks over the hand's extent: 1/30 s of exposure at 0.9 m/s for a hand of 0.2 m
CRF = 42  # of H.264, where 23 is usual and 51 the worst
OCCLUDER = 0.55  # side over the hand's extent: about half of the joints at once
OUT_S, RAMP_S = 1.5, 0.2  # how long a hand is away, and how long it takes to leave
GAP_S = 0.5  # of black frames
BANDS, BAND_GAIN = 2.0, 0.35  # rolling exposure: bands in the frame, and how much brighter or darker they are
SPOILT = (0.25, 0.75)  # the part of the clip in which things happen


Way = Callable[[Film, Keypoints, np.random.Generator], Spoilt]


def part_of(n_frames: int) -> slice:
    """The frames in which things happen."""
    return slice(int(SPOILT[0] * n_frames), int(SPOILT[1] * n_frames))


def dropped(film: Film, keypoints_px: Keypoints, rng: np.random.Generator) -> Spoilt:
    """Frames left out at random; the others keep their times."""
    kept = np.sort(rng.permutation(film.n_frames)[: round((1.0 - DROPPED) * film.n_frames)])
    return Spoilt(film.at(kept), (replace(shown_as_it_was(len(kept)), source=kept),))


def dropped_unsaid(film: Film, keypoints_px: Keypoints, rng: np.random.Generator) -> Spoilt:
    """The same, the others' times closed up, as by a recorder that stutters: the hand seems to jump."""
    spoilt = dropped(film, keypoints_px, rng)
    return replace(spoilt, film=replace(spoilt.film, time_s=film.time_s[: spoilt.film.n_frames]))


def blurred(film: Film, keypoints_px: Keypoints, rng: np.random.Generator) -> Spoilt:
    """Streaks of a direction that turns slowly, over half of the clip."""
    length, pictures, shown = BLUR * extent_px(keypoints_px), film.pictures.copy(), shown_as_it_was(film.n_frames)
    start, part = rng.uniform(0.0, np.pi), part_of(film.n_frames)
    for frame in range(part.start, part.stop):
        pictures[frame] = cv2.filter2D(pictures[frame], -1, streak(length, start + 0.2 * (frame - part.start)))
    shown.hidden[part] = True
    return Spoilt(replace(film, pictures=pictures), (shown,))


def streak(length_px: float, angle: float) -> Float[np.ndarray, "side side"]:
    """The picture of a point that moves while the shutter is open; sums to 1."""
    half = int(np.ceil(length_px / 2.0))
    kernel = np.zeros((2 * half + 1, 2 * half + 1))
    for step in np.linspace(-0.5, 0.5, 8 * half + 1):
        column, row = np.round(half + step * length_px * np.array([np.cos(angle), np.sin(angle)])).astype(int)
        kernel[row, column] += 1.0
    return kernel / kernel.sum()


def low_quality(film: Film, keypoints_px: Keypoints, rng: np.random.Generator) -> Spoilt:
    """H.264 with almost no bits, written and read again in memory."""
    import av

    stored, (height, width) = io.BytesIO(), film.pictures.shape[1:3]
    with av.open(stored, "w", format="mp4") as written:
        stream = written.add_stream("libx264", rate=30, options={"crf": str(CRF), "preset": "medium"})
        stream.width, stream.height, stream.pix_fmt = width - width % 2, height - height % 2, "yuv420p"
        for picture in film.pictures[:, : stream.height, : stream.width]:
            written.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        written.mux(stream.encode())
    stored.seek(0)
    with av.open(stored) as read:
        pictures = np.stack([frame.to_ndarray(format="rgb24") for frame in read.decode(video=0)])
    grown = np.pad(pictures, ((0, 0), (0, height - pictures.shape[1]), (0, width - pictures.shape[2]), (0, 0)), "edge")
    return Spoilt(replace(film, pictures=grown), (shown_as_it_was(film.n_frames),))


def occluder(film: Film, keypoints_px: Keypoints, rng: np.random.Generator) -> Spoilt:
    """A checkered box crosses the hand."""
    side = round(OCCLUDER * extent_px(keypoints_px))
    checks = cv2.resize(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8), (side, side), interpolation=cv2.INTER_NEAREST)
    return pasted(film, keypoints_px, checks, np.ones((side, side), dtype=bool))


def skin_occluder(film: Film, keypoints_px: Keypoints, rng: np.random.Generator) -> Spoilt:
    """A disc of the hand's own skin crosses the hand, as another hand's fist or an arm would."""
    side = round(OCCLUDER * extent_px(keypoints_px))
    x, y = keypoints_px[0, [0, 5, 17]].mean(axis=0)
    reach = max(2, side // 8)
    left, top = (int(np.clip(at - reach, 0, most - 2 * reach)) for at, most in ((x, film.width), (y, film.height)))
    palm = film.pictures[0, top : top + 2 * reach, left : left + 2 * reach]
    rows, columns = np.mgrid[:side, :side] - (side - 1) / 2.0
    return pasted(film, keypoints_px, cv2.resize(palm, (side, side)), np.hypot(rows, columns) <= side / 2.0)


def pasted(
    film: Film,
    keypoints_px: Keypoints,
    patch: UInt8[np.ndarray, "side side 3"],
    opaque: Bool[np.ndarray, "side side"],
) -> Spoilt:
    """The patch moves from one side of the hand to the other while half of the clip goes by."""
    side, pictures, shown, part = (
        len(patch),
        film.pictures.copy(),
        shown_as_it_was(film.n_frames),
        part_of(film.n_frames),
    )
    reach, count = 0.6 * extent_px(keypoints_px), part.stop - part.start
    for frame, along in zip(range(part.start, part.stop), np.linspace(-1.0, 1.0, count), strict=True):
        centre = keypoints_px[frame].mean(axis=0) + [along * reach, 0.3 * along * reach]
        left, top = np.round(centre - side / 2.0).astype(int)
        rows = slice(max(top, 0), min(top + side, film.height))
        columns = slice(max(left, 0), min(left + side, film.width))
        inner = (slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))
        pictures[frame, rows, columns][opaque[inner]] = patch[inner][opaque[inner]]
        x, y = np.floor(keypoints_px[frame] - [left, top]).astype(int).T
        within = (x >= 0) & (x < side) & (y >= 0) & (y < side)
        shown.hidden[frame] = within & opaque[y.clip(0, side - 1), x.clip(0, side - 1)]
    return Spoilt(replace(film, pictures=pictures), (shown,))


def black_gap(film: Film, keypoints_px: Keypoints, rng: np.random.Generator) -> Spoilt:
    """Black frames in the middle: the hand goes on moving, unseen."""
    pictures, shown = film.pictures.copy(), shown_as_it_was(film.n_frames)
    middle = film.time_s[film.n_frames // 2]
    gone = np.abs(film.time_s - middle) <= GAP_S / 2.0
    pictures[gone], shown.hidden[gone] = 0, True
    return Spoilt(replace(film, pictures=pictures), (shown,))


def mirrored(film: Film, keypoints_px: Keypoints, rng: np.random.Generator) -> Spoilt:
    """Left and right exchanged: the hand is one of the other side."""
    return turned(film, np.array([[-1.0, 0.0, film.width], [0.0, 1.0, 0.0]]), film.pictures[:, :, ::-1])


def upside_down(film: Film, keypoints_px: Keypoints, rng: np.random.Generator) -> Spoilt:
    """Turned by half a turn: the same hand from below."""
    matrix = np.array([[-1.0, 0.0, film.width], [0.0, -1.0, film.height]])
    return turned(film, matrix, film.pictures[:, ::-1, ::-1])


def turned(film: Film, matrix: Float[np.ndarray, "2 3"], pictures: Pictures) -> Spoilt:
    cx, cy = matrix @ [film.camera.cx, film.camera.cy, 1.0]
    camera = replace(film.camera, cx=float(cx), cy=float(cy))
    shown = replace(shown_as_it_was(film.n_frames), matrix=np.tile(matrix, (film.n_frames, 1, 1)))
    return Spoilt(replace(film, pictures=np.ascontiguousarray(pictures), camera=camera), (shown,))


def border(film: Film, keypoints_px: Keypoints, rng: np.random.Generator) -> Spoilt:
    """Half of the hand beyond the border nearer to it for half of the clip: the frames are moved, black follows."""
    part, centre = part_of(film.n_frames), keypoints_px[..., 0].mean(axis=1)
    goal = np.where(centre.mean() < film.width / 2.0, 0.0, film.width)
    frames, ramp = np.arange(film.n_frames), max(2.0, RAMP_S * film.fps)
    share = np.clip(np.minimum(frames - part.start, part.stop - 1 - frames) / ramp, 0.0, 1.0)
    return moved(film, keypoints_px, np.arange(film.n_frames), share * (goal - centre))


def leaves_and_returns(film: Film, keypoints_px: Keypoints, rng: np.random.Generator) -> Spoilt:
    """Amid the clip the hand leaves beyond the border nearer to it, is away for OUT_S, and comes back where it was."""
    half, ramp, away = film.n_frames // 2, max(2, round(RAMP_S * film.fps)), round(OUT_S * film.fps)
    rows = np.concatenate([np.arange(half), np.full(ramp + away // 2, half - 1)])
    rows = np.concatenate([rows, np.full(away - away // 2 + ramp, half), np.arange(half, film.n_frames)])
    out = np.zeros(len(rows))
    out[half : half + ramp + away] = np.concatenate([np.linspace(0.0, 1.0, ramp + 1)[1:], np.ones(away)])
    out[half + ramp + away : half + 2 * ramp + away] = np.linspace(1.0, 0.0, ramp + 1)[1:]
    spans, centre = keypoints_px[rows, :, 0], keypoints_px[..., 0].mean()
    margin = 0.3 * extent_px(keypoints_px)
    full = -spans.max(axis=1) - margin if centre < film.width / 2.0 else film.width - spans.min(axis=1) + margin
    longer = replace(film.at(rows), time_s=np.arange(len(rows)) / film.fps)
    spoilt = moved(longer, keypoints_px[rows], rows, out * full)
    gone = spoilt.shown[0].hidden.all(axis=1)
    return replace(spoilt, shown=(replace(spoilt.shown[0], source=np.where(gone, -1, rows)),))


def moved(
    film: Film, keypoints_px: Keypoints, source: Int[np.ndarray, "frames"], by_px: Float[np.ndarray, "frames"]
) -> Spoilt:
    """Every frame moved to the right by so many pixels."""
    matrix = np.tile(np.eye(2, 3), (film.n_frames, 1, 1))
    matrix[:, 0, 2] = np.round(by_px)
    size = (film.width, film.height)
    pictures = np.stack([cv2.warpAffine(*pair, size) for pair in zip(film.pictures, matrix, strict=True)])
    x = keypoints_px[..., 0] + matrix[:, :1, 2]
    shown = Shown(source, matrix, (x < 0) | (x > film.width))
    return Spoilt(replace(film, pictures=pictures), (shown,))


def flicker(film: Film, keypoints_px: Keypoints, rng: np.random.Generator) -> Spoilt:
    """Bands of a lamp that flickers, rolling down the frames."""
    rows = np.arange(film.height) / film.height
    phase = 2.4 * np.arange(film.n_frames)
    gain = 1.0 + BAND_GAIN * np.sin(2.0 * np.pi * BANDS * rows[None, :] + phase[:, None])
    pictures = np.stack(
        [
            np.clip(picture * rows_gain[:, None, None], 0.0, 255.0).astype(np.uint8)
            for picture, rows_gain in zip(film.pictures, gain.astype(np.float32), strict=True)
        ]
    )
    return Spoilt(replace(film, pictures=pictures), (shown_as_it_was(film.n_frames),))


WAYS: dict[str, Way] = {
    "frames dropped": dropped,
    "dropped, times closed up": dropped_unsaid,
    "blurred": blurred,
    "low quality": low_quality,
    "occluder": occluder,
    "occluder of skin": skin_occluder,
    "black gap": black_gap,
    "mirrored": mirrored,
    "upside down": upside_down,
    "half beyond the border": border,
    "leaves and returns": leaves_and_returns,
    "flicker": flicker,
}


def side_by_side(left: Film, right: Film, mirror_right: bool) -> Spoilt:
    """Two films as one of two hands, as long as the shorter one; the right one as high as the left one."""
    n_frames, scale = min(left.n_frames, right.n_frames), left.height / right.height
    size = (round(right.width * scale), left.height)
    beside = np.stack([cv2.resize(picture, size) for picture in right.pictures[:n_frames]])
    matrix = np.array([[scale, 0.0, left.width], [0.0, scale, 0.0]])
    if mirror_right:
        beside = beside[:, :, ::-1]
        matrix = np.array([[-scale, 0.0, left.width + size[0]], [0.0, scale, 0.0]])
    pictures = np.concatenate([left.pictures[:n_frames], beside], axis=2)
    width = pictures.shape[2]
    camera = replace(left.camera, cx=width / 2.0, width=width)
    film = Film(f"{left.name} | {right.name}", pictures, left.time_s[:n_frames], camera, left.fps)
    shown = shown_as_it_was(n_frames)
    return Spoilt(film, (shown, replace(shown, matrix=np.tile(matrix, (n_frames, 1, 1)))))
