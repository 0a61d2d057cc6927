"""The hand model a user names: the free one that comes with the program, or their own MANO file.

load_hand_model("anny")
load_hand_model("/data/mano_v1_2/models/MANO_RIGHT.pkl")
"""

from pathlib import Path

from fitter.errors import InputError
from fitter.hand.model import HandModel


def load_hand_model(name_or_path: str) -> HandModel:
    """`anny`, or the path of a MANO file or its folder. Raises InputError where the path holds no MANO right hand."""
    if name_or_path == "anny":
        from fitter.hand.anny import load_anny

        return load_anny()
    from fitter.hand.mano import WANTED, load_mano

    path = Path(name_or_path).expanduser()
    if not path.exists():
        raise InputError(f"{name_or_path}: is neither the hand model 'anny' nor an existing path; {WANTED}")
    return load_mano(path)
