"""The layouts that are recognised; a new one is a file of this package and a line here.

reader = open_dataset(Path("FreiHAND_pub_v2"))
for hand in hands(reader, "evaluation"): ...
"""

from pathlib import Path

from fitter.errors import InputError
from fitter.evaluate.readers import dexter, dexycb, freihand, ho3d, interhand, rhd, stb
from fitter.evaluate.readers.layout import Reader

LAYOUTS = (
    *(freihand.LAYOUT, ho3d.LAYOUT, rhd.LAYOUT, stb.LAYOUT, dexycb.LAYOUT, interhand.LAYOUT),
    *(dexter.LAYOUT_DEXTER_OBJECT, dexter.LAYOUT_EGODEXTER),
)


def open_dataset(folder: Path) -> Reader:
    """The data set in `folder`, recognised by its files.

    Raises InputError where there is none, and, naming it, where a part of one is missing or broken.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: expected that of a data set")
    best = max(LAYOUTS, key=lambda layout: layout.n_signs(folder))
    if best.n_signs(folder) == 0:
        forms = "; ".join(f"{layout.name} ({layout.form})" for layout in LAYOUTS)
        raise InputError(f"{folder} holds no data set of a known layout: expected {forms}")
    return best.open(folder)
