"""Finished windows on disk: back to the last bit, of this run only, and a killed fit goes on to the same result."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fitter.app.saved_windows import WINDOWS_FOLDER, SavedWindows, forget_windows
from fitter.errors import InputError
from fitter.hand import HandModel
from fitter.observe.grabcut import ColourModel
from fitter.pipeline import HandFit
from fitter.pipeline.long_clip import fit_windows
from fitter.pipeline.part import part_of
from fitter.pipeline.settings import TimeWindows
from fitter.render.appearance import Appearance
from fitter.render.window import Windows
from fitter.scene import Scene
from fitter.synthesis.decided import RESULT, Decided
from fitter.synthesis.report import PhotometricReport
from tests.conftest import REPOSITORY
from tests.short_clip import ShortClip, run
from tests.test_long_clip import hands_of, work
from tests.test_pipeline import truth_of
from tests.toy_problem import evidence_of

T = 8
SHORT_WINDOWS = (
    *("--windows.whole", "6", "--windows.frames", "4", "--windows.held", "2", "--windows.lookahead", "2"),
    *("--windows.person-pieces", "2", "--windows.person-frames", "3"),
)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return truth_of(T)


@pytest.fixture(scope="module")
def fit(scene: Scene) -> HandFit:
    """A fit by keypoints, and what one by pixels would add."""
    (window,) = fit_windows(hands_of(scene, [evidence_of(scene, seed=1)]), TimeWindows(), work())
    rng = torch.Generator().manual_seed(0)
    look = Appearance(*(torch.rand(*shape, generator=rng) for shape in ((4, 4, 3), (4, 4), (9, 3), (T, 3))))
    report = PhotometricReport(20.0, 0.9, 19.0, float("nan"), None, None, 3, 1, np.arange(T) < 4, np.arange(float(T)))
    seen_through = Windows(torch.rand(T, 2, generator=rng), torch.rand(T, generator=rng), 224)
    whole = window.fits[0]
    colours = ColourModel.of(*(np.linspace(0.1, 1.0, 65).reshape(1, 65) for _ in range(2)))
    pixels = {"appearance": look, "photometric": report, "decided": Decided(colours, {"fine": 0.1, RESULT: 0.2}, "why")}
    return replace(whole, scene=replace(whole.scene, windows=seen_through), **pixels)


def assert_same(one: HandFit, other: HandFit) -> None:
    for name in ("rotations", "trajectory", "betas", "log_focal"):
        assert torch.equal(getattr(one.state, name), getattr(other.state, name)), name
    for name in ("status", "start", "energies", "initial_energies", "traces"):
        assert getattr(one, name) == getattr(other, name), name
    for name in ("joints_sigma_mm", "relative_sigma_mm", "focal_sigma"):
        np.testing.assert_array_equal(getattr(one.posterior, name), getattr(other.posterior, name))
    assert one.posterior.variance_factors == other.posterior.variance_factors
    np.testing.assert_array_equal(one.present, other.present)
    assert list(one.frames.energies) == list(other.frames.energies)
    for term, energies in one.frames.energies.items():
        np.testing.assert_array_equal(energies, other.frames.energies[term])
    for name in ("reprojection_px", "photometric", "overlap"):
        np.testing.assert_array_equal(getattr(one.frames, name), getattr(other.frames, name))
    assert one.appearance is not None and other.appearance is not None
    for field in fields(Appearance):
        assert torch.equal(getattr(one.appearance, field.name), getattr(other.appearance, field.name)), field.name
    assert one.photometric is not None and other.photometric is not None
    for field in fields(PhotometricReport):
        np.testing.assert_array_equal(getattr(one.photometric, field.name), getattr(other.photometric, field.name))
    assert one.decided is not None and other.decided is not None
    assert (one.decided.levels, one.decided.undone) == (other.decided.levels, other.decided.undone)
    assert one.decided.colours is not None and other.decided.colours is not None
    np.testing.assert_array_equal(one.decided.colours.evidence, other.decided.colours.evidence)
    assert one.scene.windows is not None and other.scene.windows is not None
    assert torch.equal(one.scene.windows.origin_px, other.scene.windows.origin_px)
    assert one.scene.windows.size == other.scene.windows.size


def test_a_fit_comes_back_to_the_last_bit(fit: HandFit, scene: Scene, tmp_path: Path) -> None:
    saved = SavedWindows.of(tmp_path, "run", [scene], resume=False)
    kept = saved.save("person", [fit], None)
    again = SavedWindows.of(tmp_path, "run", [scene], resume=True).load("person", None)
    assert again is not None
    for found in (kept[0], again[0]):
        assert_same(found, fit)
        assert found.scene.model is scene.model


def test_a_window_shares_what_the_person_wears(fit: HandFit, scene: Scene, tmp_path: Path) -> None:
    saved = SavedWindows.of(tmp_path, "run", [scene], resume=False)
    part = part_of(fit, slice(2, 5))
    saved.save("00001", [part], [fit])
    again = saved.load("00001", [fit])
    assert again is not None and again[0].appearance is not None and fit.appearance is not None
    assert_same(again[0], part)
    assert again[0].appearance.albedo is fit.appearance.albedo
    assert again[0].decided is fit.decided
    with np.load(tmp_path / WINDOWS_FOLDER / "00001.npz", allow_pickle=False) as file:
        assert "hand0_albedo" not in file.files and "hand0_template" not in file.files


def test_a_surface_of_its_own_is_kept(fit: HandFit, scene: Scene, tmp_path: Path) -> None:
    moved = replace(scene.model, template=scene.model.template + 0.001)
    saved = SavedWindows.of(tmp_path, "run", [scene], resume=False)
    (again,) = saved.save("person", [replace(fit, scene=replace(fit.scene, model=moved))], None)
    assert torch.equal(again.scene.model.template, moved.template)


def test_a_folder_that_cannot_be_made_is_one_sentence(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / WINDOWS_FOLDER).write_text("in the way")
    with pytest.raises(InputError, match=WINDOWS_FOLDER):
        SavedWindows.of(tmp_path, "run", [scene], resume=True)


def test_what_is_of_another_run_or_damaged_is_not_taken(fit: HandFit, scene: Scene, tmp_path: Path) -> None:
    saved = SavedWindows.of(tmp_path, "run", [scene], resume=False)
    saved.save("00000", [fit], None)
    assert SavedWindows.of(tmp_path, "another", [scene], resume=True).load("00000", None) is None
    path = tmp_path / WINDOWS_FOLDER / "00000.npz"
    content = path.read_bytes()
    for damage in (content[:1000], b"nonsense", b""):
        path.write_bytes(damage)
        assert SavedWindows.of(tmp_path, "run", [scene], resume=True).load("00000", None) is None
    path.write_bytes(content)
    with np.load(path) as archive:
        arrays = dict(archive)
    for key, value in (
        *(("hand0_words", np.array(text)) for text in ("[]", "1", "{}", "[" * 100_000)),
        ("hand0_template", np.array("a")),
        ("hand0_energies", np.zeros(())),
        ("hand0_scale", np.array(["a"])),
    ):
        np.savez(path, **arrays | {key: value})
        assert SavedWindows.of(tmp_path, "run", [scene], resume=True).load("00000", None) is None, key
    path.write_bytes(content)
    assert SavedWindows.of(tmp_path, "run", [scene], resume=False).load("00000", None) is None  # begins anew


def test_nothing_is_left_in_the_end(fit: HandFit, scene: Scene, tmp_path: Path) -> None:
    SavedWindows.of(tmp_path, "run", [scene], resume=False).save("00000", [fit], None)
    forget_windows(tmp_path)
    forget_windows(tmp_path)
    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, signal, sys
from fitter.app import saved_windows

name, moment, *words = sys.argv[1:]
save, replace = saved_windows.SavedWindows.save, os.replace

def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)

def watched(self, window, fits, known):
    if window == name and moment == "before":
        die()
    kept = save(self, window, fits, known)
    if window == name and moment == "after":
        die()
    return kept

def halfway(source, target, **more):
    if moment == "while" and os.fspath(target).endswith(name + ".npz"):
        die()
    replace(source, target, **more)

saved_windows.SavedWindows.save, os.replace = watched, halfway
from tests.short_clip import run
sys.exit(run(words))
"""


