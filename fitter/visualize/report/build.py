"""From a result folder to what its report shows: whatever is missing leaves a sentence, never a hole.

page = page_of(open_result(Path("results/clip")), figures=())
"""

import logging
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32

import fitter
from fitter.clip.images import decoded
from fitter.errors import HandfitError, InputError
from fitter.export.folder import ResultFolder
from fitter.export.result import FitResult
from fitter.export.streamed import frames_of
from fitter.visualize.report.film import read_film
from fitter.visualize.report.motion import pack_motion
from fitter.visualize.report.page import (
    Figure,
    FileLink,
    Film,
    HandTrack,
    Lens,
    Page,
    PagePicture,
    WorstFrame,
)
from fitter.visualize.report.series import charts_of, energies_of
from fitter.visualize.report.verdict import verdict_of
from fitter.visualize.report.worst import worst_frames

log = logging.getLogger(__name__)

# A minute of video: at 9 kB a frame the page has 18 MB. Of longer clips it shows every other frame, or every third, ...
MOST_FRAMES = 2000
PNG, JPEG = "image/png", "image/jpeg"
PICTURE_QUALITY = 85  # of JPEG: a third of the PNG's size
# The end of the scale of uncertainty: the share of all joints in all frames that lies within it, then a round number.
WITHIN_SCALE = 97.0
ROUND_MM = (2.0, 4.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0, 200.0, 500.0)
FILES = {
    "overlay.mp4": "the mesh over the input",
    "comparison.mp4": "input, rendering, difference, overlay",
    "result.npz": "all arrays",
    "diagnostics.npz": "what each frame was judged by",
    "config.yaml": "the settings, enough to run it again",
    "run.json": "input, command, warnings",
    "truth.npz": "the demo's truth",
    "meshes/left.glb": "left hand with its texture",
    "meshes/right.glb": "right hand with its texture",
    "texture_left.png": "left hand's albedo",
    "texture_right.png": "right hand's albedo",
}


def page_of(folder: ResultFolder, figures: Sequence[Figure] = ()) -> Page:
    """Everything the report of this folder shows; `figures` are the rows of its table."""
    result, gaps = folder.result, dict[str, str]()
    worst = worst_frames(folder)
    # Where known, what the frame itself lacks: the doubt about size and focal length is the same all over the hand.
    sigma_mm = folder.relative_sigma_mm
    step = -(-result.present.shape[1] // MOST_FRAMES)
    film, worst = film_of(folder, worst, step, gaps)
    shown = bool(result.present.any())
    some = every(folder, step)
    if not shown:
        gaps |= dict.fromkeys(("motion", "figures"), "The fit finds no hand in any frame.")
    if folder.diagnostics is None:
        gaps["energies"] = "This folder has no diagnostics.npz: energies, residuals and detections are not known."
        gaps["charts"] = gaps["energies"]
    if folder.run is None:
        gaps["command"] = "This folder has no run.json: how the result was made is not known."
    textures = textures_of(folder)
    if not textures:
        gaps["pictures"] = "Fitted without pixels: there is no texture."
    energies = energies_of(result.side, some.diagnostics) if some.diagnostics else ()
    if not energies:
        gaps.setdefault("energies", "No energies were kept.")
    return Page(
        title=title_of(folder),
        verdict=verdict_of(folder),
        facts=facts_of(folder, step),
        figures=tuple(figures) if shown else (),
        warnings=folder.run.warnings if folder.run else (),
        frames=some.result.present.shape[1],
        fps=some.result.fps,
        image_size=result.image_size,
        lens=lens_of(result),
        hands=tracks_of(some.result),
        motion=pack_motion(some.result, some.relative_sigma_mm) if shown else None,
        full_sigma_mm=full_sigma(result, sigma_mm),
        textures=textures,
        film=film,
        charts=charts_of(some) if shown else (),
        worst=worst,
        energies=energies,
        pictures=turntables_of(folder),
        command=shlex.join(folder.run.command) if folder.run else "",
        version=folder.run.version if folder.run else fitter.__version__,
        files=files_of(folder),
        gaps=gaps,
        first_frame=first_frame(some.result),
        step=step,
    )


def title_of(folder: ResultFolder) -> str:
    """The clip's name, else the folder's."""
    return (Path(folder.run.input).name if folder.run else "") or folder.name


def every(folder: ResultFolder, step: int) -> ResultFolder:
    """Every `step`-th frame of a result, as a clip of its own."""
    if step == 1:
        return folder

    thinned = slice(None, None, step)
    whole = folder.result
    cameras = {"K_frames": whole.K_frames[thinned], "camera_from_world": whole.camera_from_world[thinned]}
    result = replace(frames_of(whole, thinned), fps=whole.fps / step, **cameras)
    return replace(folder, result=result, diagnostics=folder.diagnostics and frames_of(folder.diagnostics, thinned))


def facts_of(folder: ResultFolder, step: int = 1) -> tuple[str, ...]:
    """The clip and the hand in a few words each."""
    result = folder.result
    frames, (width, height) = result.present.shape[1], result.image_size
    known = {"given": "given", "metadata": "by the file's metadata"}.get(result.focal_source, result.focal_source)
    sides = " and ".join(result.side)
    return (
        f"{sides} hand{'s' if len(result.side) > 1 else ''}" if sides else "no hand",
        f"{frames} frames" if step == 1 else f"{frames} frames, of which this page shows every {ordinal(step)}",
        f"{frames / result.fps:.1f} s at {result.fps:.4g} fps",
        f"{width} × {height}",
        f"focal length {result.K[0, 0]:.0f} px, {known}{' (zooming)' if len(result.K_frames) else ''}",
        {"anny": "Anny hand", "mano": "MANO hand"}[result.hand_model],
    )


def ordinal(number: int) -> str:
    """2nd, 3rd, 4th, ..."""
    endings = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if number % 100 in (11, 12, 13) else endings.get(number % 10, 'th')}"


