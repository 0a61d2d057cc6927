"""What a fit leaves on disk: the arrays of `result.npz`, the overlay video and the meshes, each written atomically."""
