"""Analysis by synthesis: what the pixels add to a fit of keypoints."""
