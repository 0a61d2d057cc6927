"""Readers of what the program itself has written and anybody may have changed: results, configurations, weights."""

import functools
import json
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from fitter.config import Config, load_config, save_config
from fitter.export.diagnostics import Diagnostics
from fitter.export.folder import open_result
from fitter.export.result import FitResult
from fitter.export.run_record import RunRecord
from fitter.hand import HandModel
from fitter.hand.cache import cached_model, write_model
from priors.network.checkpoint import About, load_checkpoint, read_about, save_checkpoint
from priors.network.network import Architecture, HandNetwork
from priors.pose_prior import Moments, load_pose_prior, save_pose_prior
from priors.synthetic.skin_space import SkinSpace
from priors.train.saved import State, load_state, save_state
from tests.fuzz.target import Target

SMALL = Architecture(betas=3, hypotheses=1, width=8, blocks=1, channels=(4, 4, 4, 4), skins=2, picture_size=32)


def write_result(folder: Path) -> None:
    from fitter.export.diagnostics import save_diagnostics
    from fitter.export.result import save_result
    from fitter.export.run_record import save_record
    from tests.report_folder import make_diagnostics, make_record, make_result

    result = make_result(frames=4)
    save_result(result, folder)
    save_diagnostics(make_diagnostics(result), folder)
    save_record(make_record(), folder)


def read_result(folder: Path) -> None:
    opened = open_result(folder)
    assert str(opened.result) and opened.result.camera.fx > 0 and opened.relative_sigma_mm.ndim == 3


def write_config(folder: Path) -> None:
    save_config(Config(), folder / "config.yaml")


def write_checkpoint(folder: Path) -> None:
    torch.manual_seed(0)
    network = HandNetwork(SMALL, torch.eye(3).expand(15, 3, 3))
    save_checkpoint(folder / "weights.safetensors", network, About("train", 5, {"a": 1}, {"mm": 2.0}))


def read_checkpoint(folder: Path) -> None:
    read_about(folder / "weights.safetensors")
    load_checkpoint(folder / "weights.safetensors")


def write_pose_prior(folder: Path) -> None:
    moments = Moments(torch.zeros(15, 3, dtype=torch.float64), torch.eye(45, dtype=torch.float64))
    save_pose_prior(moments, folder / "prior.safetensors", {"command": "made"})


def write_skins(folder: Path) -> None:
    covered = torch.ones(2, 2, dtype=torch.bool)
    SkinSpace(torch.zeros(4, 3), torch.zeros(2, 4, 3), covered, "layout").save(folder / "skins.safetensors")


def write_training(folder: Path) -> None:
    weights = {"a": torch.zeros(3)}
    state = State(5, {"width": 3}, weights, weights, {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": []})
    save_state(folder / "state.pt", state)


@functools.cache
def hand() -> HandModel:
    from tests.toy_hand import toy_hand

    return toy_hand()


def write_hand_cache(folder: Path) -> None:
    write_model(folder / "hand.npz", hand())


def read_hand_cache(folder: Path) -> None:
    with mock.patch("os.fsync"):  # a damaged file is written anew, which need not outlive a power cut
        cached_model(folder / "hand.npz", hand)


def write_unwrap_cache(folder: Path) -> None:
    from tests.fuzz.observations import saved

    uv, faces = np.zeros((4, 2)), np.zeros((2, 3), dtype=np.int64)
    (folder / "uv.npz").write_bytes(saved({"uv": uv, "uv_faces": faces}))


def read_unwrap_cache(folder: Path) -> None:
    from fitter.hand import unwrap

    unwrap._read(folder / "uv.npz", 2)


def json_lists(folder: Path) -> None:
    (folder / "evaluation_scale.json").write_text(json.dumps([0.03, 0.028, 0.025]))


def read_lengths(folder: Path) -> None:
    from fitter.evaluate import submission

    submission._lengths(folder / "evaluation_scale.json", 3)


TARGETS = (
    Target("result", "npz", "result.npz", write_result, read_result),
    Target("result_alone", "npz", "result.npz", write_result, lambda f: FitResult.load(f / "result.npz")),
    Target("diagnostics", "npz", "diagnostics.npz", write_result, lambda f: (Diagnostics.load(f), open_result(f))),
    Target("run_record", "json", "run.json", write_result, RunRecord.load),
    Target("config", "yaml", "config.yaml", write_config, lambda f: load_config(f / "config.yaml")),
    Target("checkpoint", "safetensors", "weights.safetensors", write_checkpoint, read_checkpoint),
    Target(
        *("pose_prior", "safetensors", "prior.safetensors", write_pose_prior),
        lambda f: load_pose_prior(f / "prior.safetensors"),
    ),
    Target("skins", "safetensors", "skins.safetensors", write_skins, lambda f: SkinSpace.load(f / "skins.safetensors")),
    Target("training_state", "zip", "state.pt", write_training, lambda f: load_state(f / "state.pt")),
    Target("hand_cache", "npz", "hand.npz", write_hand_cache, read_hand_cache),
    Target("unwrap_cache", "npz", "uv.npz", write_unwrap_cache, read_unwrap_cache),
    Target("submission_scale", "json", "evaluation_scale.json", json_lists, read_lengths),
)
