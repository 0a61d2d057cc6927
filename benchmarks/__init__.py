"""Measurements of speed and accuracy, beside other methods: `make bench` runs them."""
