"""The network that guesses a hand from one frame: what it is shown, what it says, and how it is kept.

sight = look(evidence, camera)                    # what it is shown: keypoints in crops turned to the hand
guess = network(sight)                            # rotations, shape, place, light, texture, and how sure it is
"""
