"""Words of the command line become clips, each once and under a name of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from fitter.app.batch_clips import find_clips, plain_name
from fitter.errors import InputError


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    return folder


def names(*words: object) -> list[str]:
    return [clip.name for clip in find_clips([str(word) for word in words])]


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    system = fsspec.filesystem("memory")
    yield system
    for name in system.find("/"):
        system.rm_file(name)


def test_a_folder_stands_for_its_videos(tmp_path: Path) -> None:
    touch(tmp_path, "b.mp4", "a.MOV", "notes.txt", "a.keypoints.npz", ".hidden.mp4", "deeper/c.mp4")
    assert names(tmp_path) == ["a", "b"]


def test_a_folder_of_images_is_one_clip_and_a_folder_of_such_folders_is_all_of_them(tmp_path: Path) -> None:
    touch(tmp_path, "wave/1.png", "wave/2.png", "fist/1.jpg", "fist.masks/1.png", "empty/readme.md")
    assert names(tmp_path / "wave") == ["wave"]
    assert names(tmp_path) == ["fist", "wave"]


def test_a_folder_without_clips_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a folder without videos or images, expected clips"):
        find_clips([str(tmp_path)])


def test_a_pattern_matches_clips_only(tmp_path: Path) -> None:
    touch(tmp_path, "x/a.mp4", "x/a.keypoints.npz", "y/b.mp4", "y/frames/1.png", "y/frames.depth/1.png")
    assert names(f"{tmp_path}/**/*") == ["a", "b", "frames"]
    assert names(f"{tmp_path}/?/a*") == ["a"]
    with pytest.raises(InputError, match="no clip matches"):
        find_clips([f"{tmp_path}/*.avi"])


def test_a_file_whose_name_looks_like_a_pattern_or_a_chain_is_a_file(tmp_path: Path) -> None:
    touch(tmp_path, "a[1].mp4", "what?.mp4", "zip::b.mp4")
    assert names(*(tmp_path / name for name in ("a[1].mp4", "what?.mp4", "zip::b.mp4"))) == ["a[1]", "what_", "zip_b"]


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere.mp4 does not exist: expected a clip"):
        find_clips([str(tmp_path / "nowhere.mp4")])


def test_a_list_has_a_clip_per_line_from_its_own_folder_with_options_behind_a_tab(tmp_path: Path) -> None:
    touch(tmp_path, "clips/a.mp4", "clips/two words.mp4", "c.mp4")
    lines = ["# comment", "a.mp4", "", "two words.mp4\t--hand left --hand-length-mm 190", str(tmp_path / "c.mp4")]
    (tmp_path / "clips" / "list.txt").write_text("\ufeff" + "\r\n".join([*lines, "missing.mp4", "s3x://b/d.mp4"]))
    with pytest.raises(InputError, match="s3x://b/d.mp4: no storage of this kind is known"):
        find_clips([str(tmp_path / "clips" / "list.txt")])
    (tmp_path / "clips" / "list.txt").write_text("\ufeff" + "\r\n".join([*lines, "missing.mp4"]))
    clips = find_clips([str(tmp_path / "clips" / "list.txt")])
    assert [clip.name for clip in clips] == ["c", "a", "missing", "two words"]
    assert clips[3].options == ("--hand", "left", "--hand-length-mm", "190")
    assert clips[1].source == str(tmp_path / "clips" / "a.mp4")


@pytest.mark.parametrize(("content", "sentence"), [(b"\xff\xfe\x00", "not a text in UTF-8"), (b"a\t'", "line 1: ")])
def test_a_list_that_is_none(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        find_clips([str(tmp_path / "list.txt")])


def test_no_clip_is_taken_twice_however_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a.mp4", "b.mp4")
    monkeypatch.chdir(tmp_path)
    assert names("a.mp4", tmp_path, "./a.mp4", "*.mp4", f"file://{tmp_path}/a.mp4") == ["a", "b"]


def test_clips_of_one_name_are_told_apart_the_same_way_in_any_company(tmp_path: Path) -> None:
    touch(tmp_path, "x/clip.mp4", "y/clip.mp4", "z/Clip.mov", "z/other.mp4", "batch.csv.mp4")
    three = names(tmp_path / "x", tmp_path / "y", tmp_path / "z")
    assert len(set(three)) == 4 and three[3] == "other"
    assert [name.casefold().rpartition("-")[0] for name in three[:3]] == ["clip"] * 3
    assert names(tmp_path / "y", tmp_path / "x") == three[:2]
    assert names(tmp_path / "y") == ["clip"]
    assert names(tmp_path / "batch.csv.mp4")[0].startswith("batch.csv-"), "the table's own name is taken"


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("wave.mp4", "wave"),
        ("v1.2 take 3.mov", "v1.2 take 3"),
        ("Grüße \u0301e.mp4", "Grüße ́e"),
        ("手.mp4", "手"),
        ("..mp4", "clip"),
        ("=cmd().mp4", "cmd()"),
        ("a:b\n.mp4", "a_b_"),
        ("x" * 300 + ".mp4", "x" * 100),
    ],
)
def test_a_folders_name_is_one_that_every_file_system_takes(file: str, name: str) -> None:
    assert plain_name(file) == name


def test_files_beside_a_clip_belong_to_it(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "a.keypoints.npz", "a.masks/0.png", "b.mp4", "b.keypoints.json", "ab.keypoints.npz")
    first, second = find_clips([str(tmp_path)])
    assert dict(first.sides) == {"keypoints": f"{tmp_path}/a.keypoints.npz", "masks": f"{tmp_path}/a.masks"}
    assert dict(second.sides) == {"keypoints": f"{tmp_path}/b.keypoints.json"}
    assert find_clips([str(tmp_path)], ["depth"])[0].sides == ()


def test_links_are_followed(tmp_path: Path) -> None:
    touch(tmp_path, "real/a.mp4", "images/1.png")
    (tmp_path / "clips").mkdir()
    os.symlink(tmp_path / "real" / "a.mp4", tmp_path / "clips" / "linked.mp4")
    assert names(tmp_path / "clips") == ["linked"]
    (tmp_path / "more").mkdir()
    os.symlink(tmp_path / "images", tmp_path / "more" / "images")
    assert names(tmp_path / "more") == ["images"]


def test_the_demo_is_a_clip_unless_a_file_has_its_name() -> None:
    assert [(clip.source, clip.name) for clip in find_clips(["demo"])] == [("demo", "demo")]


def test_urls_are_folders_patterns_and_lists_too(memory: fsspec.AbstractFileSystem) -> None:
    for name in ("/c/a.mp4", "/c/a.keypoints.npz", "/c/b.mp4", "/images/1.png"):
        memory.pipe_file(name, b"x")
    memory.pipe_file("/c/list.txt", b"a.mp4\nmemory://images")
    in_folder = find_clips(["memory://c"])
    assert [clip.source for clip in in_folder] == ["memory://c/a.mp4", "memory://c/b.mp4"]
    assert dict(in_folder[0].sides) == {"keypoints": "memory://c/a.keypoints.npz"}
    assert [clip.source for clip in find_clips(["memory://c/*.mp4"])] == [clip.source for clip in in_folder]
    assert sorted(names("memory://c/list.txt")) == ["a", "images"]
