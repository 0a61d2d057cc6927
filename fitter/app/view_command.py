"""`python -m fitter.view RESULT`: look at a fit in a window, or in films where there is no display.

sys.exit(main())
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from jaxtyping import UInt8
from tyro import conf

from fitter.app.command import run_command
from fitter.app.footage import clip_of
from fitter.app.progress import show_progress
from fitter.app.words import read_options
from fitter.clip.images import read_image
from fitter.errors import InputError
from fitter.export.atomic import prepare_folder
from fitter.export.folder import ResultFolder, open_result
from fitter.visualize.viewer.controls import Session
from fitter.visualize.viewer.desk import Desk, sit_down
from fitter.visualize.viewer.display import display_problem, off_screen_problem
from fitter.visualize.viewer.exhibit import Exhibit, exhibit_of, first_session
from fitter.visualize.viewer.film import PLAY_VIDEO, TURN_SHEET, TURN_VIDEO, best_frame, write_play, write_turn
from fitter.visualize.viewer.kept_images import KeptImages, kept_images
from fitter.visualize.viewer.opengl import NoOpenGL, open_off_screen, open_window
from fitter.visualize.viewer.player import Colouring, key_help
from fitter.visualize.viewer.shapes import Canvas

Size = tuple[int, int]

PROG = "python -m fitter.view"
FILMS = "view"  # the folder of the films inside the result's, unless another is named
WINDOW_PX, FILM_PX = (1280, 720), (960, 600)
SMALLEST_PX, LARGEST_PX = 320, 4096


@dataclass(frozen=True)
class ViewOptions:
    """Look at a fit: play it, turn it, colour it. Without a display, or with --output, films are written instead."""

    result: Annotated[conf.Positional[Path], conf.arg(metavar="RESULT")]
    """Folder of a fit."""
    video: Path | None = None
    """The clip it was fitted to, if that has moved."""
    colour: Literal["plain", "skeleton", "texture", "uncertainty"] = "plain"
    """What the surface shows at first."""
    frame: int | None = None
    """Frame shown first, or turned in the turntable, from 0."""
    size: str | None = None
    """WIDTHxHEIGHT in pixels; absent: 1280x720 for the window, 960x600 for films."""
    output: Path | None = None
    """Folder for films; absent: the folder view inside the result's."""
    offscreen: bool = False
    """Write films even where there is a display."""
    debug: bool = False
    """Show where a fault came from."""


def view(options: ViewOptions) -> None:
    """Open the result and show it in a window, or write films; raises InputError for what is unusable."""
    folder = open_result(options.result)
    size = parse_size(options.size)
    exhibit = exhibit_of(folder, [read_texture(folder, side) for side in folder.result.side])
    session = first_session(exhibit, chosen_colouring(folder, exhibit, options), chosen_frame(folder, exhibit, options))
    problem = reason_for_films(options)

    def images() -> AbstractContextManager[KeptImages]:
        return kept_images(lambda: clip_of(folder, options.video), exhibit.n_frames, say_without_images)

    if problem is None:
        try:
            show(exhibit, session, images, size or WINDOW_PX)
            return
        except NoOpenGL as error:
            problem = str(error)
    with images() as kept:
        write_films(folder, exhibit, session, kept, FilmOrder(size or FILM_PX, options.output, problem))


def show(
    exhibit: Exhibit, session: Session, images: Callable[[], AbstractContextManager[KeptImages]], size: Size
) -> None:
    """The window, until the user closes it; images are read once it is there, as reading makes its opening slower."""
    with open_window(size, f"handfit: {exhibit.name}") as window, images() as kept:
        sit_down(Desk(window, exhibit, session, kept))


@dataclass(frozen=True)
class FilmOrder:
    """How large the films are, where they go (None: into the result's folder), and why there is no window."""

    size: Size
    output: Path | None
    why: str


