"""Each gate lets good rows pass, drops bad ones with the reason in words, and stays out of what it cannot judge."""

from dataclasses import fields, replace

import numpy as np
import pytest

from fitter.export.labels.gates import Gates, judge
from tests.labelled_results import SIZE, make_result

OPEN = Gates(0.0, np.inf, np.inf, 0.0, np.inf, 0.0)
HAND, FRAME = 1, 2


@pytest.fixture(scope="module")
def made(anny):
    return make_result(anny)


def spoiled(array, value):
    changed = array.copy()
    changed[HAND, FRAME] = value
    return changed


def test_a_good_fit_is_kept_wherever_it_is_present(made):
    verdict = judge(made.result, made.diagnostics, Gates())
    np.testing.assert_array_equal(verdict.kept, made.result.present)
    assert verdict.reasons(HAND, FRAME) == () and verdict.reasons(0, 1) == ("not present",)


def bad_quality(made):
    return made.with_result(quality=spoiled(made.result.quality, 0.3))


def bad_sigma(made):
    return made.with_diagnostics(relative_sigma_mm=spoiled(made.diagnostics.relative_sigma_mm, 24.0))


def bad_reprojection(made):
    return made.with_diagnostics(reprojection_px=spoiled(made.diagnostics.reprojection_px, 40.0))


def bad_agreement(made):
    return made.with_diagnostics(
        detected_px=made.diagnostics.detected_px + spoiled(np.zeros((2, 5, 1, 1)), 60.0).astype(np.float32)
    )


def no_detection(made):
    return made.with_diagnostics(confidence=spoiled(made.diagnostics.confidence, 0.0))


def bad_colours(made):
    return made.with_diagnostics(photometric=spoiled(made.diagnostics.photometric, 5.0))


def out_of_frame(made):
    moved = spoiled(made.result.keypoints_px, made.result.keypoints_px[HAND, FRAME] + [SIZE[0], 0])
    return made.with_result(keypoints_px=moved).with_diagnostics(detected_px=np.nan_to_num(moved))


CASES = {
    "quality": (bad_quality, "quality 0.3, at least 0.5", "min_quality"),
    "sigma_mm": (bad_sigma, "sigma_mm 24, at most 20", "max_sigma_mm"),
    "reprojection": (bad_reprojection, "reprojection_percent", "max_reprojection_percent"),
    "agreement": (bad_agreement, "agreement_percent 0, at least 60", "min_agreement_percent"),
    "no detection": (no_detection, "agreement_percent 0, at least 60", "min_agreement_percent"),
    "photometric": (bad_colours, "photometric_sigmas 5, at most 1.5", "max_photometric_sigmas"),
    "inside": (out_of_frame, "inside_percent 0, at least 75", "min_inside_percent"),
}


@pytest.mark.parametrize(("spoil", "reason", "gate"), CASES.values(), ids=CASES)
def test_one_bad_measure_drops_one_row_and_says_why(made, spoil, reason, gate):
    bad = spoil(made)
    verdict = judge(bad.result, bad.diagnostics, Gates())
    expected = made.result.present.copy()
    expected[HAND, FRAME] = False
    np.testing.assert_array_equal(verdict.kept, expected)
    (told,) = verdict.reasons(HAND, FRAME)
    assert told.startswith(reason)
    assert verdict.reasons(0, FRAME) == ()
    off = replace(Gates(), **{gate: getattr(OPEN, gate)})
    np.testing.assert_array_equal(judge(bad.result, bad.diagnostics, off).kept, made.result.present)


def test_every_gate_is_tried():
    assert {gate for _, _, gate in CASES.values()} == {field.name for field in fields(Gates)}


def test_what_is_not_known_is_let_pass(made):
    nothing = np.full_like(made.diagnostics.photometric, np.nan)
    blind = made.with_diagnostics(photometric=nothing, reprojection_px=nothing)
    verdict = judge(blind.result, blind.diagnostics, Gates())
    np.testing.assert_array_equal(verdict.kept, made.result.present)
    np.testing.assert_array_equal(judge(made.result, None, Gates()).kept, made.result.present)


def test_a_hand_behind_the_camera_is_no_label(made):
    joints = spoiled(made.result.joints_m, made.result.joints_m[HAND, FRAME] - [0, 0, 1])
    verdict = judge(made.with_result(joints_m=joints).result, made.diagnostics, OPEN)
    assert not verdict.kept[HAND, FRAME] and verdict.reasons(HAND, FRAME) == ("behind the camera",)


def test_all_reasons_are_told(made):
    bad = bad_sigma(bad_quality(made))
    assert len(judge(bad.result, bad.diagnostics, Gates()).reasons(HAND, FRAME)) == 2


def test_gates_are_limits_not_steps(made):
    """Exactly at the limit passes."""
    at = made.with_result(quality=spoiled(made.result.quality, 0.5))
    assert judge(at.result, at.diagnostics, Gates(min_quality=0.5)).kept[HAND, FRAME]
