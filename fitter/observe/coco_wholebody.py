"""Detections in a COCO-WholeBody JSON file: annotations with images, or a list of results.

    frames = read_coco_wholebody(Path("wholebody.json"), (1280, 720), n_frames=44)

Frames are the images in the order of their `frame_id` where they have one, else of their file names. A list of results
has no images: its `image_id` counts frames from 0, from 1 (if it reaches the clip's frame count), or there is one
distinct id for each frame. Hands are `lefthand_kpts` and `righthand_kpts`, or the last 42 of 133 `keypoints`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fitter.clip.images import natural_key
from fitter.errors import InputError
from fitter.observe.checked_hands import MOST_HANDS, hand_from_triplets
from fitter.observe.detections import Detections, gathered
from fitter.observe.json_file import read_json
from fitter.observe.observations import Detection, Side
from fitter.untrusted import quoted

HAND_KEYS: dict[Side, str] = {"left": "lefthand_kpts", "right": "righthand_kpts"}
FIRST_JOINT: dict[Side, int] = {"left": 91, "right": 112}  # in the 133 joints of COCO-WholeBody (Jin et al. 2020)
N_BODY_NUMBERS = 3 * 133
VISIBLE = 2  # COCO's visibility in annotations made by people: 0 absent, 1 hidden, 2 visible
CONFIDENCE_OF_VISIBILITY = {0: 0.0, 1: 0.5, 2: 1.0}


def read_coco_wholebody(path: Path, size: tuple[int, int], n_frames: int) -> Detections:
    """The hands per frame. Raises InputError if the file is none of this format or not of such a clip."""
    content = read_json(path)
    if isinstance(content, dict) and isinstance(content.get("annotations"), list):
        people = _records(path, content["annotations"])
        frame_of = _frames_of_images(path, content.get("images"), size, n_frames)
    elif isinstance(content, list):
        people = _records(path, content)
        frame_of = _frames_of_ids(path, people, n_frames)
    else:
        raise InputError(f"{path} is no COCO-WholeBody file: expected annotations with images, or a list of results")
    if people and not any(key in person for person in people for key in (*HAND_KEYS.values(), "keypoints")):
        raise InputError(f"{path} has nobody with hands: expected lefthand_kpts and righthand_kpts of COCO-WholeBody")
    by_visibility = _uses_visibility(people)
    frames: list[list[Detection]] = [[] for _ in range(n_frames)]
    for number, person in enumerate(people):
        image = person.get("image_id")
        if not isinstance(image, int | str) or image not in frame_of:
            raise InputError(
                f"{path}, entry {number}: image_id {quoted(repr(image))} is no image's, expected a frame of the clip"
            )
        found = frames[frame_of[image]]
        for side in HAND_KEYS:
            numbers = _with_confidence(_triplets(person, side), by_visibility)
            hand = hand_from_triplets(numbers, f"{path}, entry {number}, {HAND_KEYS[side]}", side)
            found += [from_corner(hand)] if hand is not None else []
        if len(found) > MOST_HANDS:
            raise InputError(f"{path}: more than {MOST_HANDS} hands in frame {frame_of[image]}, expected one person's")
    return gathered(frames)


def from_corner(hand: Detection) -> Detection:
    """COCO counts keypoints from the first pixel's centre (cocodataset.org, "0-indexed"), here half a pixel more."""
    seen = hand.confidence[:, None] > 0
    return replace(hand, keypoints_px=np.where(seen, hand.keypoints_px + 0.5, hand.keypoints_px))


def _records(path: Path, values: list[Any]) -> list[dict[str, Any]]:
    if not all(isinstance(value, dict) for value in values):
        raise InputError(f"{path}: an entry is no object, expected a COCO-WholeBody annotation or result")
    return values


def _frames_of_images(path: Path, images: object, size: tuple[int, int], n_frames: int) -> dict[int | str, int]:
    """The frame number of each image id."""
    if not isinstance(images, list) or not all(isinstance(image, dict) for image in images):
        raise InputError(f"{path} has no list of images: expected COCO-WholeBody annotations with images")
    if len(images) != n_frames:
        raise InputError(f"{path} is of {len(images)} images: expected {n_frames}, one for each frame of the clip")
    for image in images:
        found = (image.get("width", size[0]), image.get("height", size[1]))
        if found != size:
            shown = f"{quoted(found[0])}x{quoted(found[1])}"
            raise InputError(f"{path} is of {shown} images: expected {size[0]}x{size[1]} as in the clip")
        if not isinstance(image.get("id"), int | str):
            raise InputError(f"{path}: an image has the id {quoted(repr(image.get('id')))}, expected a number")
    if all(isinstance(image.get("frame_id"), int) for image in images):
        ordered = sorted(images, key=lambda image: image["frame_id"])
    elif all(isinstance(image.get("file_name"), str) for image in images):
        ordered = sorted(images, key=lambda image: natural_key(image["file_name"]))
    else:
        raise InputError(f"{path}: images have no order, expected a file_name or a frame_id in each")
    frame_of = {image["id"]: frame for frame, image in enumerate(ordered)}
    if len(frame_of) != n_frames:
        raise InputError(f"{path}: two images share an id, expected one id for each frame")
    return frame_of


def _frames_of_ids(path: Path, people: Sequence[Mapping[str, Any]], n_frames: int) -> dict[int | str, int]:
    ids = {person.get("image_id") for person in people if isinstance(person.get("image_id"), int)}
    numbers = sorted(number for number in ids if isinstance(number, int))
    if not numbers or (numbers[0] >= 0 and numbers[-1] < n_frames):
        return {number: number for number in numbers}
    if numbers[0] >= 1 and numbers[-1] == n_frames:
        return {number: number - 1 for number in numbers}
    if len(numbers) == n_frames:
        return {number: frame for frame, number in enumerate(numbers)}
    raise InputError(
        f"{path}: image ids {quoted(numbers[0])}..{quoted(numbers[-1])} do not tell the frames apart; "
        f"expected 0..{n_frames - 1}, 1..{n_frames}, or one id for each of the clip's {n_frames} frames"
    )


def _triplets(person: Mapping[str, Any], side: Side) -> object:
    keypoints = person.get("keypoints")
    if HAND_KEYS[side] not in person and isinstance(keypoints, list) and len(keypoints) == N_BODY_NUMBERS:
        first = 3 * FIRST_JOINT[side]
        return keypoints[first : first + 63]
    return person.get(HAND_KEYS[side])


def _uses_visibility(people: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the third numbers are COCO's visibilities: whole numbers up to 2, and a 2 among them."""
    thirds: set[object] = set()
    for person in people:
        for side in HAND_KEYS:
            numbers = _triplets(person, side)
            thirds |= (
                {value for value in numbers[2::3] if type(value) in (int, float)}
                if isinstance(numbers, list)
                else set()
            )
    return VISIBLE in thirds and thirds <= set(CONFIDENCE_OF_VISIBILITY)


def _with_confidence(numbers: object, by_visibility: bool) -> object:
    if not by_visibility or not isinstance(numbers, list):
        return numbers
    return [
        CONFIDENCE_OF_VISIBILITY.get(value, value) if index % 3 == 2 and type(value) in (int, float) else value
        for index, value in enumerate(numbers)
    ]
