"""Clips made of nothing: a moving hand, its skin, light, background, camera and detector, with the truth known.

frames, truth = make_demo_clip(seed=0, n_frames=120)
"""
