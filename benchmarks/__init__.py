"""Measurements against other methods and against known truth: `python -m benchmarks`, or `make bench`.

    python -m benchmarks                       # all of them: under an hour on 2 cores
    python -m benchmarks speed --quick         # one of those that --help lists, at a tenth of the size

Tables go to stdout as Markdown, and the same figures to results/bench/NAME.json, with plots beside it.
"""
