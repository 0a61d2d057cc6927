"""Readers of published data sets: typed hands out of their files, in one convention.

for hand in hands(open_dataset(Path("HO3D_v3")), "training"):
    hand.image, hand.intrinsics, hand.joints_m
"""

from fitter.evaluate.readers.hand import AnnotatedHand, HandMask, ImageSequence, ManoParameters, Split
from fitter.evaluate.readers.known import LAYOUTS, open_dataset
from fitter.evaluate.readers.layout import Layout, Reader, hands

__all__ = [
    "LAYOUTS",
    "AnnotatedHand",
    "HandMask",
    "ImageSequence",
    "Layout",
    "ManoParameters",
    "Reader",
    "Split",
    "hands",
    "open_dataset",
]
