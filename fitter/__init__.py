"""handfit: fit one steady 3D hand, with one shape, to a whole video clip.

import fitter
result = fitter.fit("clip.mp4")
result.joints_m                 # (hands, frames, 21, 3), metres, camera axes
"""

__version__ = "0.1.0"