def write_films(folder: ResultFolder, exhibit: Exhibit, session: Session, images: KeptImages, order: FilmOrder) -> None:
    """The turntable and the clip played, and one sentence that says so."""
    target = prepare_folder(order.output or folder.path / FILMS)
    player = session.player
    with show_progress(quiet=False) as progress, canvas_of(order.size) as canvas:
        progress.begin("turntable")
        write_turn(target, exhibit, player, canvas, progress.frame)
        progress.begin("playback")
        write_play(target, exhibit, player, canvas, images, progress.frame)
        drawn_by = canvas.name
    files = f"{TURN_VIDEO}, {TURN_SHEET} and {PLAY_VIDEO}"
    say(f"{order.why}: {files} were drawn by {drawn_by} and are in {target}")


@contextmanager
def canvas_of(size: Size) -> Iterator[Canvas]:
    """Open3D off-screen where that works, else the engine's own rasterizer."""
    from fitter.visualize.viewer.painter import Painter  # compiled kernels, which a window need not wait for

    with ExitStack() as stack:
        canvas: Canvas = Painter(size)
        if off_screen_problem() is None:
            with suppress(NoOpenGL):
                canvas = stack.enter_context(open_off_screen(size))
        yield canvas


def reason_for_films(options: ViewOptions) -> str | None:
    """Why films are written rather than a window opened, in words; None for a window."""
    if options.output is not None:
        return "as --output asks for files"
    if options.offscreen:
        return "as --offscreen asks"
    return display_problem()


def chosen_frame(folder: ResultFolder, exhibit: Exhibit, options: ViewOptions) -> int:
    """The frame that is named, else the first one for a window and the best one for a turntable."""
    if options.frame is None:
        return best_frame(exhibit) if options.output is not None or options.offscreen else 0
    if not 0 <= options.frame < exhibit.n_frames:
        raise InputError(f"--frame {options.frame}: {folder.path} has frames 0 to {exhibit.n_frames - 1}")
    return options.frame


def chosen_colouring(folder: ResultFolder, exhibit: Exhibit, options: ViewOptions) -> Colouring:
    """The colouring that is named; raises InputError where this result does not have it."""
    colouring = Colouring(options.colour)
    if colouring is Colouring.TEXTURE and not any(hand.skin is not None for hand in exhibit.hands):
        raise InputError(f"--colour texture: {folder.path} has no texture, it was fitted without pixels")
    return colouring


def parse_size(text: str | None) -> Size | None:
    """`1280x800` as width and height; raises InputError for anything else."""
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise InputError(f"--size {text}: expected WIDTHxHEIGHT in pixels, such as 1280x720")
    width, height = (int(part) for part in parts)
    if not all(SMALLEST_PX <= side <= LARGEST_PX for side in (width, height)):
        raise InputError(f"--size {text}: expected sides of {SMALLEST_PX} to {LARGEST_PX} pixels")
    return width, height


def read_texture(folder: ResultFolder, side: str) -> UInt8[np.ndarray, "height width 3"] | None:
    """The hand's texture, None where there is none."""
    file = folder.texture("left" if side == "left" else "right")
    if file is None:
        return None
    try:
        return read_image(file)
    except InputError as error:
        raise InputError(f"{file}: damaged, expected the PNG of a hand's texture") from error


def say(sentence: str) -> None:
    """A sentence for the user, on stderr as all that is no product."""
    print(f"handfit: {sentence}", file=sys.stderr, flush=True)


def say_without_images(problem: str) -> None:
    """Why the clip's images are not shown."""
    say(f"{problem} (the clip's images are left out)")


def read(words: Sequence[str]) -> ViewOptions:
    """The options; --help ends with the keys of the window."""
    try:
        return read_options(ViewOptions, words, PROG)
    except SystemExit:
        print("Keys and mouse in the window:")
        for keys, what in key_help():
            print(f"  {keys:<26}{what}")
        raise


def main(words: Sequence[str] | None = None) -> int:
    """Entry point of `python -m fitter.view`; returns the exit status."""
    return run_command(read, view, sys.argv[1:] if words is None else words)
