"""handfit: fit one steady 3D hand, with one shape, to a whole video clip.

import fitter
result = fitter.fit("clip.mp4")
result.joints_m                 # (hands, frames, 21, 3), metres, camera axes
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["FitResult", "__version__", "fit"]

if TYPE_CHECKING:
    from fitter.app.api import fit
    from fitter.export.result import FitResult


def __getattr__(name: str) -> object:
    """Import the API when it is first used, so that `import fitter` alone costs nothing."""
    if name == "fit":
        from fitter.app.api import fit

        return fit
    if name == "FitResult":
        from fitter.export.result import FitResult

        return FitResult
    raise AttributeError(f"module 'fitter' has no attribute {name!r}")
