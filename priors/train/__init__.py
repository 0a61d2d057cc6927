"""Training of the learned parts: python -m priors.train CONFIG --data FOLDER..."""
