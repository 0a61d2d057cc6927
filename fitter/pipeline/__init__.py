"""From the evidence of a clip's hands to their fits.

fits = fit_hands([FitInput(model, landmarks, camera, evidence, starts), ...], energy, schedule)

one_hand    one hand over all frames that are given: its stages, its judgement, its posterior
hands       all hands of a clip
long_clip   a clip in windows, of one shape, texture and light
"""

from fitter.pipeline.by_keypoints import OnStep, Reached, fit_keypoints, whole_problem
from fitter.pipeline.by_pixels import fit_pixels
from fitter.pipeline.fit_input import FitInput, with_known
from fitter.pipeline.hand_fit import FrameFigures, HandFit
from fitter.pipeline.hands import fit_hands
from fitter.pipeline.known import Known
from fitter.pipeline.long_clip import ClipHands, Keeper, NothingKept, WindowFit, Work, fit_windows
from fitter.pipeline.one_hand import fit_hand, frame_figures
from fitter.pipeline.part import joined, part_of
from fitter.pipeline.presence import Presence
from fitter.pipeline.settings import TimeWindows

__all__ = [
    "ClipHands",
    "FitInput",
    "FrameFigures",
    "HandFit",
    "Keeper",
    "Known",
    "NothingKept",
    "OnStep",
    "Presence",
    "Reached",
    "TimeWindows",
    "WindowFit",
    "Work",
    "fit_hand",
    "fit_hands",
    "fit_keypoints",
    "fit_pixels",
    "fit_windows",
    "frame_figures",
    "joined",
    "part_of",
    "whole_problem",
    "with_known",
]
