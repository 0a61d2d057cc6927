"""Pictures of the conventions, drawn from the code that keeps them: joints, rotations, axes, pixels, sides, UVs."""
