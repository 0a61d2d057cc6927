"""A whole data set by one command: clips and stills are fitted, kept, measured; what fails is told and stops nothing.

The detector is replaced by one that knows the truth: the pictures are grey.
"""

import json
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fitter.app import evaluate_dataset
from fitter.app.command import run_command
from fitter.app.dataset_clips import camera_of_hands, clip_of_hands, items_of
from fitter.app.evaluate_command import evaluate, read
from fitter.app.options import Command
from fitter.clip import Clip
from fitter.errors import InputError
from fitter.evaluate.readers import open_dataset
from fitter.hand import HandModel
from fitter.observe.observations import Observations
from fitter.observe.tracks import track_hands
from priors.synthetic.clip import make_demo_clip
from priors.synthetic.detector import SyntheticDetector
from priors.synthetic.truth import SyntheticTruth
from tests.conftest import REPOSITORY
from tests.miniature_data_sets import FLIP, MANO_NAMES, rows, write_freihand, write_image, write_interhand, write_rhd

FRAMES, SIZE = 10, (320, 240)
GOOD, BLIND, BROKEN = "evaluation/AP10", "evaluation/AP11", "evaluation/AP12"


@pytest.fixture(scope="module")
def truth(anny: HandModel) -> SyntheticTruth:
    return make_demo_clip(anny, seed=3, n_frames=FRAMES, size=SIZE).truth


def write_ho3d_of(folder: Path, truth: SyntheticTruth) -> Path:
    """HO-3D's evaluation split with the truth's hand in three clips; the labels of the last are damaged."""
    camera = truth.camera.matrix.copy()
    camera[:2, 2] -= 0.5
    listed, xyz, verts = [], [], []
    for sequence in (GOOD, BLIND, BROKEN):
        for frame in reversed(range(FRAMES)):
            base, number = folder / sequence, f"{frame:04d}"
            write_image(base / "rgb" / f"{number}.jpg", SIZE, 100 + frame)
            joints = (truth.joints_m[frame] @ FLIP)[rows(MANO_NAMES)]
            labels = {"camMat": camera, "handJoints3D": joints[0]}
            (base / "meta").mkdir(exist_ok=True)
            (base / "meta" / f"{number}.pkl").write_bytes(pickle.dumps(labels, 2))
            listed.append(f"{base.name}/{number}")
            xyz.append(joints.tolist())
            verts.append((truth.vertices_m[frame, :778] @ FLIP).tolist())
    (folder / BROKEN / "meta" / "0003.pkl").write_bytes(b"no pickle")
    (folder / "evaluation.txt").write_text("\n".join(listed))
    (folder / "evaluation_xyz.json").write_text(json.dumps(xyz))
    (folder / "evaluation_verts.json").write_text(json.dumps(verts))
    return folder


class Detector:
    """Sees the truth with a pixel of noise in every clip but the blind one; counts what it was asked."""

    def __init__(self, truth: SyntheticTruth) -> None:
        self.truth, self.asked = truth, []

    def observe(self, command: Command, config: object, clip: Clip, *_: object) -> list[Observations]:
        self.asked.append(clip.name)
        found = SyntheticDetector(noise_px=1.0).detect(self.truth, seed=0)[: clip.n_frames]
        if clip.name == BLIND:
            found = [[] for _ in found]
        return track_hands(found, clip, "truth", command.hand)


@pytest.fixture
def detector(truth: SyntheticTruth, monkeypatch: pytest.MonkeyPatch) -> Detector:
    made = Detector(truth)
    monkeypatch.setattr(evaluate_dataset, "observe", made.observe)
    return made


def run(words: str) -> int:
    return run_command(read, evaluate, [*words.split(), "--config", str(REPOSITORY / "configs/keypoints_only.yaml")])


def rows_of(folder: Path) -> dict[str, dict]:
    return {row["name"]: row for row in json.loads((folder / "scores.json").read_text())["rows"]}


def test_clips_are_fitted_once_failures_are_told_and_a_submission_is_written(tmp_path, truth, detector, capsys):
    folder, output = write_ho3d_of(tmp_path / "ho3d", truth), tmp_path / "out"
    words = f"--dataset {folder} --output {output} --submission ho3d"
    assert run(words) == 0
    shown = capsys.readouterr().out
    table = rows_of(output)
    assert list(table) == [GOOD, BLIND, BROKEN, "all"]
    good = table[GOOD]
    assert good["detected"] == 1 and good["frames"] == FRAMES and good["pa_mpjpe_mm"] < 12 and good["f_15"] is not None
    assert good["keypoint_px"] < 4  # the data set's camera was used
    assert table[BLIND]["detected"] == 0 and table[BLIND]["pa_mpjpe_mm"] is None
    assert table[BLIND]["note"].startswith(f"no hand was found in the {FRAMES} frames of")
    assert "0003.pkl" in table[BROKEN]["note"] and table[BROKEN]["frames"] is None
    assert table["all"]["detected"] == 0.5 and table["all"]["pa_mpjpe_mm"] == good["pa_mpjpe_mm"]
    assert f"{BLIND}: no hand was found" in shown and "20 images have no prediction" in shown
    failed = (output / "failures.txt").read_text().splitlines()
    assert [line.split(":")[0] for line in failed] == [BLIND, BROKEN]
    kept = output / "clips" / GOOD
    assert {path.name for path in kept.iterdir()} == {"config.yaml", "diagnostics.npz", "result.npz", "run.json"}

    with zipfile.ZipFile(output / "pred.zip") as archive:
        joints, vertices = json.loads(archive.read("pred.json"))
    published = np.array(json.loads((folder / "evaluation_xyz.json").read_text()))
    assert np.array(joints).shape == published.shape and len(vertices) == 3 * FRAMES
    error_m = np.linalg.norm(np.array(joints) - published, axis=-1)
    assert error_m[:FRAMES, 0].max() < 1e-5 and error_m[:FRAMES].mean() < 0.03  # the wrist is given
    assert not np.array(joints)[FRAMES:].any()

    before = (kept / "result.npz").stat().st_mtime_ns
    assert run(words) == 0
    assert detector.asked == [GOOD, BLIND, BLIND]  # what is finished is not fitted again, what failed is tried again
    assert (kept / "result.npz").stat().st_mtime_ns == before and rows_of(output)[GOOD] == good


