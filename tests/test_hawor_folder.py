"""HaWoR's folder: chunks of both sides, its focal length or the clip's, and one sentence for what cannot be used."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from fitter.errors import InputError
from fitter.hand import HandModel, PosedHand
from fitter.hand.mirror import mirror_points
from fitter.initialise.hawor_folder import is_hawor_folder, read_hawor
from tests.simulated_regressor import hamer_arrays, mano_wrist, write_hawor
from tests.test_regressed import CAMERA, SIZE, T, evidence, posed


def folder(place: Path, hand: PosedHand, side: str = "right", focal_px: float | None = CAMERA.fx) -> Path:
    """The hand in two chunks without frame 3, exactly where it is for a camera of `focal_px`."""
    translation = hand.joints[:, 0] - torch.from_numpy(mano_wrist(hand))
    if side == "left":
        translation = mirror_points(translation)
    arrays = hamer_arrays(hand, CAMERA, "left" if side == "left" else "right")
    write_hawor(place, arrays, translation.numpy(), [(0, 2), (4, T - 1)])
    if focal_px is not None:
        (place / "est_focal.txt").write_text(str(focal_px))
    return place


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("focal_px", [CAMERA.fx, None])
def test_the_hand_is_where_hawor_has_it(anny: HandModel, tmp_path: Path, side: str, focal_px: float | None) -> None:
    hand = posed(anny)
    found = read_hawor(folder(tmp_path, hand, side, focal_px), T, SIZE)
    assert found.sides == {side} and found.frame.tolist() == [0, 1, 2, 4, 5, 6, 7]
    (start,) = found.of_side("left" if side == "left" else "right")(anny, CAMERA, evidence())
    seen = [0, 1, 2, 4, 5, 6, 7]
    assert torch.allclose(start.state.wrist[seen], hand.joints[seen, 0], atol=1e-6)
    assert torch.allclose(start.state.rotations[seen], hand.rotations[seen], atol=1e-6)


def test_another_focal_length_scales_the_distance(anny: HandModel, tmp_path: Path) -> None:
    hand = posed(anny)
    found = read_hawor(folder(tmp_path, hand, focal_px=CAMERA.fx), T, SIZE)
    (start,) = found.of_side("right")(anny, CAMERA.scaled(1.5), evidence())
    assert float(start.state.wrist[0, 2] / hand.joints[0, 0, 2]) == pytest.approx(1.5, rel=0.05)


def test_a_folder_is_known_by_its_name_of_camera_space(tmp_path: Path) -> None:
    assert not is_hawor_folder(tmp_path)
    (tmp_path / "cam_space").mkdir()
    assert is_hawor_folder(tmp_path)
    with pytest.raises(InputError, match=r"holds no cam_space/0/\*.json"):
        read_hawor(tmp_path, T, SIZE)


def test_what_cannot_be_used_is_one_sentence(anny: HandModel, tmp_path: Path) -> None:
    place = folder(tmp_path, posed(anny))
    chunk = place / "cam_space" / "1" / "0_2.json"
    content = json.loads(chunk.read_text())
    with pytest.raises(InputError, match="expected FIRST_LAST.json, the numbers of frames of this clip, 0 to 4"):
        read_hawor(place, 5, SIZE)
    for wrong, sentence in (
        ({**content, "init_trans": content["init_trans"][0]}, r"init_trans has shape \(3, 3\), expected \(1, 3, 3\)"),
        ({name: content[name] for name in ("init_trans", "init_betas")}, "holds no init_root_orient"),
        ([content], "an object of named lists"),
        ({**content, "init_trans": (0 * np.ones((1, 3, 3))).tolist()}, "behind the camera"),
        ({**content, "init_betas": np.full((1, 3, 10), np.nan).tolist()}, "not finite"),
    ):
        chunk.write_text(json.dumps(wrong))
        with pytest.raises(InputError, match=sentence):
            read_hawor(place, T, SIZE)
    chunk.write_text(json.dumps(content))
    for text in ("", "wide", "nan", "-600"):
        (place / "est_focal.txt").write_text(text)
        with pytest.raises(InputError, match="expected one number, HaWoR's focal length"):
            read_hawor(place, T, SIZE)


def test_a_pipe_in_the_place_of_the_focal_length_is_not_waited_for(anny: HandModel, tmp_path: Path) -> None:
    place = folder(tmp_path, posed(anny), focal_px=None)
    os.mkfifo(place / "est_focal.txt")
    with pytest.raises(InputError, match="expected one number"):
        read_hawor(place, T, SIZE)
