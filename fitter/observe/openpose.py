"""Detections in a folder of OpenPose JSON files (`--write_json`), one file per frame in natural order.

    frames = read_openpose(Path("json/"), n_frames=44)

Of every person `hand_left_keypoints_2d` and `hand_right_keypoints_2d` are read: x, y, confidence of 21 joints.
"""

from pathlib import Path

from fitter.clip.images import natural_key
from fitter.errors import InputError
from fitter.observe.checked_hands import MOST_HANDS, hand_from_triplets
from fitter.observe.detections import Detections, gathered
from fitter.observe.json_file import read_json
from fitter.observe.observations import Detection, Side

HAND_KEYS: dict[Side, str] = {"left": "hand_left_keypoints_2d", "right": "hand_right_keypoints_2d"}


def read_openpose(folder: Path, n_frames: int) -> Detections:
    """The hands per frame. Raises InputError if the files are not OpenPose's or not one per frame."""
    try:
        files = sorted(folder.glob("*.json"), key=lambda file: natural_key(file.name))
    except OSError as error:
        raise InputError(f"{folder} cannot be listed ({error.strerror}): expected OpenPose's JSON files") from None
    if len(files) != n_frames:
        raise InputError(f"{folder} holds {len(files)} JSON files: expected {n_frames}, one for each frame of the clip")
    return gathered(_hands(file) for file in files)


def _hands(file: Path) -> list[Detection]:
    content = read_json(file)
    people = content.get("people") if isinstance(content, dict) else None
    if not isinstance(people, list) or not all(isinstance(person, dict) for person in people):
        raise InputError(f"{file} has no list of people: expected a JSON file that OpenPose writes")
    if 2 * len(people) > MOST_HANDS:
        raise InputError(f"{file} holds {len(people)} people: expected at most {MOST_HANDS // 2}")
    if people and not any(key in person for person in people for key in HAND_KEYS.values()):
        raise InputError(f"{file} has people without hands: expected OpenPose's output with --hand")
    found = [
        hand_from_triplets(person.get(key), f"{file}, person {number}, {key}", side)
        for number, person in enumerate(people)
        for side, key in HAND_KEYS.items()
    ]
    return [hand for hand in found if hand is not None]
