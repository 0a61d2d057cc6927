"""Pixels in: a video file or a folder of images, read lazily, one upright RGB frame after the other.

clip = open_clip(Path("hand.mp4"))
clip.n_frames, clip.fps, clip.time_s          # known at once
for frame in clip.frames(): ...               # (height, width, 3) uint8
"""

from fitter.clip.clip import Clip, Frame, open_clip

__all__ = ["Clip", "Frame", "open_clip"]
