"""Fit many clips: `python -m fitter.batch CLIPS... --output DIR` (--help lists options)."""

if __name__ == "__main__":
    import sys

    from fitter.app.batch_command import main

    sys.exit(main())
