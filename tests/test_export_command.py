"""`python -m fitter.export`: results in, a folder of labels out, and one sentence with status 2 for what cannot be."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest

from fitter.app.export_command import ExportCommand, export, main, unique_names
from fitter.app.words import read_options
from fitter.evaluate.readers import hands, open_dataset
from fitter.export.diagnostics import save_diagnostics
from fitter.export.labels import FORMATS
from fitter.export.result import RESULT_FILE, save_result
from fitter.export.run_record import RunRecord, save_record
from fitter.export.video import VideoWriter
from tests.conftest import REPOSITORY
from tests.labelled_results import SIZE, make_result


def write_folder(made, folder: Path, video: Path, hand_model: str = "anny") -> Path:
    """A result folder as a fit leaves it, with its clip."""
    folder.mkdir(parents=True)
    with VideoWriter(video, 30.0, SIZE) as file:
        for frame in made.clip.frames():
            file.write(frame)
    save_result(made.result, folder)
    save_diagnostics(made.diagnostics, folder)
    save_record(RunRecord("one", str(video), str(video), ("fit",), "0", 1.0, hand_model), folder)
    return folder


@pytest.fixture
def result(anny, tmp_path) -> Path:
    return write_folder(make_result(anny), tmp_path / "results" / "clip", tmp_path / "clip.mp4")


def run(*words: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "fitter.export", *map(str, words)], capture_output=True, text=True, cwd=REPOSITORY
    )


@pytest.fixture
def refuse(capsys) -> Callable[[list[object]], str]:
    """The one sentence of a command that must end with status 2."""

    def sentence(words: list[object]) -> str:
        assert main([str(word) for word in words]) == 2
        told = capsys.readouterr()
        assert told.err.count("\n") == 1 and told.err.startswith("handfit: ") and told.out == ""
        return told.err

    return sentence


def test_the_command_writes_what_the_reader_reads(result, tmp_path):
    done = run(result, "--format", "freihand", "--output", tmp_path / "labels")
    assert done.returncode == 0, done.stderr
    assert "8 hands written to" in done.stdout and "not present 1" in done.stdout
    assert "clip ..." in done.stderr and "clip: done" in done.stderr  # progress
    assert len(list(hands(open_dataset(tmp_path / "labels")))) == 8


def test_options_reach_the_export(result, tmp_path):
    command = read_options(
        ExportCommand,
        f"{result} --format npz --output {tmp_path / 'labels'} --images frames --min-quality 0 --max-sigma-mm null"
        " --min-agreement-percent 0 --quiet".split(),
        "export",
    )
    export(command)
    gates = json.loads((tmp_path / "labels" / "manifest.json").read_text())["gates"]
    assert gates["min_quality"] == gates["min_agreement_percent"] == 0 and gates["max_sigma_mm"] is None
    assert gates["max_reprojection_percent"] == 5


def test_a_batch_names_its_results_apart(anny, tmp_path):
    folders = [
        write_folder(make_result(anny, sides=(side,)), tmp_path / side / "clip", tmp_path / f"{side}.mp4")
        for side in ("left", "right")
    ]
    output = tmp_path / "labels"
    words = [*map(str, folders), "--format", "coco-wholebody", "--output", str(output), "--quiet"]
    export(read_options(ExportCommand, words, "export"))
    told = json.loads((output / "manifest.json").read_text())
    assert [(source["name"], source["folder"]) for source in told["sources"]] == [
        *(("clip", str(folders[0])), ("clip-2", str(folders[1]))),
    ]
    assert [label["source"] for label in told["labels"]] == [0] * 4 + [1] * 4


def test_the_fitted_mano_file_is_found_by_itself(mano_hand, tmp_path):
    model, file = mano_hand
    folder = write_folder(make_result(model), tmp_path / "clip", tmp_path / "clip.mp4", str(file))
    words = [str(folder), "--format", "freihand", "--output", str(tmp_path / "labels"), "--quiet"]
    export(read_options(ExportCommand, words, "export"))
    assert (tmp_path / "labels" / "training_mano.json").is_file()


def test_an_older_result_is_one_sentence(result, tmp_path, refuse):
    arrays = dict(np.load(result / RESULT_FILE))
    np.savez(result / RESULT_FILE, **{**arrays, "format_version": np.array(1)})
    told = refuse([result, "--format", "npz", "--output", tmp_path / "labels"])
    assert "its format_version is 1" in told and "fit again" in told
    assert not (tmp_path / "labels").exists()


def test_a_truncated_result_is_one_sentence(result, tmp_path, refuse):
    content = (result / RESULT_FILE).read_bytes()
    (result / RESULT_FILE).write_bytes(content[: len(content) // 2])
    assert "damaged" in refuse([result, "--format", "npz", "--output", tmp_path / "labels"])


def test_a_missing_video_is_one_sentence_and_may_be_named(result, tmp_path, refuse):
    (tmp_path / "clip.mp4").rename(tmp_path / "moved.mp4")
    words: list[object] = [result, "--format", "hamer", "--output", tmp_path / "labels"]
    told = refuse(words)
    assert "clip.mp4" in told and "name it with --video" in told and not (tmp_path / "labels").exists()
    given = [*map(str, words), "--quiet"]
    assert main([*given, "--images", "none"]) == 0
    assert main([*given, "--video", str(tmp_path / "moved.mp4"), "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--format", "frihand"], "frihand"),
        (["--format", "ho3d"], "is a fit of anny, and HO-3D cannot do without MANO's parameters"),
        (["--format", "npz", "--image", "crops"], "unknown option --image, did you mean --images?"),
        (["--format", "npz", "--min-quality", "2"], "--min-quality"),
        ([], "--format is missing"),
    ],
    ids=["unknown format", "MANO only", "unknown option", "beyond the range", "no format"],
)
def test_bad_words_are_one_sentence(result, tmp_path, refuse, words, sentence):
    assert sentence in refuse([result, "--output", tmp_path / "labels", *words])
    assert not (tmp_path / "labels").exists()


def test_a_full_folder_is_refused(result, tmp_path, refuse):
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "mine.txt").write_text("dear")
    told = refuse([result, "--format", "npz", "--output", tmp_path / "labels"])
    assert "is not empty" in told and "--overwrite" in told
    assert [path.name for path in (tmp_path / "labels").iterdir()] == ["mine.txt"]


def test_one_video_is_of_one_result(result, tmp_path, refuse):
    words = [result, result, "--format", "npz", "--output", tmp_path / "labels", "--video", tmp_path / "clip.mp4"]
    assert "is the clip of one result, but 2 are given" in refuse(words)


def test_a_result_without_hands_has_no_labels(anny, tmp_path, refuse):
    made = make_result(anny)
    nobody = np.zeros_like(made.result.present)
    emptied = {
        name: np.full_like(getattr(made.result, name), np.nan)
        for name in (
            *("joints_m", "joints_sigma_mm", "quality", "keypoints_px", "vertices_m", "pose", "translation_m"),
        )
    }
    empty = replace(made, result=replace(made.result, present=nobody, observed=nobody, **emptied))
    folder = write_folder(empty, tmp_path / "clip", tmp_path / "clip.mp4")
    assert "no frame passes the gates (not present 10)" in refuse(
        [folder, "--format", "npz", "--output", tmp_path / "labels"]
    )


def test_every_format_can_be_named():
    assert get_args(get_type_hints(ExportCommand)["format"]) == tuple(FORMATS)


def test_names_are_plain_and_different():
    assert unique_names(["a b", "a_b", "a_b", "ü", "x/y"]) == ["a_b", "a_b-2", "a_b-3", "result", "x_y"]


def test_help_is_written(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    for word in ("--min-quality", "--max-sigma-mm", "coco-wholebody", "--overwrite", "RESULT"):
        assert word in told
