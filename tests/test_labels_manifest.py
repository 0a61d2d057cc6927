"""The account of an export adds up: what was kept, from where, and what was dropped with why."""

import json

import numpy as np
import pytest

from fitter.export.labels import FORMATS, Gates, LabelRequest, export_labels
from fitter.export.labels.manifest import runs_of
from fitter.hand.mano import read_mean_pose
from tests.labelled_results import make_result


@pytest.fixture(scope="module")
def exported(mano_hand, tmp_path_factory):
    model, file = mano_hand
    first, second = make_result(model), make_result(model, sides=("left",))
    quality = first.result.quality.copy()
    quality[1, 2] = 0.1
    folder = tmp_path_factory.mktemp("manifest") / "labels"
    request = LabelRequest(FORMATS["freihand"], gates=Gates(max_sigma_mm=np.inf), mean_pose=read_mean_pose(file))
    manifest = export_labels([first.with_result(quality=quality).source("a"), second.source("b")], request, folder)
    return folder, json.loads((folder / "manifest.json").read_text()), manifest


def test_counts_add_up(exported):
    folder, told, manifest = exported
    assert told["counts"]["kept"] == len(told["labels"]) == manifest.n_kept == 7 + 4
    assert told["counts"]["dropped"] == len(told["dropped"]) == manifest.n_dropped == 4
    assert told["counts"]["kept"] + told["counts"]["dropped"] == 2 * 5 + 5  # every hand in every frame
    assert told["counts"]["dropped_by"] == {"not present": 3, "quality": 1}
    assert [source["kept"] for source in told["sources"]] == [7, 4]
    assert told["gates"]["max_sigma_mm"] is None and told["gates"]["min_quality"] == 0.5


def test_every_label_names_its_image_and_where_it_came_from(exported):
    folder, told, _ = exported
    side = np.load(folder / "quality.npz", allow_pickle=False)
    for row, label in enumerate(told["labels"]):
        assert (folder / label["image"]).is_file() and label["image"] == f"training/rgb/{row:08d}.jpg"
        assert (side["source"][row], side["frame"][row]) == (label["source"], label["frame"])
        assert label["mirrored"] == (label["side"] == "left")
        assert label["quality"] == pytest.approx(side["quality"][row], abs=1e-4)
    assert [label["source"] for label in told["labels"]] == [0] * 7 + [1] * 4


def test_every_drop_has_its_reason(exported):
    told = exported[1]["dropped"]
    assert {"source": 0, "frame": 2, "side": "right", "reasons": ["quality 0.1, at least 0.5"]} in told
    assert {"source": 1, "frame": 1, "side": "left", "reasons": ["not present"]} in told
    labelled = {(label["source"], label["frame"], label["side"]) for label in exported[1]["labels"]}
    assert not labelled & {(drop["source"], drop["frame"], drop["side"]) for drop in told}


def test_conventions_are_told(exported):
    notes = " ".join(exported[1]["notes"])
    assert "mirrored" in notes and "mean pose" in notes and "not MANO" not in notes


def test_the_table_is_for_people(exported):
    text = (exported[0] / "manifest.md").read_text()
    assert "11 hands in 11 images; 4 dropped." in text
    assert "| a | 5 | right | 3 | 2-3 |" in text and "| b | 5 | left | 4 | 1 |" in text
    assert "| min_quality | 0.5 | 1 | 0 |" in text and "| max_sigma_mm | inf | 0 | 0 |" in text


def test_the_left_models_trap_is_told_where_left_hands_stay_left(mano_hand, tmp_path):
    made = make_result(mano_hand[0])
    manifest = export_labels([made.source()], LabelRequest(FORMATS["hamer"], images="none"), tmp_path / "labels")
    assert any("shapedirs[:, 0, :] *= -1" in note for note in manifest.notes)


def test_runs():
    assert runs_of([]) == "" and runs_of([3]) == "3"
    assert runs_of([0, 1, 2, 5, 7, 8]) == "0-2, 5, 7-8"
