"""`python -m docs.drawing [NAME...]` draws the pictures of the conventions into docs/pictures."""

import sys
from pathlib import Path

from docs.drawing.hands import model_of_pictures
from docs.drawing.pictures import PICTURES
from docs.drawing.sheet import save

FOLDER = Path(__file__).parents[1] / "pictures"


def main() -> int:
    """Draw all pictures, or those named on the command line."""
    model = model_of_pictures()
    for name in sys.argv[1:] or PICTURES:
        save(PICTURES[name](model), FOLDER / f"{name}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
