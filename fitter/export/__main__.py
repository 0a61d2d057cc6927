"""`python -m fitter.export RESULT... --format FORMAT --output DIR`: pseudo-labels; --help lists the options."""

from fitter.app.export_command import main

if __name__ == "__main__":
    raise SystemExit(main())
