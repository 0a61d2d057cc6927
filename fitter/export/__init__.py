"""What a fit leaves on disk, each written atomically: `result.npz`, overlay video, meshes; and labels of results."""
