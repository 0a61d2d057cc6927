"""Results reach other storage as a whole, their mark last; what the storage refuses is one sentence."""

from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from fitter.app.batch_storage import Place, fetch, is_url, place_of, put_file, put_folder, read_bytes
from fitter.errors import HandfitError, InputError


class Watched(MemoryFileSystem):
    """A bucket that remembers in which order files came and went, and refuses some."""

    store: dict = {}
    pseudo_dirs: list = [""]
    events: list[str]
    refuse = ""

    def put_file(self, lpath: str, rpath: str, *more, **options) -> None:
        if self.refuse and self.refuse in rpath:
            raise OSError("quota exceeded")
        self.events.append(f"put {rpath}")
        super().put_file(lpath, rpath, *more, **options)

    def rm_file(self, path: str) -> None:
        self.events.append(f"remove {path}")
        super().rm_file(path)


@pytest.fixture
def bucket() -> Place:
    system = Watched(skip_instance_cache=True)
    system.store.clear()
    system.events = []
    return Place(system, "/results/clip", "memory://results/clip")


@pytest.fixture
def result(tmp_path: Path) -> Path:
    folder = tmp_path / "result"
    (folder / "meshes").mkdir(parents=True)
    for name in ("run.json", "a.npz", "meshes/right.glb", "z.txt"):
        (folder / name).write_text(name)
    return folder


def test_the_mark_arrives_last_and_goes_first(bucket: Place, result: Path) -> None:
    system = bucket.system
    assert isinstance(system, Watched)
    put_folder(result, bucket, last="run.json")
    assert system.events[-1] == "put /results/clip/run.json" and len(system.events) == 4
    system.events.clear()
    (result / "z.txt").unlink()
    put_folder(result, bucket, last="run.json")
    assert system.events[:2] == ["remove /results/clip/run.json", "remove /results/clip/z.txt"]
    assert system.events[-1] == "put /results/clip/run.json"
    assert sorted(system.find("/results")) == [f"/results/clip/{n}" for n in ("a.npz", "meshes/right.glb", "run.json")]


def test_a_copy_that_breaks_off_leaves_no_mark(bucket: Place, result: Path) -> None:
    system = bucket.system
    assert isinstance(system, Watched)
    put_folder(result, bucket, last="run.json")
    system.refuse = "a.npz"
    with pytest.raises(HandfitError, match="memory://results/clip: the storage failed .*quota exceeded"):
        put_folder(result, bucket, last="run.json")
    assert not system.exists("/results/clip/run.json")


def test_on_a_file_system_files_appear_under_their_name_when_they_are_whole(tmp_path: Path, result: Path) -> None:
    target = place_of(f"file://{tmp_path}/far%20away/clip")
    assert target.path == f"{tmp_path}/far away/clip" and target.local == Path(target.path)
    put_folder(result, target, last="run.json")
    there = sorted(path.relative_to(target.path).as_posix() for path in Path(target.path).rglob("*") if path.is_file())
    assert there == ["a.npz", "meshes/right.glb", "run.json", "z.txt"]
    (result / "a.npz").write_text("new")
    put_file(result / "a.npz", target.below("a.npz"))
    assert (Path(target.path) / "a.npz").read_text() == "new"


def test_files_and_folders_are_fetched(tmp_path: Path, result: Path, bucket: Place) -> None:
    put_folder(result, bucket, last="run.json")
    assert fetch(bucket.below("a.npz"), tmp_path / "in" / "a.npz").read_text() == "a.npz"
    assert (fetch(bucket, tmp_path / "in" / "clip") / "meshes" / "right.glb").read_text() == "meshes/right.glb"
    assert read_bytes(bucket.below("a.npz"), 3) == b"a.n"
    assert read_bytes(bucket.below("nothing"), 3) is None
    with pytest.raises(InputError, match="memory://results/clip/nothing does not exist"):
        fetch(bucket.below("nothing"), tmp_path / "x")


@pytest.mark.parametrize(("text", "is_one"), [("s3://b/c", True), ("clips/a.mp4", False), ("file:///a", False)])
def test_what_is_a_url(text: str, is_one: bool) -> None:
    assert is_url(text) == is_one


def test_storage_that_is_not_known_is_the_inputs_fault() -> None:
    with pytest.raises(InputError, match="nowhere://b/c: no storage of this kind is known to fsspec"):
        place_of("nowhere://b/c")


def test_storage_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec, "url_to_fs", missing)
    with pytest.raises(InputError, match="s3://b/c: Install s3fs to access S3"):
        place_of("s3://b/c")


def test_refused_access_is_not_worth_another_try(bucket: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bool:
        raise PermissionError("no credentials")

    monkeypatch.setattr(bucket.system, "exists", refuse)
    with pytest.raises(InputError, match="access is refused"):
        read_bytes(bucket, 1)
