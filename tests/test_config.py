"""The dataclasses are the schema: every wrong key or value is one sentence with its dotted name."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import pytest
from annotated_types import Le

from fitter.config import Config, from_mapping, load_config, save_config, to_mapping
from fitter.config.expected import describe_type
from fitter.errors import InputError
from fitter.quantity import Count, Fraction, NonNegative, Positive

DEFAULT = Path(__file__).parents[1] / "configs" / "default.yaml"


@dataclass(frozen=True)
class Keypoints:
    sigma_px: Positive = 4.0
    outliers: Fraction = 0.1
    limit_deg: float | Literal["auto"] = "auto"

    def __post_init__(self) -> None:
        if self.outliers == 0.5:
            raise ValueError("outliers: half of everything is no outlier")


@dataclass(frozen=True)
class Adam:
    kind: Literal["adam"] = "adam"
    rate: Positive = 0.01


@dataclass(frozen=True)
class Newton:
    kind: Literal["newton"] = "newton"
    damping: NonNegative = 0.1


@dataclass(frozen=True)
class Stage:
    name: str
    steps: Count
    free: tuple[str, ...] = ()


@dataclass(frozen=True)
class Root:
    keypoints: Keypoints = field(default_factory=Keypoints)
    silhouette: Keypoints | None = None
    solver: Adam | Newton = field(default_factory=Newton)
    stages: tuple[Stage, ...] = (Stage("all", 10),)
    centre_px: tuple[float, float] | None = None
    hand: Literal["auto", "left", "right"] = "auto"
    folder: Path | None = None
    verbose: bool = False
    derived: int = field(default=7, init=False)


def _read(mapping: object) -> Root:
    return from_mapping(Root, mapping, where="x.yaml")


def test_absent_keys_take_their_defaults() -> None:
    assert _read({}) == Root()
    assert _read({"keypoints": {}}) == Root()


def test_values_of_every_kind_arrive_typed() -> None:
    root = _read(
        {
            "keypoints": {"sigma_px": 3, "limit_deg": 20},
            "silhouette": {"outliers": 1},
            "solver": {"kind": "adam", "rate": 1e-3},
            "stages": [{"name": "root", "steps": 5, "free": ["translation"]}, {"name": "all", "steps": 7}],
            "centre_px": [1, 2.5],
            "hand": "left",
            "folder": "a/b",
            "verbose": True,
        }
    )
    assert root == Root(
        keypoints=Keypoints(sigma_px=3.0, limit_deg=20.0),
        silhouette=Keypoints(outliers=1.0),
        solver=Adam(rate=1e-3),
        stages=(Stage("root", 5, ("translation",)), Stage("all", 7)),
        centre_px=(1.0, 2.5),
        hand="left",
        folder=Path("a/b"),
        verbose=True,
    )
    assert type(root.keypoints.sigma_px) is float


def test_null_switches_an_optional_section_off() -> None:
    assert _read({"silhouette": {}}).silhouette == Keypoints()
    assert _read({"silhouette": None}).silhouette is None


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"keypoints": {"sigma_pxx": 4}}, "keypoints.sigma_pxx: unknown key, did you mean sigma_px?"),
        ({"keypoints": {"weight": 4}}, "keypoints.weight: unknown key, expected one of limit_deg, outliers, sigma_px"),
        ({"keypoint": {}}, "keypoint: unknown key, did you mean keypoints?"),
        ({"derived": 3}, "derived: unknown key, expected one of centre_px, folder, hand, keypoints, silhouette, "
         "solver, stages, verbose"),
        ({"keypoints": {"sigma_px": "four"}}, "keypoints.sigma_px: expected a number above 0 (pixels), got 'four'"),
        ({"keypoints": {"sigma_px": "4"}}, "keypoints.sigma_px: expected a number above 0 (pixels), got '4'"),
        ({"keypoints": {"sigma_px": True}}, "keypoints.sigma_px: expected a number above 0 (pixels), got true"),
        ({"keypoints": {"sigma_px": 0}}, "keypoints.sigma_px: expected a number above 0 (pixels), got 0"),
        ({"keypoints": {"sigma_px": -1.5}}, "keypoints.sigma_px: expected a number above 0 (pixels), got -1.5"),
        ({"keypoints": {"sigma_px": float("nan")}}, "keypoints.sigma_px: expected a number above 0 (pixels), got nan"),
        ({"keypoints": {"sigma_px": float("inf")}}, "keypoints.sigma_px: expected a number above 0 (pixels), got inf"),
        ({"keypoints": {"sigma_px": None}}, "keypoints.sigma_px: expected a number above 0 (pixels), got null"),
        ({"keypoints": {"sigma_px": [4]}}, "keypoints.sigma_px: expected a number above 0 (pixels), got a list of 1"),
        ({"keypoints": {"sigma_px": {"a": 1}}}, "keypoints.sigma_px: expected a number above 0 (pixels), "
         "got a section"),
        ({"keypoints": {"outliers": 1.1}}, "keypoints.outliers: expected a number from 0 to 1, got 1.1"),
        ({"keypoints": {"limit_deg": "no"}}, "keypoints.limit_deg: expected a number or auto (degrees), got 'no'"),
        ({"keypoints": {"outliers": 0.5}}, "keypoints: outliers: half of everything is no outlier"),
        ({"keypoints": None}, "keypoints: expected a section with keys, got null"),
        ({"keypoints": 4}, "keypoints: expected a section with keys, got 4"),
        ({"silhouette": 4}, "silhouette: expected a section with keys or null, got 4"),
        ({"solver": {"kind": "sgd"}}, "solver.kind: expected one of adam, newton, got 'sgd'"),
        ({"solver": {"kind": ["adam"]}}, "solver.kind: expected one of adam, newton, got a list of 1"),
        ({"solver": {"rate": 1.0}}, "solver.kind: missing, expected one of adam, newton"),
        ({"solver": {"kind": "newton", "rate": 1.0}}, "solver.rate: unknown key, expected one of damping, kind"),
        ({"solver": 4}, "solver: expected a section with keys, got 4"),
        ({"stages": [{"name": "all"}]}, "stages.0.steps: missing, expected a whole number from 1"),
        ({"stages": [{"name": "all", "steps": 2.0}]}, "stages.0.steps: expected a whole number from 1, got 2.0"),
        ({"stages": [{"name": 3, "steps": 2}]}, "stages.0.name: expected text, got 3"),
        ({"stages": {"name": "all"}}, "stages: expected a list, got a section"),
        ({"stages": "all"}, "stages: expected a list, got 'all'"),
        ({"centre_px": [1]}, "centre_px: expected a list of 2, got a list of 1"),
        ({"centre_px": [1, "b"]}, "centre_px.1: expected a number, got 'b'"),
        ({"hand": "leftt"}, "hand: expected one of auto, left, right, got 'leftt'"),
        ({"folder": 3}, "folder: expected a path or null, got 3"),
        ({"verbose": 1}, "verbose: expected true or false, got 1"),
        ([], "expected a section with keys, got a list of 0"),
    ],
)  # fmt: skip
def test_every_mistake_is_one_sentence(mapping: object, message: str) -> None:
    with pytest.raises(InputError) as caught:
        _read(mapping)
    assert str(caught.value) == f"x.yaml: {message}"
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    "root",
    [
        Root(),
        Root(
            keypoints=Keypoints(sigma_px=1e-7, limit_deg=1 / 3),
            silhouette=Keypoints(),
            solver=Adam(rate=3.0),
            stages=(),
            centre_px=(0.1, 1e20),
            folder=Path("a"),
        ),
    ],
)
def test_mapping_and_back_changes_nothing(root: Root) -> None:
    assert _read(to_mapping(root)) == root


def test_a_field_without_a_place_in_yaml_is_the_programmers_mistake() -> None:
    @dataclass(frozen=True)
    class Wrong:
        table: dict[str, int] = field(default_factory=dict)

    with pytest.raises(TypeError, match="dict has no place in a configuration"):
        to_mapping(Wrong())


def test_a_union_without_a_common_literal_is_the_programmers_mistake() -> None:
    @dataclass(frozen=True)
    class One:
        a: int = 0

    with pytest.raises(TypeError, match="needs one Literal field"):
        from_mapping(dataclasses.make_dataclass("Outer", [("part", One | Stage)]), {"part": {"a": 1}}, "x.yaml")


@pytest.mark.parametrize(
    ("annotation", "key", "words"),
    [
        (float, "energy.smoothness.sigma_mm", "a number (millimetres)"),
        (Annotated[int, Le(5)], "steps", "a whole number to 5"),
        (float | None, "a.limit_deg", "a number or null (degrees)"),
    ],
)
def test_expectations_name_the_unit_of_the_key(annotation: object, key: str, words: str) -> None:
    assert describe_type(annotation, key) == words


def test_the_default_file_holds_exactly_the_defaults_of_the_dataclasses() -> None:
    assert load_config(DEFAULT) == Config()


def test_a_saved_configuration_is_complete_and_loads_again(tmp_path: Path) -> None:
    save_config(Config(), tmp_path / "config.yaml")
    assert load_config(tmp_path / "config.yaml") == Config()
    assert "sigma_px" in (tmp_path / "config.yaml").read_text()