def lens_of(result: FitResult) -> Lens:
    return Lens(*(float(result.K[place]) for place in ((0, 0), (1, 1), (0, 2), (1, 2))))


def tracks_of(result: FitResult) -> tuple[HandTrack, ...]:
    return tuple(
        HandTrack(side, tuple(result.present[hand].tolist()), tuple(result.observed[hand].tolist()))
        for hand, side in enumerate(result.side)
    )


def first_frame(result: FitResult) -> int:
    """The first frame that shows a hand."""
    shown = np.flatnonzero(result.present.any(axis=0))
    return int(shown[0]) if len(shown) else 0


def full_sigma(result: FitResult, sigma_mm: Float32[np.ndarray, "hands frames 21"]) -> float:
    """Where the colours of uncertainty end, mm."""
    seen = sigma_mm[result.present]
    largest = float(np.percentile(seen, WITHIN_SCALE)) if len(seen) else 0.0
    return next((end for end in ROUND_MM if end >= largest), ROUND_MM[-1])


def film_of(
    folder: ResultFolder, worst: tuple[WorstFrame, ...], step: int, gaps: dict[str, str]
) -> tuple[Film | None, tuple[WorstFrame, ...]]:
    """The video and the worst frames with their stills; a sentence in `gaps` where there is none."""
    path = folder.file("overlay.mp4")
    if path is None:
        gaps["film"] = "No overlay video was written with this result (export.overlay)."
        gaps["worst"] = "Without an overlay video there are no stills."
        return None, worst
    try:
        film, stills = read_film(path, folder.result, {each.frame: each.hand for each in worst}, step)
    except HandfitError as error:
        log.warning("%s", error)
        gaps["film"], gaps["worst"] = f"No overlay video: {error}.", "Without the overlay video there are no stills."
        return None, worst
    return film, tuple(replace(each, jpeg=stills.get(each.frame)) for each in worst)


def textures_of(folder: ResultFolder) -> dict[int, PagePicture]:
    """The albedo of each hand that has one."""
    found = {}
    for hand, side in enumerate(folder.result.side):
        path = folder.texture(side)
        if path is not None:
            caption = f"{side} hand: albedo, unfolded"
            found[hand] = PagePicture(path.name, caption, path.read_bytes(), PNG)
    return found


def turntables_of(folder: ResultFolder) -> tuple[PagePicture, ...]:
    """How well the texture was seen, and the hands from all sides."""
    named = [
        (f"coverage_{side}.png", f"{side} hand: how well it was seen (white), or filled in (black)", False)
        for side in folder.result.side
    ]
    named += [
        (f"turntable_{side}.png", f"{side} hand under neutral light, from all sides", True)
        for side in folder.result.side
    ]
    found = [(name, folder.file(name), caption, wide) for name, caption, wide in named]
    shown = [(name, path and jpeg_of(path), caption, wide) for name, path, caption, wide in found]
    return tuple(PagePicture(name, caption, jpeg, JPEG, wide) for name, jpeg, caption, wide in shown if jpeg)


def jpeg_of(path: Path) -> bytes | None:
    """The picture smaller; None where it cannot be read."""
    try:
        picture = decoded(path, cv2.IMREAD_COLOR)
    except InputError:
        log.warning("%s: not a readable picture, left out of the report", path)
        return None
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, PICTURE_QUALITY])[1].tobytes()


def files_of(folder: ResultFolder) -> tuple[FileLink, ...]:
    """The files that a person may want, as links from the page's own folder."""
    found = [(name, folder.file(name), meaning) for name, meaning in FILES.items()]
    return tuple(FileLink(name, path.stat().st_size, meaning) for name, path, meaning in found if path)
