"""Pictures for people: the mesh over the input, viewers and the report."""
