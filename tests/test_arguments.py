"""Options fill `Command`, dotted keys change the configuration, and every mistake is one sentence."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import cast

import pytest

from fitter.app.arguments import OPTIONS, Request, parse_arguments
from fitter.app.options import DEFAULT_CONFIG, Command
from fitter.config import Config, load_config, to_mapping
from fitter.errors import InputError


def test_the_input_alone_takes_all_defaults() -> None:
    assert parse_arguments(["clip.mp4"]) == Request(Command(input="clip.mp4"), load_config(DEFAULT_CONFIG))


def test_every_option_of_the_contract_arrives_typed() -> None:
    words = (
        "clips/a.mp4 --output out --keypoints dets.npz --masks masks --intrinsics 900,901,640,360 --hand left "
        "--hand-model MANO_RIGHT.pkl --hand-length-mm 185 --device cpu --resume --quiet"
    )
    assert parse_arguments(words.split()).command == Command(
        input="clips/a.mp4",
        output=Path("out"),
        keypoints=Path("dets.npz"),
        masks=Path("masks"),
        intrinsics="900,901,640,360",
        hand="left",
        hand_model="MANO_RIGHT.pkl",
        hand_length_mm=185.0,
        device="cpu",
        resume=True,
        quiet=True,
    )


def test_texts_that_look_like_numbers_stay_texts() -> None:
    command = parse_arguments(["123", "--output", "2024", "--intrinsics=1,2,3,4", "--keypoints", "null"]).command
    assert (command.input, command.output, command.keypoints) == ("123", Path("2024"), Path("null"))
    assert command.intrinsics == "1,2,3,4"


@pytest.mark.parametrize(
    ("source", "folder"),
    [("a/clip.v2.mp4", "clip.v2"), ("frames/", "frames"), ("demo", "demo"), ("/", "clip")],
)
def test_the_output_folder_has_the_inputs_name(source: str, folder: str) -> None:
    assert parse_arguments([source]).command.output_folder == Path("results") / folder


@pytest.mark.parametrize("style", ["--{key} {value}", "--{key}={value}"])
@pytest.mark.parametrize("dash", ["-", "_"])
def test_keys_with_dashes_or_underscores_change_the_configuration(style: str, dash: str) -> None:
    words = style.format(key="energy.keypoints.sigma_px".replace("_", dash), value=3.5).split()
    keypoints = parse_arguments(["clip.mp4", *words]).config.energy.keypoints
    assert keypoints is not None and keypoints.sigma_px == 3.5


def test_keys_go_on_top_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("energy: {keypoints: null}")
    words = ["clip.mp4", "--config", str(tmp_path / "x.yaml")]
    assert parse_arguments(words).config.energy.keypoints is None
    on_again = parse_arguments([*words, "--energy.keypoints.sigma-px", "7"]).config
    assert on_again.energy.keypoints is not None and on_again.energy.keypoints.sigma_px == 7.0


def test_null_switches_a_term_off() -> None:
    assert parse_arguments(["clip.mp4", "--energy.keypoints", "null"]).config.energy.keypoints is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "INPUT is missing: expected a video file, a folder of images, or demo (--help explains)"),
        ("--hand left", "INPUT is missing: expected a video file, a folder of images, or demo (--help explains)"),
        ("a.mp4 b.mp4", "b.mp4: expected one INPUT only"),
        ("a.mp4 --outptu x", "unknown option --outptu, did you mean --output?"),
        ("a.mp4 --hand_modle x", "unknown option --hand_modle, did you mean --hand-model?"),
        ("a.mp4 --sigma-px 3", "unknown option --sigma-px, did you mean --energy.keypoints.sigma-px?"),
        ("a.mp4 --qqqq", "unknown option --qqqq (--help lists them)"),
        ("a.mp4 -o x", "unknown option -o (--help lists them)"),
        ("a.mp4 --input x", "unknown option --input (--help lists them)"),
        ("a.mp4 --output", "--output: expected a value"),
        ("a.mp4 --output=", "--output: expected a value"),
        ("a.mp4 --output --quiet", "--output: expected a value, got the option --quiet"),
        ("a.mp4 --quiet=yes", "--quiet: takes no value, got 'yes'"),
        ("a.mp4 --hand left --hand right", "--hand is given twice"),
        ("a.mp4 --hand leftt", "--hand: expected one of auto, left, right, both, got 'leftt'"),
        ("a.mp4 --device tpu", "--device: expected one of auto, cpu, cuda, got 'tpu'"),
        ("a.mp4 --hand-length-mm long",
         "--hand-length-mm: expected a number from 50 to 320 or null (millimetres), got 'long'"),
        ("a.mp4 --hand-length-mm -3",
         "--hand-length-mm: expected a number from 50 to 320 or null (millimetres), got -3"),
        ("a.mp4 --config absent.yaml",
         "absent.yaml: cannot be read (No such file or directory), expected a YAML configuration"),
        ("a.mp4 --energy.keypoints.sigma-pxx 3",
         "command line: energy.keypoints.sigma_pxx: unknown key, did you mean sigma_px?"),
        ("a.mp4 --enrgy.keypoints.sigma-px 3", "command line: enrgy: unknown key, did you mean energy?"),
        ("a.mp4 --energy.keypoints.sigma-px.x 3",
         "command line: energy.keypoints.sigma_px.x: unknown key, what stands before x is a value"),
        ("a.mp4 --energy.keypoints.sigma-px [1", "--energy.keypoints.sigma-px: line 1, column 3: expected ',' or ']', "
         "but got '<stream end>'"),
        ("a.mp4 --energy.keypoints.sigma-px", "--energy.keypoints.sigma-px: expected a value"),
        ("a.mp4 --energy 3", "command line: energy: expected a section with keys, got 3"),
    ],
)  # fmt: skip
def test_every_mistake_is_one_sentence(words: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_arguments(words.split())
    assert str(caught.value) == message


def test_a_wrong_value_names_key_expectation_and_value() -> None:
    with pytest.raises(
        InputError, match=r"^command line: energy\.keypoints\.sigma_px: expected .*\(pixels\), got 'four'$"
    ):
        parse_arguments(["a.mp4", "--energy.keypoints.sigma-px", "four"])


def test_no_option_has_the_name_of_a_section() -> None:
    """Else `--name` could mean both."""
    assert not {field.name for field in fields(Config)} & set(OPTIONS)


def _help(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as caught:
        parse_arguments(["--help"])
    assert caught.value.code == 0
    return capsys.readouterr().out


def test_help_lists_every_option_and_every_number_of_the_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    text = _help(capsys)
    listed = set(re.findall(r"--[a-z][-a-z0-9_.]*", text))
    assert {f"--{name.replace('_', '-')}" for name in OPTIONS if name != "input"} <= listed
    assert "--energy.keypoints.sigma-px" in listed
    assert "INPUT" in text and "Exit status" in text


def test_every_key_in_the_help_is_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    """tyro lists the keys, this package reads them: the two must agree."""
    keys = [name for name in re.findall(r"--([a-z][-a-z0-9_.]*) ", _help(capsys)) if "." in name]
    assert keys
    for key in keys:
        value = _lookup(to_mapping(Config()), key.replace("-", "_").split("."))
        assert parse_arguments(["a.mp4", f"--{key}={json.dumps(value)}"]).config == Config(), key


def _lookup(plain: object, steps: list[str]) -> object:
    for step in steps:
        plain = plain[int(step)] if isinstance(plain, list) else cast("dict[str, object]", plain)[step]
    return plain
