"""Pixels from meshes: which triangle each pixel sees (rasterizers), and how it is lit (shading)."""

from fitter.render.rasterizer import Fragments, Rasterizer

__all__ = ["Fragments", "Rasterizer"]
