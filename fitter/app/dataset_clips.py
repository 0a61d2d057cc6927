"""The clips of a data set, as the fit takes them: a sequence in time is one clip, a still is a clip of one frame.

for item in items_of(reader, "evaluation"):
    hands = item.hands(reader)
    clip, camera = clip_of_hands(item.name, hands), camera_of_hands(item.name, hands)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fitter.camera import Camera
from fitter.clip.clip import FOLDER_FPS
from fitter.clip.images import ImageClip, read_image
from fitter.errors import InputError
from fitter.evaluate.readers import AnnotatedHand, ImageSequence, Reader, Split


@dataclass(frozen=True)
class Item:
    """What is fitted at once: a whole sequence, or one still of it. `name` is also that of its folder."""

    name: str
    sequence: ImageSequence
    indices: range

    def hands(self, reader: Reader) -> list[AnnotatedHand]:
        """Its hands, read from the data set; raises InputError where files are broken."""
        return [reader.hand(self.sequence, index) for index in self.indices]


def items_of(reader: Reader, split: Split, names: Sequence[str] = ()) -> list[Item]:
    """All of a split, or of the sequences with these names; raises InputError where there are none."""
    sequences = [sequence for sequence in reader.sequences if sequence.split == split]
    if not sequences:
        raise InputError(f"{reader.name}: no sequence of the {split} split in this folder")
    known = {sequence.name: sequence for sequence in sequences}
    for name in names:
        if name not in known:
            shown = ", ".join(list(known)[:4]) + (", ..." if len(known) > 4 else "")
            raise InputError(f"--sequences {name}: {reader.name} has no such sequence for {split}, it has {shown}")
    chosen = [known[name] for name in dict.fromkeys(names)] or sequences
    return [item for sequence in chosen for item in _items(sequence)]


def _items(sequence: ImageSequence) -> Iterator[Item]:
    step = sequence.length if sequence.in_time else 1
    return (item_at(sequence, index) for index in range(0, sequence.length, step))


def item_at(sequence: ImageSequence, index: int) -> Item:
    """The item that hand `index` of the sequence belongs to."""
    if sequence.in_time:
        return Item(sequence.name, sequence, range(sequence.length))
    return Item(f"{sequence.name}/{index:08d}", sequence, range(index, index + 1))


def clip_of_hands(name: str, hands: Sequence[AnnotatedHand], fps: float = FOLDER_FPS) -> ImageClip:
    """The images, at so many frames per second by the data set's own numbers: none of them says its rate.

    Raises InputError where the first image cannot be read.
    """
    height, width = read_image(hands[0].image).shape[:2]
    numbers = np.array([hand.frame for hand in hands])
    path = hands[0].image if len(hands) == 1 else hands[0].image.parent
    files = tuple(hand.image for hand in hands)
    return ImageClip(path, name, width, height, fps, (numbers - numbers[0]) / fps, files)


def camera_of_hands(name: str, hands: Sequence[AnnotatedHand], size: tuple[int, int]) -> Camera:
    """The intrinsics that the data set gives; raises InputError where they change within the clip."""
    matrix = hands[0].intrinsics
    for hand in hands:
        if not np.allclose(hand.intrinsics, matrix, rtol=1e-6):
            raise InputError(f"{name}: its camera changes at {hand.image.name}, expected one camera for a clip")
    (fx, _, cx), (_, fy, cy), _ = matrix.tolist()
    return Camera(fx, fy, cx, cy, *size)