def test_stills_are_clips_of_one_frame_and_a_row_together(tmp_path, truth, detector):
    """FreiHAND's evaluation split without its annotations: nothing to measure, a submission all the same."""
    write_freihand(tmp_path / "freihand", poses=2, split="evaluation", annotated=False)
    output = tmp_path / "out"
    assert run(f"--dataset {tmp_path / 'freihand'} --output {output} --submission freihand --quiet") == 0
    table = rows_of(output)
    assert list(table) == ["evaluation", "all"] and table["evaluation"]["frames"] is None
    assert {path.name for path in (output / "clips" / "evaluation").iterdir()} == {"00000000", "00000001"}
    assert not (output / "failures.txt").exists()
    with zipfile.ZipFile(output / "pred.zip") as archive:
        joints, vertices = json.loads(archive.read("pred.json"))
    assert np.array(joints).shape == (2, 21, 3) and np.array(joints).all() and np.array(vertices).shape[0] == 2


def test_a_data_set_of_which_nothing_fits_is_an_error(tmp_path, truth, detector, capsys):
    folder = write_ho3d_of(tmp_path / "ho3d", truth)
    assert run(f"--dataset {folder} --output {tmp_path / 'out'} --sequences {BLIND} --quiet") == 1
    assert "not one of 1 clips could be fitted; the first: no hand was found" in capsys.readouterr().err
    assert rows_of(tmp_path / "out")[BLIND]["detected"] == 0


def test_a_fault_of_the_program_stops_one_clip_only(tmp_path, truth, detector, monkeypatch):
    folder, working = write_ho3d_of(tmp_path / "ho3d", truth), detector.observe

    def faulty(command: Command, config: object, clip: Clip, *rest: object) -> list[Observations]:
        if clip.name == BLIND:
            raise RuntimeError("a fault")
        return working(command, config, clip, *rest)

    monkeypatch.setattr(evaluate_dataset, "observe", faulty)
    words = f"--dataset {folder} --output {tmp_path / 'out'} --sequences {BLIND} {GOOD} --quiet"
    assert run(words) == 0
    table = rows_of(tmp_path / "out")
    assert table[GOOD]["detected"] == 1 and table[BLIND]["note"] == "RuntimeError: a fault (a fault in handfit)"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--split training", "HO-3D: no sequence of the training split in this folder"),
        ("--sequences evaluation/X1", "--sequences evaluation/X1: HO-3D has no such sequence for evaluation, it has"),
        ("--submission freihand", "--submission freihand: is of FreiHAND, but the data set is HO-3D"),
        ("--hand-model /nowhere", "/nowhere: is neither the hand model 'anny' nor an existing path"),
        ("--device cuda", "--device cuda: "),
    ],
)
def test_what_cannot_be_fitted_is_said_before_the_work(tmp_path, truth, detector, capsys, words, sentence):
    import torch

    if words == "--device cuda" and torch.cuda.is_available():
        pytest.skip("this machine has a GPU, so --device cuda is no mistake here")
    folder = write_ho3d_of(tmp_path / "ho3d", truth)
    assert run(f"--dataset {folder} --output {tmp_path / 'out'} {words}") == 2
    assert capsys.readouterr().err.startswith(f"handfit: {sentence}") and detector.asked == []


def test_items_clips_and_cameras(tmp_path):
    write_rhd(tmp_path / "rhd", split="evaluation")
    reader = open_dataset(tmp_path / "rhd")
    items = items_of(reader, "evaluation")
    assert [item.name for item in items] == [f"evaluation/{index:08d}" for index in range(len(items))]
    first, second = items[0].hands(reader)[0], items[1].hands(reader)[0]
    assert first.image == second.image and (first.side, second.side) == ("left", "right")  # each hand by itself
    clip = clip_of_hands(items[0].name, [first])
    assert (clip.n_frames, clip.width, clip.height, clip.path) == (1, 320, 320, first.image)

    write_interhand(tmp_path / "interhand", split="test")
    reader = open_dataset(tmp_path / "interhand")
    (item, *_) = items_of(reader, "evaluation", ["test/Capture0/ROM01/cam400262/left"])
    hands = item.hands(reader)
    clip = clip_of_hands(item.name, hands)
    assert clip.time_s * 30 == pytest.approx([0, 93]) and clip.still(1).shape == (512, 334, 3)  # frames 7 and 100
    camera = camera_of_hands(item.name, hands, (clip.width, clip.height))
    np.testing.assert_allclose(camera.matrix, hands[0].intrinsics)
    moved = replace(hands[1], intrinsics=hands[1].intrinsics * [[1.1], [1.1], [1]])
    with pytest.raises(InputError, match=r"its camera changes at image100\.jpg, expected one camera for a clip"):
        camera_of_hands(item.name, [hands[0], moved], (334, 512))
