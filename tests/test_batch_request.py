"""The words of a batch, divided between the batch and the fits, and the jobs they make."""

from pathlib import Path

import pytest

from fitter.app.batch_command import read
from fitter.app.batch_request import jobs_of
from fitter.errors import InputError


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4", "b.keypoints.npz"):
        (folder / name).write_bytes(b"x")
    return folder


def test_options_go_where_they_belong(clips: Path, tmp_path: Path) -> None:
    words = [str(clips), "--hand", "left", "--workers", "3", "--energy.keypoints.sigma-px", "5", "--cpus-per-clip=2"]
    request = read([*words, "--output", str(tmp_path / "out"), "--min-free-gb", "0"])
    assert (request.batch.workers, request.batch.cpus_per_clip, request.batch.retries) == (3, 2.0, 2)
    first, second = jobs_of(request)
    assert first.request.command.hand == "left" and first.request.config.energy.keypoints is not None
    assert first.request.config.energy.keypoints.sigma_px == 5.0
    assert first.request.command.resume and first.request.command.quiet
    assert (first.name, first.source, first.root) == ("a", f"{clips}/a.mp4", f"{tmp_path}/out")
    assert first.scratch is None and first.sides == ()
    assert second.sides == (("keypoints", f"{clips}/b.keypoints.npz"),)
    assert second.request.words[-2:] == ("--hand=left", "--energy.keypoints.sigma-px=5")


def test_a_clips_own_options_replace_those_for_all(clips: Path, tmp_path: Path) -> None:
    lines = "a.mp4\nb.mp4\t--hand right --keypoints 'my keypoints.npz' --hand-length-mm 190"
    (clips / "list.txt").write_text(lines)
    first, second = jobs_of(read([str(clips / "list.txt"), "--output", str(tmp_path), "--hand", "left"]))
    assert (first.request.command.hand, second.request.command.hand) == ("left", "right")
    assert second.request.command.hand_length_mm == 190.0 and first.request.command.hand_length_mm is None
    assert second.request.command.keypoints == Path("my keypoints.npz") and second.sides == ()


def test_results_elsewhere_are_made_in_a_scratch_folder(clips: Path, tmp_path: Path) -> None:
    words = [str(clips), "--scratch", str(tmp_path)]
    for where in (["--output", "memory://results"], ["--output", str(tmp_path), "--address", "ray://head:10001"]):
        scratch = jobs_of(read([*words, *where]))[0].scratch
        assert scratch is not None and scratch.parent == tmp_path


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "CLIPS is missing, expected one or more of text"),
        (["{clips}"], "--output is missing"),
        (["{clips}", "--output", "o", "--hnad", "left"], r"unknown option --hnad, did you mean --hand\?"),
        (["{clips}", "--output", "o", "--hand", "up"], "--hand: expected"),
        (["{clips}", "--output", "o", "--hand", "left", "--hand", "right"], "--hand is given twice"),
        (["{clips}", "--output", "o", "--workers", "0"], "--workers: expected"),
        (["{clips}", "--output", "o", "--workers", "two"], "--workers: expected"),
        (["{clips}", "--output", "o", "--keypoints", "k.npz"], "--keypoints is of one clip: name it after the clip"),
        (["{clips}", "--output", "o", "--gpus-per-clip", "0.5"], "--gpus-per-clip is only for --device cuda"),
        (["{clips}", "--output", "o", "--energy.keypionts.sigma-px", "5"], "keypionts"),
        (["{clips}", "--output", "o", "--config", "nowhere.yaml"], "nowhere.yaml"),
        (
            ["x", "--output", "o", "--device", "cuda", "--address", "ray://h:1", "--gpus-per-clip", "1.5"],
            "--gpus-per-clip 1.5: expected a whole number or a fraction of one GPU",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(clips: Path, words: list[str], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        read([word.format(clips=clips) for word in words])


@pytest.mark.parametrize("options", ["--output x", "--nonsense", "--hand up"])
def test_a_list_with_wrong_options_is_refused_before_the_work(clips: Path, options: str) -> None:
    (clips / "list.txt").write_text(f"a.mp4\t{options}")
    with pytest.raises(InputError):
        jobs_of(read([str(clips / "list.txt"), "--output", "o"]))


def test_neutral_starts_may_be_asked_for_all(clips: Path) -> None:
    job = jobs_of(read([str(clips), "--output", "o", "--initial", "neutral"]))[0]
    assert job.request.command.initial == "neutral"


def test_help_tells_both_kinds_of_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        read(["--help"])
    told = capsys.readouterr().out
    assert end.value.code == 0 and "--address" in told and "fit_sequence.py" in told
