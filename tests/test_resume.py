"""`--resume`: a complete result of the very same run is left alone, and everything else is fitted again."""

from dataclasses import fields, replace
from pathlib import Path

import pytest

from fitter.app.options import Command
from fitter.app.resume import NOT_OF_THE_RESULT, identity, is_complete, mark_unfinished
from fitter.clip import open_clip
from fitter.config import Config, Export
from fitter.export.run_record import RUN_FILE, RunRecord
from fitter.hand import HandModel
from fitter.initialise.settings import Initialise
from tests.short_clip import ShortClip, run


@pytest.fixture(scope="module")
def clip(anny: HandModel, tmp_path_factory: pytest.TempPathFactory) -> ShortClip:
    return ShortClip.make(anny, tmp_path_factory.mktemp("clip"))


def written_at(folder: Path) -> int:
    return (folder / "result.npz").stat().st_mtime_ns


def test_a_complete_result_is_kept_and_another_run_is_not(clip: ShortClip, tmp_path: Path) -> None:
    assert run(clip.words(tmp_path)) == 0
    first = written_at(tmp_path)
    assert run(clip.words(tmp_path, "--resume")) == 0
    assert written_at(tmp_path) == first
    assert run(clip.words(tmp_path, "--resume", "--hand-length-mm", "190")) == 0
    assert written_at(tmp_path) > first


def test_without_resume_the_fit_is_made_again(clip: ShortClip, tmp_path: Path) -> None:
    assert run(clip.words(tmp_path)) == 0
    first = written_at(tmp_path)
    assert run(clip.words(tmp_path)) == 0
    assert written_at(tmp_path) > first


def test_a_run_that_died_is_not_complete(clip: ShortClip, tmp_path: Path) -> None:
    assert run(clip.words(tmp_path)) == 0
    mark_unfinished(tmp_path)
    first = written_at(tmp_path)
    assert run(clip.words(tmp_path, "--resume")) == 0
    assert written_at(tmp_path) > first


def test_a_damaged_result_is_not_complete(clip: ShortClip, tmp_path: Path) -> None:
    assert run(clip.words(tmp_path)) == 0
    known = RunRecord.load(tmp_path).identity
    assert is_complete(tmp_path, known)
    (tmp_path / "result.npz").write_bytes((tmp_path / "result.npz").read_bytes()[:1000])
    assert not is_complete(tmp_path, known)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"identity": 3}'])
def test_a_damaged_mark_is_not_complete(text: str, clip: ShortClip, tmp_path: Path) -> None:
    assert run(clip.words(tmp_path)) == 0
    (tmp_path / RUN_FILE).write_text(text)
    assert not is_complete(tmp_path, "a" * 64)


def test_the_identity_changes_with_all_that_changes_the_result(clip: ShortClip, tmp_path: Path) -> None:
    video = open_clip(clip.video)
    command = Command(input=str(clip.video), keypoints=clip.keypoints)
    for cue in ("masks", "depth"):
        (tmp_path / cue).mkdir()
        (tmp_path / cue / "0.png").write_bytes(b"the same bytes")
    known = replace(command, masks=tmp_path / "masks")
    moved = tmp_path / "keypoints.npz"
    moved.write_bytes(clip.keypoints.read_bytes() + b"x")
    same = identity(command, Config(), video)
    assert identity(replace(command, quiet=True), Config(), video) == same
    network = tmp_path / "network.pt"
    network.write_bytes(b"trained once")
    learned = Config(initialise=Initialise(network=str(network)))
    different = [
        identity(replace(command, hand="left"), Config(), video),
        identity(replace(command, same_person=True), Config(), video),
        identity(command, learned, video),
        identity(replace(command, keypoints=moved), Config(), video),
        identity(command, Config(export=Export(mesh_per_frame=True)), video),
        identity(known, Config(), video),
        identity(replace(command, depth=tmp_path / "depth"), Config(), video),
    ]
    network.write_bytes(b"trained again")
    different.append(identity(command, learned, video))
    (tmp_path / "masks" / "0.png").write_bytes(b"other bytes")
    different.append(identity(known, Config(), video))
    assert len({same, *different}) == 1 + len(different)


def test_every_option_changes_the_identity_but_those_of_output_and_input_files(clip: ShortClip) -> None:
    video = open_clip(clip.video)
    standard = Command(input=str(clip.video))
    changed = {"hand": "left", "hand_model": "mano.npz", "hand_length_mm": 180.0, "intrinsics": "1,1,1,1"}
    changed |= {"device": "cuda", "initial": "neutral", "same_person": True}
    same = identity(standard, Config(), video)
    for field in fields(Command):
        options = replace(standard, **{field.name: changed.get(field.name, getattr(standard, field.name))})
        assert (identity(options, Config(), video) != same) == (field.name in changed)
    by_content = {"input", "keypoints", "masks", "depth", "joints", "vertices", "cameras"}
    assert {field.name for field in fields(Command)} == {*changed, *by_content, *NOT_OF_THE_RESULT}
