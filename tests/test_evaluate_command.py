"""`python -m fitter.evaluate` on results: the independent scorer's figures, tables, and one sentence for bad input."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fitter.app.command import run_command
from fitter.app.evaluate_command import Evaluate, evaluate, read
from fitter.errors import InputError
from fitter.export.result import FORMAT_VERSION, FitResult, save_result
from fitter.export.texture import write_png
from tests.conftest import REPOSITORY
from tests.short_clip import write_video
from tests.test_compare import fit_of
from tests.test_find_truth import annotations, write_synthetic
from tests.test_metrics import clip, rotation

CLIPS = {"65 108": (65, 108), "204 236": (204, 236)}


def run(words: str) -> int:
    """The command's exit status; it runs in this process."""
    return run_command(read, evaluate, words.split())


def saved(folder: Path, result: FitResult) -> Path:
    folder.mkdir()
    save_result(result, folder)
    return folder


def rows_of(folder: Path) -> list[dict]:
    return json.loads((folder / "scores.json").read_text())["rows"]


def noisy_fit(joints_m: np.ndarray, pixels: np.ndarray, seed: int) -> FitResult:
    """Joints 12 mm from these, turned and too small, a few frames without the hand; pixels 5 px off."""
    rng = np.random.default_rng(seed)
    turned = (joints_m - joints_m.mean(1, keepdims=True)) @ rotation(seed).T * 0.93 + joints_m.mean(1, keepdims=True)
    present = rng.random(len(joints_m)) > 0.15
    result = fit_of(turned + rng.normal(scale=0.008, size=joints_m.shape), present=present)
    shifted = (pixels + rng.normal(scale=4.0, size=pixels.shape)).astype(np.float32)
    shifted[~present] = np.nan
    return replace(result, keypoints_px=shifted[None])


@pytest.mark.filterwarnings("ignore:`trapz` is deprecated:DeprecationWarning")
def test_the_independent_scorers_figures(shared, tmp_path):
    """On the real annotations, of fits that leave nothing perfect; score.py is run as its own program."""
    file = shared / "data" / "graph_cnn_real" / "annotations.json"
    frames = json.loads(file.read_text())["frames"]
    for seed, (words, (first, last)) in enumerate(CLIPS.items()):
        known = [frame for frame in frames if first <= frame["frame"] <= last]
        joints, pixels = (np.array([f[key] for f in known]) for key in ("joints_3d_m_cam", "keypoints_2d_full_frame"))
        folder = saved(tmp_path / f"fit{seed}", noisy_fit(joints, pixels, seed))
        theirs = tmp_path / f"theirs{seed}.json"
        script = [sys.executable, str(shared / "eval" / "score.py"), str(folder / "result.npz"), str(file)]
        subprocess.run([*script, "--frames", *words.split(), "--json", str(theirs)], check=True, capture_output=True)
        assert run(f"{folder} --truth {file} --frames {words} --output {tmp_path / f'ours{seed}'} --quiet") == 0
        (ours,) = rows_of(tmp_path / f"ours{seed}")
        expected = json.loads(theirs.read_text())
        assert len(expected) == 8 and expected["pa_mpjpe_mm"] > 5 and 0.5 < expected["detected"] < 1
        for name, value in expected.items():
            assert ours[name] == pytest.approx(value, rel=0, abs=1e-6), name


def test_several_results_with_frames_of_their_own_and_their_mean(tmp_path, capsys):
    truth = np.array([frame["joints_3d_m_cam"] for frame in annotations()["frames"]])
    (tmp_path / "truth.json").write_text(json.dumps(annotations()))
    one = saved(tmp_path / "one", fit_of(truth[:2] + [0, 0, 0.01]))
    other = saved(tmp_path / "other", fit_of(truth[1:3] + [0, 0, 0.02]))
    words = f"{one} {other} --truth {tmp_path / 'truth.json'} --frames 3 4 4 5 --output {tmp_path / 'out'}"
    assert run(words) == 0
    rows = rows_of(tmp_path / "out")
    assert [row["name"] for row in rows] == ["one", "other", "mean"]
    assert [row["absolute_mpjpe_mm"] for row in rows] == pytest.approx([10, 20, 15], rel=1e-4)
    assert rows[2]["frames"] == 4
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *(f"scores.{suffix}" for suffix in ("md", "csv", "json")),
        *(f"pck_{kind}.{suffix}" for kind in ("aligned", "root") for suffix in ("png", "svg")),
    }
    shown = capsys.readouterr().out
    assert "PA-MPJPE mm" in shown and "mean" in shown and "written to" in shown


def test_the_truth_beside_a_result_and_results_without_any(tmp_path):
    arrays = write_synthetic(tmp_path / "truth.npz", side=np.array("left"))
    with_truth = saved(tmp_path / "clip", fit_of(arrays["joints_m"]))
    (tmp_path / "truth.npz").rename(with_truth / "truth.npz")
    (tmp_path / "elsewhere").mkdir()
    without = saved(tmp_path / "elsewhere" / "clip", fit_of(clip(12)))
    assert run(f"{with_truth} {without / 'result.npz'} --output {tmp_path / 'out'} --quiet") == 0
    first, second, _ = rows_of(tmp_path / "out")
    assert (first["name"], second["name"]) == ("clip #1", "clip #2")
    assert first["mpjpe_mm"] < 1e-3 and first["f_15"] is not None and first["pa_mpvpe_mm"] is None
    measured = {name for name, value in second.items() if value is not None} - {"name", "note"}
    assert measured == {"jitter_px", "bone_std_percent"}


