"""Films have all their frames, show the hand, and are what the viewer shows."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fitter.clip import open_clip
from fitter.export.folder import ResultFolder
from fitter.visualize.viewer.exhibit import Exhibit, exhibit_of, first_session
from fitter.visualize.viewer.film import (
    PLAY_VIDEO,
    SHEET_COLUMNS,
    SHEET_PX,
    SHEET_SHAPE,
    SHEET_VIEWS,
    TURN_SHEET,
    TURN_VIDEO,
    TURN_VIEWS,
    best_frame,
    turn_view,
    write_play,
    write_turn,
)
from fitter.visualize.viewer.kept_images import kept_images
from fitter.visualize.viewer.painter import Painter
from fitter.visualize.viewer.player import Colouring
from tests.viewed_result import ABSENT, BRIDGED, FPS, FRAMES, texture_picture, viewed_result, write_clip

SIZE = (360, 240)


@pytest.fixture(scope="module")
def exhibit() -> Exhibit:
    return exhibit_of(ResultFolder(Path("clip"), viewed_result()), [texture_picture()] * 2)


@pytest.fixture(scope="module")
def films(exhibit: Exhibit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[tuple[int, int]]]]:
    folder = tmp_path_factory.mktemp("films")
    clip = open_clip(write_clip(folder / "clip.mp4"))
    player = first_session(exhibit, Colouring.UNCERTAINTY, 3).player
    done: list[tuple[int, int]] = []
    with kept_images(lambda: clip, FRAMES) as images:
        write_turn(folder, exhibit, player, Painter(SIZE), lambda *counts: done.append(counts))
        write_play(folder, exhibit, player, Painter(SIZE), images, lambda *counts: done.append(counts))
    yield folder, done


def test_films_have_all_frames_at_their_rate(films: tuple[Path, list[tuple[int, int]]]) -> None:
    folder, done = films
    turn, play = open_clip(folder / TURN_VIDEO), open_clip(folder / PLAY_VIDEO)
    assert (turn.n_frames, turn.width, turn.height) == (TURN_VIEWS, *SIZE)
    assert (play.n_frames, play.width, play.height) == (FRAMES, *SIZE) and play.fps == pytest.approx(FPS)
    assert done == [(n + 1, TURN_VIEWS) for n in range(TURN_VIEWS)] + [(n + 1, FRAMES) for n in range(FRAMES)]


def test_no_frame_is_blank_and_they_differ(films: tuple[Path, list[tuple[int, int]]]) -> None:
    for name, least in ((TURN_VIDEO, 0.5), (PLAY_VIDEO, 1.0)):
        frames = [frame[:180].astype(int) for frame in open_clip(films[0] / name).frames()]
        assert min(frame.std() for frame in frames) > 8
        moved = [np.abs(after - before).mean() for before, after in zip(frames, frames[1:], strict=False)]
        assert min(moved) > 0.0 and np.mean(moved) > least


def test_the_clips_own_images_stand_behind_the_hands(films: tuple[Path, list[tuple[int, int]]]) -> None:
    """Frame t is grey of 60 + 10 t, dimmed beside the camera's view: the last frame is brighter than the first."""
    frames = list(open_clip(films[0] / PLAY_VIDEO).frames())
    brightest = [np.percentile(frame[:180].min(axis=-1), 90) for frame in frames]
    assert brightest[-1] > brightest[0] + 50
    assert min(brightest[FRAMES // 2 :]) > max(brightest[: FRAMES // 2]) + 5


def test_the_sheet_shows_the_hand_from_all_sides(films: tuple[Path, list[tuple[int, int]]]) -> None:
    with Image.open(films[0] / TURN_SHEET) as image:
        sheet = np.asarray(image)
    wide = round(SHEET_PX * SHEET_SHAPE)
    assert sheet.shape == (SHEET_VIEWS // SHEET_COLUMNS * SHEET_PX, SHEET_COLUMNS * wide, 3)
    views = sheet.reshape(-1, SHEET_PX, SHEET_COLUMNS, wide, 3).transpose(0, 2, 1, 3, 4).reshape(-1, SHEET_PX, wide, 3)
    coloured = [(np.ptp(view.astype(int), axis=-1) > 40).mean() for view in views]
    assert min(coloured) > 0.03
    border = np.concatenate([views[:, :, [0, -1]].reshape(-1, 3), views[:, [0, -1]].reshape(-1, 3)]).astype(int)
    assert np.ptp(border, axis=-1).max() < 30  # no hand is cut off: all of the border is backdrop


def test_the_turn_keeps_every_hand_in_the_picture(exhibit: Exhibit) -> None:
    for angle in np.linspace(0.0, 6.0, 9):
        eye = turn_view(exhibit, 0, float(angle))
        points = np.concatenate([hand.vertices_m[0] for hand in exhibit.hands])
        seen = eye.seen(points)
        heights = np.abs(seen[:, :2] / seen[:, 2:]).max(axis=0) * eye.focal
        assert heights.max() < 0.5 and heights.max() > 0.2


def test_the_best_frame_has_all_hands_observed(exhibit: Exhibit) -> None:
    assert best_frame(exhibit) == FRAMES - 1  # the highest quality
    quality = np.zeros(FRAMES)
    quality[[ABSENT, BRIDGED]] = 1.0
    hands = [replace(hand, quality=quality) for hand in exhibit.hands]
    assert best_frame(replace(exhibit, hands=hands)) not in (ABSENT, BRIDGED)
    assert best_frame(replace(exhibit, hands=[])) == 0


def test_without_images_the_film_is_made_all_the_same(exhibit: Exhibit, tmp_path: Path) -> None:
    player = first_session(exhibit, Colouring.PLAIN, 0).player
    write_play(tmp_path, exhibit, player, Painter(SIZE), None)
    assert open_clip(tmp_path / PLAY_VIDEO).n_frames == FRAMES
