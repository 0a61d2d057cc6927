"""Which clips are meant: files, folders, patterns, lists and URLs become clips, each with a name of its own.

for clip in find_clips(["clips", "more/*.mov", "list.txt", "s3://bucket/clips"]):
    clip.source, clip.name, clip.options

A folder stands for the videos in it; a folder of images is one clip; a folder of such folders is all of them. A text
file has one clip per line, after which options of this clip alone may follow, divided by a tab. Files beside a clip
that are called as it is, such as `wave.keypoints.npz` for `wave.mp4`, belong to it: see `SIDES`.
"""

import hashlib
import re
import shlex
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fitter.app.batch_storage import Place, explained, is_url, place_of, read_bytes
from fitter.app.demo import DEMO
from fitter.clip.images import IMAGE_SUFFIXES
from fitter.errors import InputError

# What a folder's videos end in; a file that is named itself may end in anything.
VIDEO_SUFFIXES = frozenset(
    (".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ts", ".webm", ".wmv")
)
LIST_SUFFIXES = frozenset((".txt", ".list"))
# Options of a fit that are files of one clip, and what such files are called after the clip's name.
SIDES = {
    "keypoints": (".keypoints.npz", ".keypoints.json", ".keypoints"),
    "masks": (".masks",),
    "depth": (".depth",),
    "joints": (".joints.npz",),
    "vertices": (".vertices.npz",),
    "cameras": (".cameras.npz", ".cameras.json"),
    "initial": (".initial.npz", ".initial.json", ".initial"),
}
MOST_LIST_BYTES = 100_000_000
# Files that the batch itself writes beside the result folders.
RESERVED = frozenset(("batch.csv", "batch.log", "index.html"))
# The longest name of a folder: file systems take 255 bytes.
LONGEST_NAME = 100
_PATTERN = re.compile(r"[*?\[]")
_UNWANTED = re.compile(r"[\x00-\x1f\x7f/\\:*?\"<>|]+")


@dataclass(frozen=True)
class BatchClip:
    """One clip: its absolute path or URL, the name of its result folder, the options that are its own, and the files
    that lie beside it by the option they stand for.
    """

    source: str
    name: str
    options: tuple[str, ...] = ()
    sides: tuple[tuple[str, str], ...] = ()


def find_clips(given: Sequence[str], known_options: Sequence[str] = tuple(SIDES)) -> list[BatchClip]:
    """All clips that the words name, sorted by source, none twice; of `SIDES` those that are `known_options` count.

    Raises InputError where a word names nothing. A line of a list may: it becomes a clip that fails.
    """
    found: dict[str, BatchClip] = {}
    listings: dict[str, frozenset[str]] = {}
    for word in given:
        for source, options in _clips_of(word):
            if source.shown not in found or options:
                sides = _sides_of(source, known_options, listings)
                found[source.shown] = BatchClip(source.shown, plain_name(source.name), options, sides)
    return with_own_names(sorted(found.values(), key=lambda clip: clip.source))


def plain_name(file: str) -> str:
    """A folder's name made of a file's: without what it ends in, and without what some file system refuses."""
    stem, dot, suffix = file.rpartition(".")
    is_suffix = dot and stem and f".{suffix.lower()}" in VIDEO_SUFFIXES | IMAGE_SUFFIXES
    name = unicodedata.normalize("NFC", stem if is_suffix else file)
    name = _UNWANTED.sub("_", name).strip().lstrip(".-=+@").rstrip(". ")
    return name[:LONGEST_NAME] or "clip"


def with_own_names(clips: Sequence[BatchClip]) -> list[BatchClip]:
    """Clips of one name get some digits of their source's digest behind it: the same ones whenever they meet."""
    count = Counter(clip.name.casefold() for clip in clips)

    def own(clip: BatchClip) -> str:
        if count[clip.name.casefold()] == 1 and clip.name.casefold() not in RESERVED:
            return clip.name
        return f"{clip.name}-{hashlib.sha256(clip.source.encode()).hexdigest()[:8]}"

    return [replace(clip, name=own(clip)) for clip in clips]


def _clips_of(word: str) -> Iterator[tuple[Place, tuple[str, ...]]]:
    """The clips that one word of the command line stands for, with their own options."""
    place = place_of(word)
    with explained(place):
        exists, is_folder = place.system.exists(place.path), place.system.isdir(place.path)
    if not exists and word == DEMO:
        yield Place(place.system, DEMO, DEMO), ()
    elif is_folder:
        clips = list(_in_folder(place))
        if not clips:
            raise InputError(f"{word}: a folder without videos or images, expected clips")
        yield from ((clip, ()) for clip in clips)
    elif exists and _suffix(place.name) in LIST_SUFFIXES:
        yield from _in_list(place)
    elif exists:
        yield place, ()
    elif _PATTERN.search(word):
        clips = [clip for match in _matches(place) for clip in _if_clip(match)]
        if not clips:
            raise InputError(f"{word}: no clip matches, expected videos or folders of images")
        yield from ((clip, ()) for clip in clips)
    else:
        raise InputError(f"{word} does not exist: expected a clip, a folder, a pattern or a list of clips (.txt)")


