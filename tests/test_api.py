"""The Python API: the same fit as the command line's, with nothing left behind unless asked for."""

from pathlib import Path

import numpy as np
import pytest

import fitter
from fitter.errors import InputError
from fitter.export.result import FitResult
from fitter.hand import HandModel
from tests.short_clip import KEYPOINTS_ONLY, ShortClip, run


@pytest.fixture(scope="module")
def clip(anny: HandModel, tmp_path_factory: pytest.TempPathFactory) -> ShortClip:
    return ShortClip.make(anny, tmp_path_factory.mktemp("clip"))


def test_it_equals_the_command_line(clip: ShortClip, tmp_path: Path) -> None:
    assert run(clip.words(tmp_path / "command")) == 0
    result = fitter.fit(clip.video, keypoints=clip.keypoints, config=KEYPOINTS_ONLY)
    assert isinstance(result, fitter.FitResult)
    np.testing.assert_array_equal(result.joints_m, FitResult.load(tmp_path / "command").joints_m)


def test_an_output_folder_is_written_as_by_the_command(clip: ShortClip, tmp_path: Path) -> None:
    fitter.fit(clip.video, tmp_path / "out", keypoints=clip.keypoints, config=KEYPOINTS_ONLY)
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {
        "result.npz",
        "config.yaml",
        "diagnostics.npz",
        "overlay.mp4",
        "report.html",
        "meshes",
    }


def test_bad_input_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="absent.mp4 does not exist"):
        fitter.fit(tmp_path / "absent.mp4")


def test_an_unknown_attribute_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'fits'"):
        fitter.__getattr__("fits")
