"""The viewer of results: what it is doing, what it shows, and how that is drawn with or without a display."""