def killed(name: str, moment: str, words: Sequence[str]) -> None:
    """Run the command in a process that is killed about the saving of one window."""
    done = subprocess.run([sys.executable, "-c", KILLED, name, moment, *words], cwd=REPOSITORY, check=False)
    assert done.returncode == -signal.SIGKILL


def arrays_in(folder: Path) -> dict[str, np.ndarray]:
    found = {}
    for name in ("result", "diagnostics"):
        with np.load(folder / f"{name}.npz", allow_pickle=False) as file:
            found |= {f"{name}.{array}": file[array] for array in file.files}
    return found


def test_a_killed_fit_goes_on_to_the_very_result(anny: HandModel, tmp_path: Path) -> None:
    clip = ShortClip.make(anny, tmp_path)
    assert run(clip.words(tmp_path / "whole", *SHORT_WINDOWS)) == 0
    resumed = clip.words(tmp_path / "resumed", *SHORT_WINDOWS, "--resume")
    killed("person", "while", resumed)
    killed("00000", "after", resumed)
    killed("00002", "before", resumed)
    kept = {path.name for path in (tmp_path / "resumed" / WINDOWS_FOLDER).glob("[0-9a-z]*")}
    assert kept == {"person.npz", "00000.npz", "00001.npz"}
    assert not (tmp_path / "resumed" / "run.json").exists()
    assert run(resumed) == 0
    wanted, found = arrays_in(tmp_path / "whole"), arrays_in(tmp_path / "resumed")
    assert wanted.keys() == found.keys()
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
    assert not (tmp_path / "resumed" / WINDOWS_FOLDER).exists()