def _in_folder(folder: Place) -> Iterator[Place]:
    """The videos in a folder; where there are none, the folder itself if it holds images, else its folders of them."""
    entries = _entries(folder)
    videos = [entry for entry, is_folder in entries if not is_folder and _suffix(entry.name) in VIDEO_SUFFIXES]
    if videos:
        yield from videos
    elif _holds_images(folder):
        yield folder
    else:
        yield from (entry for entry, is_folder in entries if is_folder for entry in _if_clip(entry))


def _if_clip(place: Place) -> Iterator[Place]:
    """The place itself, if it is a video or a folder of images that is not another clip's side folder."""
    if _suffix(place.name) in VIDEO_SUFFIXES:
        yield place
        return
    beside = any(place.name.endswith(ending) for endings in SIDES.values() for ending in endings)
    with explained(place):
        is_folder = place.system.isdir(place.path)
    if is_folder and not beside and _holds_images(place):
        yield place


def _in_list(file: Place) -> Iterator[tuple[Place, tuple[str, ...]]]:
    """The clips of a text file; relative paths start in its folder."""
    folder = file.shown.rpartition("/")[0]
    content = read_bytes(file, MOST_LIST_BYTES) or b""
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{file.shown}: not a text in UTF-8, expected one clip per line") from None
    for number, line in enumerate(lines, start=1):
        source, _, options = line.partition("\t")
        if not source.strip() or source.startswith("#"):
            continue
        try:
            words = tuple(shlex.split(options))
        except ValueError as error:
            raise InputError(f"{file.shown}, line {number}: {error}, expected CLIP, a tab and options") from None
        source = source.strip()
        absolute = is_url(source) or (source.startswith("/") and not is_url(file.shown))
        yield place_of(source if absolute else f"{folder}/{source.lstrip('/')}"), words


def _sides_of(clip: Place, known: Sequence[str], listings: dict[str, frozenset[str]]) -> tuple[tuple[str, str], ...]:
    """The files beside a clip that belong to it, by option; each folder is listed once."""
    parent, _, name = clip.path.rstrip("/").rpartition("/")
    if clip.path == DEMO or not parent:
        return ()
    folder = Place(clip.system, parent, clip.shown.rstrip("/")[: -len(name) - 1])
    if folder.shown not in listings:
        listings[folder.shown] = _names(folder)
    stem, dot, suffix = name.rpartition(".")
    bare = stem if dot and f".{suffix.lower()}" in VIDEO_SUFFIXES | IMAGE_SUFFIXES else name
    sides = []
    for option, endings in SIDES.items():
        there = [bare + ending for ending in endings if bare + ending in listings[folder.shown]]
        if there and option in known:
            sides.append((option, folder.below(there[0]).shown))
    return tuple(sides)


def _names(folder: Place) -> frozenset[str]:
    with explained(folder):
        if not folder.system.isdir(folder.path):
            return frozenset()
    return frozenset(entry.name for entry, _ in _entries(folder))


def _holds_images(folder: Place) -> bool:
    return any(not is_folder and _suffix(entry.name) in IMAGE_SUFFIXES for entry, is_folder in _entries(folder))


def _entries(folder: Place) -> list[tuple[Place, bool]]:
    """What lies in a folder, sorted, hidden files left out; and whether it is a folder itself."""
    with explained(folder):
        listed = folder.system.ls(folder.path, detail=True)
    entries = [
        (folder.below(name), entry["type"] == "directory" or (entry.get("islink") and _is_folder(folder.below(name))))
        for entry in listed
        if not (name := entry["name"].rstrip("/").rpartition("/")[2]).startswith(".")
    ]
    return sorted(((place, bool(is_folder)) for place, is_folder in entries), key=lambda entry: entry[0].path)


def _is_folder(place: Place) -> bool:
    return place.system.isdir(place.path)


def _matches(pattern: Place) -> list[Place]:
    """What a pattern matches, sorted."""
    with explained(pattern):
        paths = sorted(str(path) for path in pattern.system.glob(pattern.path))
    # A URL's words before its path: s3://bucket/clips/*.mp4 is bucket/clips/*.mp4 there.
    before = pattern.shown[: len(pattern.shown) - len(pattern.path)] if pattern.shown.endswith(pattern.path) else ""
    return [Place(pattern.system, path, before + path) for path in paths]


def _suffix(name: str) -> str:
    return f".{name.rpartition('.')[2].lower()}" if "." in name else ""
