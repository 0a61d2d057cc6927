"""The outermost layer: the command line, its progress and its summary. Only here are the engine and `priors` joined."""
