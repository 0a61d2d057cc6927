"""The hand's ladder of types, HandModel -> ShapedHand -> PosedHand -> Mesh, and one loader per source (anny, mano)."""

from fitter.hand.model import HandModel, Landmarks, Mesh, PosedHand, ShapedHand

__all__ = ["HandModel", "Landmarks", "Mesh", "PosedHand", "ShapedHand"]
