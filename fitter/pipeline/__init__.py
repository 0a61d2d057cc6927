"""From the evidence of a clip's hands to their fits.

fits = fit_hands([FitInput(model, landmarks, camera, evidence, starts), ...], energy, schedule)

one_hand    one hand over all frames that are given: its stages, its judgement, its posterior
hands       all hands of a clip
"""

from fitter.pipeline.hands import fit_hands
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

__all__ = [
    "FitInput",
    "FrameFigures",
    "HandFit",
    "OnStep",
    "Presence",
    "Reached",
    "fit_hand",
    "fit_hands",
    "fit_keypoints",
    "fit_pixels",
    "frame_figures",
    "whole_problem",
]
