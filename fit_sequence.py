"""Fit one steady 3D hand to a whole clip: load, observe, initialise, optimise, export.

python fit_sequence.py clip.mp4 --output results/clip          # --help lists all options
"""

import sys
import time
from contextlib import ExitStack

from fitter.app.arguments import Request, parse_arguments
from fitter.app.command import run_command
from fitter.app.journal import keep_warnings
from fitter.app.progress import show_progress


def fit_sequence(request: Request) -> None:
    """One clip, from its pixels to a result folder; raises HandfitError for what the input or the machine lacks."""
    from fitter.app.claim import claimed
    from fitter.app.clip_source import ClipSource
    from fitter.app.cues import read_cues
    from fitter.app.demo import truth_of
    from fitter.app.products import export
    from fitter.app.resume import identity, is_complete, mark_complete, mark_unfinished, record_of
    from fitter.app.saved_windows import SavedWindows
    from fitter.app.steps import learned_initializer, load, observe, optimise, terms_of
    from fitter.app.summary import Run, print_summary, summarise
    from fitter.config import save_config
    from fitter.export.clip_writer import written

    command, config, began = request.command, request.config, time.monotonic()
    with keep_warnings() as journal, show_progress(command.quiet) as progress, ExitStack() as held:
        progress.begin("load")
        clip, camera, model = load(command)
        cues, learned = read_cues(command, clip, model), learned_initializer(config.initialise)
        folder = held.enter_context(claimed(command))
        this_run = identity(command, config, clip)
        if command.resume and is_complete(folder, this_run):
            progress.begin("nothing to do: the result is complete")
            return
        mark_unfinished(folder)

        progress.begin("observe")
        seen = observe(command, config, clip, folder, progress)

        progress.begin("initialise")
        save_config(config, folder / "config.yaml")
        source = ClipSource(clip, camera, model, seen, cues, learned)
        saved = SavedWindows.of(folder, this_run, source.scenes(), command.resume)
        windows = optimise(source, config, command, progress, saved)
        with written(windows, folder, clip, camera, terms_of(config.energy)) as fitted:
            progress.begin("export")
            export(fitted, clip, camera, config, folder, progress)
        words, seconds = ("fit_sequence.py", *request.words), time.monotonic() - began
        record = record_of(this_run, command, words, fitted.hands, seconds, journal.warnings)
        mark_complete(folder, record, fitted, config.export.report)

    if not command.quiet:
        length_known = command.hand_length_mm is not None
        compared = tuple(hand.photometric for hand in fitted.hands)
        starts = tuple(hand.start for hand in fitted.hands)
        truth, relative = truth_of(clip, fitted.result), tuple(fitted.diagnostics.relative_sigma_mm)
        run = Run(folder, seconds, journal.warnings, length_known, truth, compared, starts, relative, model)
        print_summary(summarise(fitted.result, seen, run))


def main() -> int:
    """Entry point of `python fit_sequence.py` and of the installed command `handfit`."""
    return run_command(parse_arguments, fit_sequence, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