def test_both_hands_have_rows_and_a_hand_that_was_missed_is_not_detected(tmp_path):
    joints = clip(1)[0]
    hands = [{"hand_side": side, "joints_3d_m_cam": joints.tolist()} for side in ("left", "right")]
    (tmp_path / "truth.json").write_text(json.dumps({"schema": "realhand-v1", "hands": hands}))
    folder = saved(tmp_path / "clip", fit_of(joints[None]))
    assert run(f"{folder} --truth {tmp_path / 'truth.json'} --output {tmp_path / 'out'} --quiet") == 0
    assert [(row["name"], row["detected"]) for row in rows_of(tmp_path / "out")] == [
        *(("clip (left)", 1.0), ("clip (right)", 0.0), ("mean", 0.5))
    ]


def test_why_there_is_no_psnr_is_said(tmp_path, capsys):
    """A hand that wears something, whose clip is not to be found, or is another one."""
    lit = replace(fit_of(clip(3)), lighting=np.ones((1, 1, 9, 3), dtype=np.float32))
    folder = saved(tmp_path / "clip", lit)
    write_png(folder / "texture_left.png", np.full((8, 8, 3), 200, dtype=np.uint8))
    assert run(f"{folder} --output {tmp_path / 'out'} --quiet") == 0
    (row,) = rows_of(tmp_path / "out")
    assert row["psnr_db"] is None and row["note"].startswith("no PSNR: ") and "name it with --video" in row["note"]
    video = write_video(tmp_path / "other.mp4", 5)
    assert run(f"{folder} --video {video}") == 2
    said = capsys.readouterr().err
    assert "other: it has 5 frames of 320x240, expected the 3 frames of 1280x720" in said and said.count("\n") == 1


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with good and bad results and truths, which is also the working directory."""
    truth = np.array([frame["joints_3d_m_cam"] for frame in annotations()["frames"]])
    saved(tmp_path / "good", fit_of(truth))
    saved(tmp_path / "right", replace(fit_of(truth), side=("right",)))
    old = saved(tmp_path / "old", fit_of(truth)) / "result.npz"
    with np.load(old) as arrays:
        np.savez(old, **dict(arrays) | {"format_version": np.array(FORMAT_VERSION - 1)})  # pyright: ignore[reportArgumentType]
    cut = saved(tmp_path / "cut", fit_of(truth)) / "result.npz"
    cut.write_bytes(cut.read_bytes()[:1000])
    (tmp_path / "empty").mkdir()
    (tmp_path / "truth.json").write_text(json.dumps(annotations()))
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "note.txt").write_text("a note")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("", "RESULT is missing, expected one or more folders of results, or --dataset (--help explains)"),
        ("none", "none: no such folder, expected the folder that a fit has written"),
        ("empty", "empty/result.npz: cannot be read"),
        ("old", f"old/result.npz: its format_version is {FORMAT_VERSION - 1}, this handfit reads {FORMAT_VERSION}"),
        ("cut", "cut/result.npz: damaged"),
        ("good --truth none.json", "none.json cannot be read"),
        ("good --truth broken.json", "broken.json is no valid JSON"),
        ("good --truth note.txt", "note.txt: unknown kind of truth, expected annotations in JSON"),
        ("good --truth truth.json --frames 3 4", "truth.json: 2 frames, but the result has 4: expected as many"),
        (
            "good --truth truth.json --frames 4 3",
            "--frames 4 3: truth.json has frames 3 to 7, expected FIRST LAST among",
        ),
        ("good --truth truth.json --frames 3 6", "--frames 3 6: truth.json has frames 3 to 7 without 6, expected"),
        (
            "good --truth truth.json --frames 3",
            "--frames: expected FIRST LAST, one pair for all results or one for each",
        ),
        ("good --frames 3 4", "--frames are numbers of a truth's frames, expected --truth beside them"),
        ("good right --truth truth.json", "right: has a right hand, but truth.json a left one: no truth for it"),
        ("good good good --truth a b", "--truth: 2 for 3 results, expected one for all or one for each"),
        ("good --dataset empty", "RESULT is not for --dataset"),
        ("good --submission ho3d", "--submission is only for --dataset"),
        ("good good --video a.mp4", "--video: expected one result beside it"),
        ("good --output note.txt", "note.txt"),
        ("--dataset none", "none is no folder: expected that of a data set"),
        ("--dataset empty", "empty holds no data set of a known layout: expected FreiHAND"),
        ("--dataset empty --split test", "--split: expected one of training, evaluation, got 'test'"),
        ("good --trth truth.json", "unknown option --trth, did you mean --truth?"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(bench, capsys, words, sentence):
    assert run(words) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and said.err.startswith(f"handfit: {sentence}")


def test_options_that_are_defaults_may_stand_beside_either(bench):
    assert read("good --split evaluation".split()) == Evaluate(results=(Path("good"),))
    with pytest.raises(InputError, match="--hand-model is only for --dataset"):
        read("good --hand-model mano".split())


def test_it_is_a_program(bench):
    command = [sys.executable, "-m", "fitter.evaluate", "good", "--truth", "truth.json"]
    done = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(REPOSITORY)}, cwd=bench)
    assert done.returncode == 0 and done.stderr == "" and "PA-MPJPE mm" in done.stdout
