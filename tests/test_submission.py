"""What the servers take is written as their own scripts read it, and a perfect prediction is perfect there."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fitter.errors import InputError
from fitter.evaluate.readers import Reader, open_dataset
from fitter.evaluate.submission import Place, Prediction, evaluation_order, write_submission
from fitter.skeleton import POINT_NAMES
from tests.miniature_data_sets import (
    FLIP,
    HO3D_EVALUATION,
    MANO_NAMES,
    rows,
    write_freihand,
    write_ho3d,
    write_stb,
)


def unzipped(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Joints and meshes, after the checks that the servers' `eval.py` makes."""
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["pred.json"]
        content = json.loads(archive.read("pred.json"))
    assert len(content) == 2 and len(content[0]) == len(content[1])
    return np.array(content[0]), np.array(content[1])


def perfect(reader: Reader, **changed: float):
    """Predictions that are the truth, but for a `factor` and a `shift` along the camera's axis."""
    sequences = {sequence.name: sequence for sequence in reader.sequences}

    def predict(place: Place) -> Prediction:
        hand = reader.hand(sequences[place.sequence], place.index)
        assert hand.vertices_m is not None
        factor, shift = changed.get("factor", 1.0), np.array([0, 0, changed.get("shift", 0.0)])
        return Prediction(hand.joints_m * factor + shift, hand.vertices_m * factor + shift)

    return predict


def test_freihand_takes_its_own_order_axes_and_points(tmp_path):
    truth = write_freihand(tmp_path, poses=3, split="evaluation")
    reader = open_dataset(tmp_path)
    assert evaluation_order(reader, "freihand") == [Place("evaluation", index) for index in range(3)]
    path, missing = write_submission(tmp_path, reader, "freihand", perfect(reader))
    assert (path, missing) == (tmp_path / "pred.zip", 0)
    joints, vertices = unzipped(path)
    np.testing.assert_allclose(joints, json.loads((tmp_path / "evaluation_xyz.json").read_text()), atol=1e-6)
    np.testing.assert_allclose(vertices, truth.vertices_m, atol=1e-6)


def test_freihand_gives_the_size(tmp_path):
    truth = write_freihand(tmp_path, poses=2, split="evaluation")
    a, b = POINT_NAMES.index("middle_mcp"), POINT_NAMES.index("middle_pip")
    lengths = np.linalg.norm(truth.joints_m[:, a] - truth.joints_m[:, b], axis=-1)
    (tmp_path / "evaluation_scale.json").write_text(json.dumps(lengths.tolist()))
    reader = open_dataset(tmp_path)
    joints, vertices = unzipped(write_submission(tmp_path, reader, "freihand", perfect(reader, factor=1.3))[0])
    np.testing.assert_allclose(joints, truth.joints_m, atol=1e-6)  # the same picture at the given size
    np.testing.assert_allclose(vertices, truth.vertices_m, atol=1e-6)
    for broken in ("[0.03]", "[0.03, -1]", "{}", "[0.03, "):
        (tmp_path / "evaluation_scale.json").write_text(broken)
        with pytest.raises(InputError, match=r"evaluation_scale\.json"):
            write_submission(tmp_path, reader, "freihand", perfect(reader))


@pytest.mark.parametrize("released", [True, False])
def test_ho3d_takes_the_listed_order_opengl_axes_and_the_given_wrist(tmp_path, released):
    truth = write_ho3d(tmp_path, released=True)
    with_truth = open_dataset(tmp_path)
    predict = perfect(with_truth, shift=0.1)
    predictions = {place: predict(place) for place in evaluation_order(with_truth, "ho3d")}
    if not released:
        (tmp_path / "evaluation_xyz.json").rename(tmp_path / "xyz.json")
        (tmp_path / "evaluation_verts.json").unlink()
    reader = open_dataset(tmp_path)
    assert [(place.sequence, place.index) for place in evaluation_order(reader, "ho3d")] == [
        ("evaluation/AP10", 1),  # AP10/0001 is listed before AP10/0000
        ("evaluation/AP10", 0),
    ]
    joints, vertices = unzipped(write_submission(tmp_path, reader, "ho3d", predictions.get)[0])
    expected = [(truth.joints_m[key] @ FLIP)[rows(MANO_NAMES)] for key in HO3D_EVALUATION]
    np.testing.assert_allclose(joints, expected, atol=1e-6)
    np.testing.assert_allclose(vertices, [truth.vertices_m[key] @ FLIP for key in HO3D_EVALUATION], atol=1e-6)
    assert not (joints[:, :, 2] > 0).all() and not (vertices[:, :, 2] > 0).all()  # as `pred.py` checks


def test_images_without_a_prediction_are_the_templates_zeros(tmp_path):
    write_freihand(tmp_path, poses=3, split="evaluation")
    reader = open_dataset(tmp_path)
    hand = Prediction(np.ones((21, 3)), np.ones((5, 3), dtype=np.float32))
    path, missing = write_submission(tmp_path, reader, "freihand", {Place("evaluation", 1): hand}.get)
    joints, vertices = unzipped(path)
    assert missing == 2 and joints.shape == (3, 21, 3) and vertices.shape == (3, 5, 3)
    assert (
        (joints[1] == 1).all() and (vertices[1] == 1).all() and not joints[[0, 2]].any() and not vertices[[0, 2]].any()
    )
    vertices = unzipped(write_submission(tmp_path, reader, "freihand", lambda place: None)[0])[1]
    assert vertices.shape == (3, 778, 3)


def test_other_data_sets_and_splits_are_refused(tmp_path):
    write_stb(tmp_path / "stb")
    with pytest.raises(InputError, match="--submission ho3d: is of HO-3D, but the data set is STB"):
        evaluation_order(open_dataset(tmp_path / "stb"), "ho3d")
    write_freihand(tmp_path / "freihand")
    with pytest.raises(InputError, match="--submission freihand: the data set has no evaluation split here"):
        evaluation_order(open_dataset(tmp_path / "freihand"), "freihand")
