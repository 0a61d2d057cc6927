"""Result folders measured against their truth, for `python -m fitter.evaluate`.

measured = measure_results([Path("results/clip")], [Path("annotations.json")], frames=(65, 108))
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from fitter.app.demo import TRUTH_FILE
from fitter.app.footage import clip_of
from fitter.errors import InputError
from fitter.evaluate.compare import compare, without_truth
from fitter.evaluate.find_truth import read_truth
from fitter.evaluate.measures import Errors
from fitter.evaluate.pictures import compare_pictures
from fitter.evaluate.tally import Measured
from fitter.evaluate.truth import Truth
from fitter.export.folder import ResultFolder, open_result
from fitter.observe.observations import Side


def measure_results(
    paths: Sequence[Path], truths: Sequence[Path], frames: Sequence[int], video: Path | None = None
) -> list[Measured]:
    """Every hand of every result; `truths` and pairs of `frames` are one for all results, one for each, or none.

    Raises InputError where a result or a truth cannot be used, or they do not belong together.
    """
    measured = []
    pairs = list(zip(frames[::2], frames[1::2], strict=True))
    for number, path in enumerate(paths):
        folder = open_result(path)
        truth = truths[min(number, len(truths) - 1)] if truths else folder.file(TRUTH_FILE)
        between = pairs[min(number, len(pairs) - 1)] if pairs else None
        measured += _measure(folder, () if truth is None else read_truth(truth, between), video)
    return _told_apart(measured)


def _measure(folder: ResultFolder, truths: Sequence[Truth], video: Path | None) -> list[Measured]:
    result = folder.result
    by_side: dict[Side, Errors]
    if truths:
        if result.side and not {truth.side for truth in truths} & set(result.side):
            sides, known = " and ".join(result.side), " and ".join(truth.side for truth in truths)
            raise InputError(f"{folder.path}: has a {sides} hand, but {truths[0].name} a {known} one: no truth for it")
        by_side = {truth.side: compare(result, truth) for truth in truths}
    else:
        by_side = {side: without_truth(result, side) for side in result.side}
    several = len(by_side) > 1
    return [
        Measured(f"{folder.name} ({side})" if several else folder.name, *_with_pictures(errors, folder, side, video))
        for side, errors in by_side.items()
    ]


def _with_pictures(errors: Errors, folder: ResultFolder, side: Side, video: Path | None) -> tuple[Errors, str]:
    """The errors with those of the pictures, and why there are none where that is worth saying."""
    if side not in folder.result.side or folder.texture(side) is None:
        return errors, ""
    try:
        clip = clip_of(folder, video)
    except InputError as error:
        if video is not None:
            raise
        return errors, f"no PSNR: {error}"
    return compare_pictures(errors, folder, folder.result.side.index(side), clip), ""


def _told_apart(measured: Sequence[Measured]) -> list[Measured]:
    """Rows of one name get numbers."""
    many = {name for name, count in Counter(each.name for each in measured).items() if count > 1}
    seen: Counter[str] = Counter()
    rows = []
    for each in measured:
        seen[each.name] += 1
        name = f"{each.name} #{seen[each.name]}" if each.name in many else each.name
        rows.append(Measured(name, each.errors, each.note))
    return rows
