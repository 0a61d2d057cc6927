"""diagnostics.npz: what is saved is loaded, damage is one sentence, and figures come from the frames they stand for."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from fitter.app.footage import clip_of
from fitter.errors import InputError
from fitter.export.diagnostics import Diagnostics, save_diagnostics
from fitter.export.folder import open_result
from fitter.export.result import FitResult, save_result
from fitter.export.run_record import RunRecord, save_record
from fitter.hand import HandModel
from tests.short_clip import FRAMES, ShortClip, run
from tests.test_result import GOOD

TERMS = ("keypoints", "shape")


def make_diagnostics(result: FitResult = GOOD) -> Diagnostics:
    """Random numbers of the right shapes."""
    rng = np.random.default_rng(4)
    hands, frames = result.present.shape

    def rows(*shape: int) -> np.ndarray:
        return rng.random((hands, *shape)).astype(np.float32)

    return Diagnostics(
        source="mediapipe",
        detected_px=rows(frames, 21, 2),
        confidence=rows(frames, 21),
        relative_sigma_mm=rows(frames, 21),
        reprojection_px=rows(frames),
        photometric=np.full((hands, frames), np.nan, np.float32),
        overlap=rows(frames),
        terms=TERMS,
        energies=rows(len(TERMS), frames),
        clip_energies=rows(len(TERMS)),
        trace_stage=("explore", "refine", "refine"),
        trace_hand=(0, 0, 1),
        trace_energy=(3.0, 2.0, 2.5),
    )


@pytest.mark.parametrize("trace", [3, 0])
def test_what_is_saved_is_loaded(tmp_path: Path, trace: int) -> None:
    whole = make_diagnostics()
    kept = {name: getattr(whole, name)[:trace] for name in ("trace_stage", "trace_hand", "trace_energy")}
    diagnostics = replace(whole, **kept)
    save_diagnostics(diagnostics, tmp_path)
    loaded = Diagnostics.load(tmp_path)
    for field in fields(Diagnostics):
        one, other = getattr(diagnostics, field.name), getattr(loaded, field.name)
        if isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one, other, strict=True)
        else:
            assert one == other


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"photometric": None}, "photometric is missing"),
        ({"format_version": np.array(1)}, "its format_version is 1, this handfit reads 3; fit again"),
        ({"terms": np.array(["keypoints"])}, "terms: expected one per row of energies (2), got 1"),
        ({"trace_hand": np.array([0])}, "trace_stage, trace_hand, trace_energy: expected as many of each"),
        ({"overlap": np.zeros((2, 4))},
         "overlap: expected float32 of shape (hands, frames), got float64 of shape (2, 4)"),
    ],
)  # fmt: skip
def test_a_changed_file_is_refused(tmp_path: Path, changed: dict[str, np.ndarray | None], message: str) -> None:
    save_diagnostics(make_diagnostics(), tmp_path)
    file = tmp_path / "diagnostics.npz"
    with np.load(file) as loaded:
        arrays = {**loaded, **changed}
    np.savez(file, **{name: array for name, array in arrays.items() if array is not None})  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError) as caught:
        Diagnostics.load(tmp_path)
    assert str(caught.value) == f"{file}: {message}"


@pytest.fixture(scope="module")
def clip(anny: HandModel, tmp_path_factory: pytest.TempPathFactory) -> ShortClip:
    return ShortClip.make(anny, tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def fitted(clip: ShortClip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fitted")
    assert run(clip.words(folder)) == 0
    return folder


def test_a_fit_says_how_it_explains_each_frame(fitted: Path) -> None:
    folder = open_result(fitted)
    diagnostics = folder.diagnostics
    assert diagnostics is not None and diagnostics.reprojection_px.shape == (1, FRAMES)
    assert (diagnostics.reprojection_px > 0).all() and (diagnostics.reprojection_px < 10).all()
    keypoints, shape = (diagnostics.terms.index(name) for name in ("keypoints", "shape"))
    assert (diagnostics.energies[0, keypoints] > 0).all() and np.isnan(diagnostics.clip_energies[0, keypoints])
    assert np.isnan(diagnostics.energies[0, shape]).all() and diagnostics.clip_energies[0, shape] > 0
    smoothness = diagnostics.energies[0, diagnostics.terms.index("pose_smoothness")]
    assert smoothness[0] == smoothness[-1] == 0 and (smoothness[1:-1] > 0).all()
    refined = [energy for stage, energy in zip(diagnostics.trace_stage, diagnostics.trace_energy, strict=True)
               if stage == "refine"]  # fmt: skip
    assert refined[-1] == pytest.approx(
        np.nansum(diagnostics.energies, dtype=np.float64) + np.nansum(diagnostics.clip_energies), rel=1e-5
    )
    # The same landmarks as the summary's, but for what the source calls a joint.
    seen = diagnostics.confidence[0] > 0
    assert seen.all() and (np.abs(folder.result.keypoints_px - diagnostics.detected_px) < 30).all()


def test_the_record_says_how_the_result_came_about(clip: ShortClip, fitted: Path) -> None:
    record = open_result(fitted).run
    assert record is not None
    assert record.input_path == str(clip.video.resolve()) and record.command[:2] == ("fit_sequence.py", str(clip.video))
    assert any("hand length not known" in warning for warning in record.warnings) and record.seconds > 0


def test_the_clip_of_a_result_is_found_or_asked_for(clip: ShortClip, fitted: Path, tmp_path: Path) -> None:
    folder = open_result(fitted)
    assert clip_of(folder).n_frames == FRAMES
    assert folder.run is not None
    moved = replace(folder, run=replace(folder.run, input="gone.mp4", input_path=str(tmp_path / "gone.mp4")))
    with pytest.raises(InputError, match=r"is not at .*gone\.mp4 any more; name it with --video"):
        clip_of(moved)
    assert clip_of(moved, clip.video).n_frames == FRAMES
    with pytest.raises(InputError, match=r"no run\.json, so the clip it was fitted to is not known"):
        clip_of(replace(folder, run=None))
    longer = replace(folder, result=replace(folder.result, image_size=(8, 8)))
    with pytest.raises(InputError, match=rf"it has {FRAMES} frames of .*, expected the {FRAMES} frames of 8x8 of"):
        clip_of(longer)


def test_a_folder_holds_files_of_one_fit(tmp_path: Path) -> None:
    save_result(GOOD, tmp_path)
    assert open_result(tmp_path / "result.npz").diagnostics is None
    assert open_result(tmp_path).texture("left") is None
    (tmp_path / "texture_left.png").write_bytes(b"x")
    assert open_result(tmp_path).texture("left") == tmp_path / "texture_left.png"
    short = make_diagnostics(replace(GOOD, present=GOOD.present[:, :2]))
    save_diagnostics(short, tmp_path)
    with pytest.raises(InputError, match=r"not of the same fit as result\.npz"):
        open_result(tmp_path)
    with pytest.raises(InputError, match="no such folder, expected the folder that a fit has written"):
        open_result(tmp_path / "absent")


RECORD = RunRecord("a" * 64, "clip.mp4", "/clips/clip.mp4", ("fit_sequence.py", "clip.mp4"), "0.1.0", 1.5)


def test_a_record_is_read_back(tmp_path: Path) -> None:
    record = replace(RECORD, warnings=("careful",), started_from={"left": "relaxed"})
    save_record(record, tmp_path)
    assert RunRecord.load(tmp_path) == record


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "JSON: damaged"),
        ("[]", "JSON: damaged"),
        ('{"identity": "x", "started_from": {"right": "network"}}', "input: damaged or of an older handfit"),
        ('{"identity": 3}', "identity: damaged or of an older handfit"),
    ],
)
def test_a_damaged_record_is_one_sentence(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(InputError, match=f"run.json: {message}"):
        RunRecord.load(tmp_path)
