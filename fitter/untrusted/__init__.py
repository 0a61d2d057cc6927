"""What anybody may have written: files that are opened, quoted and unpacked without believing a word of them."""

from fitter.untrusted.arrays import Damaged, Oversized, read_plain_arrays
from fitter.untrusted.files import open_regular, read_regular
from fitter.untrusted.image_size import MOST_PIXELS, announced_size
from fitter.untrusted.quoted import quoted

__all__ = [
    "Damaged",
    "MOST_PIXELS",
    "Oversized",
    "announced_size",
    "open_regular",
    "quoted",
    "read_plain_arrays",
    "read_regular",
]
