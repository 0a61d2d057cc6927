"""What a fit leaves on disk, each written atomically: `result.npz`, the overlay video, meshes, and labels for others."""
