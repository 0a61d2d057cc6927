"""How the hand looks, from pictures and a fit of its shape and motion: one albedo texture, one light, a gain per frame.

appearance = first_appearance(scene, pictures, size=256)
appearance = followed(appearance, scene.wearing(None), pictures)       # after the scene has moved a little
"""

from fitter.appearance.estimate import first_appearance, followed
from fitter.appearance.prior import AlbedoPrior

__all__ = ["AlbedoPrior", "first_appearance", "followed"]
