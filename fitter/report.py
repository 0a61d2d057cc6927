"""`python -m fitter.report RESULT...`: report pages of results, and an index of many (`fitter.app.report_command`)."""

import sys

from fitter.app.report_command import main

if __name__ == "__main__":
    sys.exit(main())
