"""An export as a whole: what it refuses, batches, distortion, progress, and nothing half-written."""

import json
from dataclasses import replace

import numpy as np
import pytest

from fitter.clip.images import read_image
from fitter.errors import InputError
from fitter.export.labels import FORMATS, Gates, LabelRequest, export_labels
from fitter.export.labels.formats import FORMATS as ALL
from tests.labelled_results import K, StillClip, make_result

STRICT = Gates(max_sigma_mm=0.1)


def test_formats_are_the_six():
    assert sorted(ALL) == ["coco-wholebody", "freihand", "hamer", "ho3d", "interhand", "npz"]
    assert all(name == kind.name and kind.images for name, kind in ALL.items())


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (LabelRequest(FORMATS["freihand"], images="frames"), "--images frames: FreiHAND has no such images"),
        (LabelRequest(FORMATS["interhand"], images="crops"), "--images crops: InterHand2.6M has no such images"),
        (LabelRequest(FORMATS["freihand"], crop_px=128), "--size 128: the images of FreiHAND have 224 pixels"),
        (LabelRequest(FORMATS["freihand"]), "FreiHAND counts poses from MANO's mean pose.*name it with --mano"),
        (LabelRequest(FORMATS["npz"], gates=STRICT), "no frame passes the gates .sigma_mm 8, not present 2"),
    ],
)
def test_what_cannot_be_written_is_one_sentence(mano_hand, tmp_path, request_, sentence):
    with pytest.raises(InputError, match=sentence) as refused:
        export_labels([make_result(mano_hand[0]).source()], request_, tmp_path / "labels")
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_one_export_is_of_one_hand_model(anny, mano_hand, tmp_path):
    sources = [make_result(anny).source("a"), make_result(mano_hand[0]).source("b")]
    with pytest.raises(InputError, match="results/b: is a fit of mano, and results/a of anny"):
        export_labels(sources, LabelRequest(FORMATS["npz"]), tmp_path / "labels")


def test_the_clip_must_be_the_results(anny, tmp_path):
    made = replace(make_result(anny), clip=StillClip(n_frames=4))
    with pytest.raises(InputError, match="has 4 frames of 320x240; expected the clip of results/clip, 5 of 320x240"):
        export_labels([made.source()], LabelRequest(FORMATS["npz"]), tmp_path / "labels")
    assert list(tmp_path.iterdir()) == []


def test_a_clip_that_breaks_leaves_nothing(anny, tmp_path):
    class Broken(StillClip):
        def frames(self):
            yield self.still(0)
            raise InputError("frame 1 cannot be decoded")

    with pytest.raises(InputError, match="frame 1"):
        export_labels([replace(make_result(anny), clip=Broken()).source()], LabelRequest(ALL["hamer"]), tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_clip_that_ends_early_leaves_nothing(anny, tmp_path):
    class Short(StillClip):
        def frames(self):
            return (self.still(index) for index in range(2))

    with pytest.raises(InputError, match="results/clip: its clip ends before frame 2"):
        export_labels([replace(make_result(anny), clip=Short()).source()], LabelRequest(ALL["hamer"]), tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["coco-wholebody", "hamer", "npz"])
def test_the_same_export_twice_has_the_same_names(anny, tmp_path, name):
    """Numbers are stable: a second export, and one of more results behind, name the same images."""
    made = make_result(anny)
    for folder, sources in (("one", [made.source("a")]), ("two", [made.source("a"), made.source("b")])):
        export_labels(sources, LabelRequest(ALL[name], images="none"), tmp_path / folder)
    one, two = (json.loads((tmp_path / folder / "manifest.json").read_text())["labels"] for folder in ("one", "two"))
    assert two[: len(one)] == one and len(two) == 2 * len(one)


def test_progress_is_told(anny, tmp_path):
    heard = []
    sources = [make_result(anny).source("a"), make_result(anny, sides=("right",)).source("b")]
    export_labels(sources, LabelRequest(ALL["npz"]), tmp_path / "labels", lambda *said: heard.append(said))
    assert heard[0] == ("a", 1, 5) and heard[-1] == ("b", 5, 5) and {name for name, _, _ in heard} == {"a", "b"}


def test_distortion_is_taken_out_of_pixels_and_labels(anny, tmp_path):
    """A spot drawn where the distorting lens shows a joint is where the labels say in the undistorted image."""
    lens = (-0.3, 0.1, 0.002, -0.003)
    made = make_result(anny, sides=("right",), distortion=lens)
    frame, joint = 2, 20
    place = made.result.keypoints_px[0, frame, joint].astype(float)
    columns, rows = np.meshgrid(np.arange(320) + 0.5, np.arange(240) + 0.5)
    light = 255 * np.exp(-((columns - place[0]) ** 2 + (rows - place[1]) ** 2) / (2 * 3.0**2))
    spot = np.repeat(light[..., None], 3, axis=2).astype(np.uint8)
    made = replace(made, clip=StillClip(drawn={frame: spot}))
    manifest = export_labels([made.source()], LabelRequest(ALL["npz"], images="frames"), tmp_path / "labels")
    labels = np.load(tmp_path / "labels" / "clip.npz", allow_pickle=False)
    (row,) = np.flatnonzero(labels["frame"] == frame)
    pinhole = made.result.joints_m[0, frame, joint].astype(float) @ K.T
    np.testing.assert_allclose(labels["keypoints_px"][row, joint], pinhole[:2] / pinhole[2], atol=1e-3)
    assert np.linalg.norm(pinhole[:2] / pinhole[2] - place) > 1  # else nothing was to be undone
    seen = read_image(tmp_path / "labels" / str(labels["image"][row]))[..., 0].astype(float)
    centre = np.array([(seen * columns).sum(), (seen * rows).sum()]) / seen.sum()
    np.testing.assert_allclose(centre, labels["keypoints_px"][row, joint], atol=0.25)
    assert any("undistorted" in note for note in manifest.notes)
