"""The frames that a result was fitted to, found again.

clip = clip_of(open_result(Path("results/clip")))
"""

from pathlib import Path

from fitter.clip import Clip, open_clip
from fitter.errors import InputError
from fitter.export.folder import ResultFolder

DEMO_INPUT = "demo"


def clip_of(folder: ResultFolder, video: Path | None = None) -> Clip:
    """The clip of a result: `video` if it is named, else where the fit found it; the demo is made again.

    Raises InputError where it is no longer there, or is of other frames than the result.
    """
    clip = open_clip(video or _remembered(folder)) if video or not _is_demo(folder) else _demo()
    result = folder.result
    found = (clip.n_frames, clip.width, clip.height)
    wanted = (result.present.shape[1], *result.image_size)
    if found != wanted:
        described = ("{} frames of {}x{}".format(*each) for each in (found, wanted))
        raise InputError("{}: it has {}, expected the {} of {}".format(clip.name, *described, folder.path))
    return clip


def _demo() -> Clip:
    """Making a clip takes much of the program, which who looks at a video need not wait for."""
    from fitter.app.demo import make_demo

    return make_demo()


def _is_demo(folder: ResultFolder) -> bool:
    return folder.run is not None and folder.run.input == DEMO_INPUT


def _remembered(folder: ResultFolder) -> Path:
    """Where the fit found its input: under its absolute path, or as it was named seen from here."""
    if folder.run is None:
        raise InputError(f"{folder.path}: no run.json, so the clip it was fitted to is not known; name it with --video")
    places = [Path(folder.run.input_path), Path(folder.run.input)]
    found = next((place for place in places if place.exists()), None)
    if found is None:
        raise InputError(
            f"{folder.path}: the video of this result is not at {places[0]} any more; name it with --video"
        )
    return found
