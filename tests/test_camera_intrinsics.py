"""Intrinsics from the command line, and the camera assumed without them."""

import logging

import numpy as np
import pytest

from fitter.camera import ASSUMED_FOCAL, assumed_camera, parse_intrinsics
from fitter.errors import InputError

SIZE = (1280, 720)


def test_four_numbers_make_a_known_camera():
    camera = parse_intrinsics("923.648,923.759,640.047,362.336", SIZE)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (923.648, 923.759, 640.047, 362.336)
    assert (camera.width, camera.height, camera.distortion, camera.known) == (1280, 720, (), True)


@pytest.mark.parametrize("tail", ["0.1,-0.2,0.001,0.002", "0.1,-0.2,0.001,0.002,0.05"])
def test_distortion_survives_there_and_back(tail: str):
    camera = parse_intrinsics(f"900, 900, 640, 360, {tail}", SIZE)
    assert camera.distortion == tuple(float(part) for part in tail.split(","))
    pixels = np.array([[100.0, 50.0], [640.0, 360.0], [1200.0, 700.0]])
    np.testing.assert_allclose(camera.undistort(camera.distort(pixels)), pixels, atol=0.05)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("900,900,640", "4, 8 or 9 numbers"),
        ("900,900,640,360,0.1", "4, 8 or 9 numbers"),
        ("900;900;640;360", "separated by commas"),
        ("", "separated by commas"),
        ("nan,900,640,360", "finite"),
        ("900,inf,640,360", "finite"),
        ("-900,900,640,360", "positive focal lengths, found -900 and 900"),
        ("900,0,640,360", "positive focal lengths"),
        ("900,900,1500,360", "outside the 1280x720 frames"),
        ("900,900,640,-1", "outside the 1280x720 frames"),
        ("900,900,1152,648", "about 2304x1296, but these are 1280x720"),
        ("300,300,160,90", "about 320x180, but these are 1280x720"),
    ],
)
def test_bad_intrinsics_name_the_fault(text: str, words: str):
    with pytest.raises(InputError, match="--intrinsics") as caught:
        parse_intrinsics(text, SIZE)
    assert words in str(caught.value)


@pytest.mark.parametrize(("centre", "warns"), [("960,540", True), ("427,240", True), ("700,400", False)])
def test_intrinsics_of_scaled_frames_are_doubted(centre: str, warns: bool, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        parse_intrinsics(f"900,900,{centre}", SIZE)
    assert ("look like those of" in caplog.text) == warns


def test_assumed_camera_is_centred_and_unknown():
    for size in (SIZE, (720, 1280)):
        camera = assumed_camera(size)
        assert camera.fx == camera.fy == ASSUMED_FOCAL * 1280
        assert (camera.cx, camera.cy, camera.known) == (size[0] / 2, size[1] / 2, False)
