"""`python -m fitter.evaluate`: see `fitter.app.evaluate_command`."""

import sys

from fitter.app.evaluate_command import main

if __name__ == "__main__":
    sys.exit(main())
