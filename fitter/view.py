"""Look at a fit: `python -m fitter.view RESULT` (--help lists options and keys)."""

if __name__ == "__main__":
    import sys

    from fitter.app.view_command import main

    sys.exit(main())
