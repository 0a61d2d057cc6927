"""From the evidence of a clip's hands to their fits.

fits = fit_hands([FitInput(model, landmarks, camera, evidence, starts), ...], energy, schedule)

one_hand    one hand over all frames that are given: its stages, its judgement, its posterior
hands       all hands of a clip
long_clip   a clip in windows, of one shape, texture and light
"""

from fitter.pipeline.hands import fit_hands
from fitter.pipeline.known import Known, with_known
from fitter.pipeline.long_clip import ClipHands, Keeper, NothingKept, WindowFit, Work, fit_windows
from fitter.pipeline.one_hand import (
    FitInput,
    FrameFigures,
    HandFit,
    OnStep,
    Presence,
    Reached,
    fit_hand,
    fit_keypoints,
    fit_pixels,
    frame_figures,
    whole_problem,
)
from fitter.pipeline.part import joined, part_of
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
