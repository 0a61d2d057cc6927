"""The colours of hands that are drawn as shapes: cold ones, which no skin has, so that they stand out from the hand."""

TINTS = {"right": (0.56, 0.76, 0.98), "left": (0.62, 0.92, 0.72)}  # sRGB
