"""Masks by colour: measured on synthetic clips, and what becomes of clips that colours cannot tell apart."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest
import torch

from fitter.hand import HandModel
from fitter.observe.agreement import beyond_wrist, consistent
from fitter.observe.footage import Cut, Footage
from fitter.observe.grabcut import (
    COMPONENTS,
    LEARN_SIZE,
    colour_table,
    hand_of_frame,
    learned,
    seeds,
    segment,
    shrunk,
    smoothed,
)
from fitter.render.window import windows_around
from fitter.render.zbuffer import ZBuffer
from priors.synthetic.clip import make_demo_clip

FRAMES, SIZE = 8, 160


@dataclass(frozen=True)
class Scenery:
    """A cut of a synthetic clip; `covered` is the true hand drawn 4 mm beside itself, `shown` are hand and arm."""

    cut: Cut
    covered: torch.Tensor
    beyond: torch.Tensor
    shown: torch.Tensor
    keypoints: torch.Tensor
    trust: torch.Tensor


@pytest.fixture(scope="module")
def scenery(anny: HandModel) -> Scenery:
    clip = make_demo_clip(anny, seed=1, n_frames=FRAMES)
    truth, faces = clip.truth, anny.faces
    hand = torch.from_numpy(truth.vertices_m)
    aside = hand + torch.tensor([0.003, 0.0025, 0.0], dtype=torch.float64)
    windows = windows_around(truth.camera.project(hand), SIZE)

    def screen(points: torch.Tensor) -> torch.Tensor:
        return torch.cat([windows.of_image(truth.camera.project(points)), points[..., 2:]], dim=-1)

    hand_and_arm = torch.from_numpy(clip.vertices_m[:, 0])  # its shutter is open for one moment
    both = ZBuffer(cull_back_faces=False).rasterize(screen(hand_and_arm), clip.surfaces.faces, (SIZE, SIZE))
    keypoints = windows.of_image(torch.from_numpy(truth.keypoints_px).double())
    return Scenery(
        cut=Footage(clip, truth.camera).cut(windows),
        covered=ZBuffer().rasterize(screen(aside), faces, (SIZE, SIZE)).covered,
        beyond=beyond_wrist(keypoints, SIZE),
        shown=both.covered,
        keypoints=keypoints,
        trust=torch.ones(FRAMES, dtype=torch.float64),
    )


def masked(cut: Cut, covered: torch.Tensor, beyond: torch.Tensor, trust: torch.Tensor) -> torch.Tensor:
    """Masks by the clip's own colours."""
    return segment(cut, covered, beyond, trust, learned(cut, covered, beyond, trust))


def overlap(first: torch.Tensor, second: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    both, either = (first & second & where).sum((1, 2)), ((first | second) & where).sum((1, 2))
    return both / either


def test_the_mask_is_far_nearer_to_the_truth_than_the_mesh_it_starts_from(scenery: Scenery) -> None:
    masks = masked(scenery.cut, scenery.covered, scenery.beyond, scenery.trust) > 0
    before = overlap(scenery.covered, scenery.shown, ~scenery.beyond)
    after = overlap(masks, scenery.shown, ~scenery.beyond)
    assert before.mean() < 0.93  # else there would be nothing to win
    assert after.min() > 0.95
    verdict = consistent(
        masks.to(torch.uint8) * 255,
        scenery.covered,
        scenery.beyond,
        scenery.keypoints,
        torch.ones(FRAMES, 21, dtype=torch.float64),
        scenery.cut.inside,
    )
    assert verdict.agrees.all()


def test_equal_input_gives_equal_masks(scenery: Scenery) -> None:
    first = masked(scenery.cut, scenery.covered, scenery.beyond, scenery.trust)
    cv2.setRNGSeed(77)
    assert torch.equal(first, masked(scenery.cut, scenery.covered, scenery.beyond, scenery.trust))


def test_frames_that_are_not_trusted_get_no_mask(scenery: Scenery) -> None:
    trust = scenery.trust.clone()
    trust[2:4] = 0.0
    masks = masked(scenery.cut, scenery.covered, scenery.beyond, trust)
    assert (masks.amax(dim=(1, 2)) > 0).tolist() == (trust > 0).tolist()
    assert not masked(scenery.cut, scenery.covered, scenery.beyond, 0.0 * trust).any()


def test_a_mesh_beside_the_hand_gets_no_mask(scenery: Scenery) -> None:
    covered, beyond = scenery.covered.clone(), scenery.beyond.clone()
    covered[3] = torch.roll(covered[3], (SIZE // 6, SIZE // 3), (0, 1))
    beyond[3] = torch.roll(beyond[3], (SIZE // 6, SIZE // 3), (0, 1))
    masks = masked(scenery.cut, covered, beyond, scenery.trust)
    assert not masks[3].any()
    assert overlap(masks > 0, scenery.shown, ~beyond)[[0, 1, 2, 4, 5, 6, 7]].min() > 0.9


def test_an_object_before_the_hand_is_left_out(scenery: Scenery) -> None:
    rgb = scenery.cut.rgb.clone()
    bar = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    bar[:, 70:84] = True
    rgb[3, bar] = torch.tensor([30, 60, 200], dtype=torch.uint8)
    rgb[:, :, :20] = torch.tensor([30, 60, 200], dtype=torch.uint8)  # the clip shows the object elsewhere, too
    cut = replace(scenery.cut, rgb=rgb)
    masks = masked(cut, scenery.covered, scenery.beyond, scenery.trust) > 0
    hidden = bar & scenery.shown[3] & ~scenery.beyond[3]
    assert masks[3][hidden].float().mean() < 0.1


def test_a_grey_clip(scenery: Scenery) -> None:
    grey = scenery.cut.rgb.double().mean(dim=-1, keepdim=True).round().to(torch.uint8).expand(-1, -1, -1, 3)
    masks = masked(replace(scenery.cut, rgb=grey.contiguous()), scenery.covered, scenery.beyond, scenery.trust)
    assert masks.any() and set(masks.unique().tolist()) <= {0, 255}


def test_one_frame_is_enough(scenery: Scenery) -> None:
    cut = Cut(scenery.cut.rgb[:1], scenery.cut.inside[:1])
    masks = masked(cut, scenery.covered[:1], scenery.beyond[:1], scenery.trust[:1])
    assert overlap(masks > 0, scenery.shown[:1], ~scenery.beyond[:1]).item() > 0.95


@pytest.mark.parametrize("colour", [0, 130, 255])
def test_a_clip_of_one_colour_is_no_error(colour: int, scenery: Scenery) -> None:
    cut = Cut(torch.full_like(scenery.cut.rgb[:1], colour), scenery.cut.inside[:1])
    masks = masked(cut, scenery.covered[:1], scenery.beyond[:1], scenery.trust[:1])
    assert masks.shape == cut.inside.shape


def test_colours_of_other_frames_do(scenery: Scenery) -> None:
    """The second half by the colours of the first."""
    first, second = slice(0, FRAMES // 2), slice(FRAMES // 2, FRAMES)

    def part(rows: slice) -> tuple[Cut, torch.Tensor, torch.Tensor, torch.Tensor]:
        cut = Cut(scenery.cut.rgb[rows], scenery.cut.inside[rows])
        return cut, scenery.covered[rows], scenery.beyond[rows], scenery.trust[rows]

    masks = segment(*part(second), learned(*part(first)))
    assert overlap(masks > 0, scenery.shown[second], ~scenery.beyond[second]).min() > 0.95
    assert not segment(*part(second), None).any()


def test_without_a_hand_in_the_windows_there_is_nothing_to_learn(scenery: Scenery) -> None:
    nothing = torch.zeros_like(scenery.covered)
    assert learned(scenery.cut, nothing, scenery.beyond, scenery.trust) is None
    assert not masked(scenery.cut, nothing, scenery.beyond, scenery.trust).any()


def test_what_lies_outside_the_image_is_never_hand(scenery: Scenery) -> None:
    inside = scenery.cut.inside.clone()
    inside[:, :, 80:] = False
    masks = masked(replace(scenery.cut, inside=inside), scenery.covered, scenery.beyond, scenery.trust)
    assert masks.any() and not masks[:, :, 82:].any()  # the border is smoothed by a pixel


def disc(size: int, radius: float) -> np.ndarray:
    y, x = np.mgrid[:size, :size] + 0.5 - size / 2
    return np.hypot(x, y) < radius


FLAT_SIZE = LEARN_SIZE
MESH = disc(FLAT_SIZE, 20)


def flat_clip(hand: np.ndarray) -> Cut:
    """A brown hand on a blue ground, flat but for noise."""
    rng = np.random.default_rng(0)
    rgb = np.where(hand[..., None], [150, 100, 80], [60, 80, 160]) + rng.normal(0, 3, (*hand.shape, 3))
    return Cut(torch.from_numpy(rgb.astype(np.uint8))[None], torch.ones(1, *hand.shape, dtype=torch.bool))


def flat_masks(hand: np.ndarray, beyond: np.ndarray | None = None) -> np.ndarray:
    forearm = torch.from_numpy(np.zeros_like(hand) if beyond is None else beyond)[None]
    return masked(flat_clip(hand), torch.from_numpy(MESH)[None], forearm, torch.ones(1))[0].numpy() > 0


def test_the_border_follows_the_colours() -> None:
    hand = disc(FLAT_SIZE, 26)
    assert (flat_masks(hand) ^ hand).sum() < 0.02 * hand.sum()


def test_a_forearm_may_go_on_only_beyond_the_wrist() -> None:
    hand = disc(FLAT_SIZE, 22)
    hand[FLAT_SIZE // 2 :, 48:64] = True
    beyond = np.zeros_like(hand)
    beyond[70:] = True
    assert flat_masks(hand, beyond)[-5, 50:62].all()
    assert not flat_masks(hand)[-5].any()


def test_a_hand_of_the_same_colour_that_does_not_touch_is_left_out() -> None:
    hand = disc(FLAT_SIZE, 20)
    both = hand | np.roll(disc(FLAT_SIZE, 8), 36, axis=1)
    assert (flat_masks(both) ^ hand).sum() < 0.03 * hand.sum()


def test_seeds_by_hand() -> None:
    forearm, inside = np.zeros_like(MESH), np.ones_like(MESH)
    forearm[100:], inside[:, :10] = True, False
    classes = seeds(MESH, forearm, inside)
    centre = FLAT_SIZE // 2
    assert classes[centre, centre] == cv2.GC_FGD
    assert classes[centre, centre + 19] == cv2.GC_PR_FGD
    assert classes[centre, centre + 25] == cv2.GC_PR_BGD
    assert classes[centre, centre + 45] == cv2.GC_BGD
    assert classes[105, centre] == cv2.GC_PR_BGD
    assert (classes[:, :10] == cv2.GC_BGD).all()


def test_a_table_of_one_gaussian() -> None:
    mixture = np.zeros((1, 13 * COMPONENTS))
    mixture[0, 0] = 1.0
    mixture[0, COMPONENTS : COMPONENTS + 3] = 101.5
    mixture[0, 4 * COMPONENTS : 4 * COMPONENTS + 9] = (np.eye(3) * 96.0).ravel()  # and 4 of noise
    table = colour_table(mixture)
    assert table[25, 25, 25] == pytest.approx(-np.log(1000.0), abs=1e-6)
    assert table[30, 25, 25] - table[25, 25, 25] == pytest.approx(-0.5 * 20**2 / 100.0, abs=1e-5)


def test_a_frame_that_is_all_background_has_no_hand() -> None:
    hand = disc(FLAT_SIZE, 20)
    clip = flat_clip(hand)
    covered = torch.from_numpy(MESH)[None]
    model = learned(clip, covered, torch.zeros_like(covered), torch.ones(1))
    assert model is not None
    blue = flat_clip(np.zeros_like(hand)).rgb[0].numpy()
    classes = seeds(MESH, np.zeros_like(MESH), np.ones_like(MESH))
    assert not hand_of_frame(blue, classes, model).any()


def test_smaller_and_larger() -> None:
    mask = torch.from_numpy(disc(96, 30))[None]
    small = shrunk(mask, 48)
    assert np.abs(small[0].numpy().astype(int) - disc(48, 15)).sum() <= 8
    large = smoothed(small.to(torch.uint8) * 255, 96)
    assert set(large.unique().tolist()) == {0, 255}
    assert ((large > 0) ^ mask).sum() < 0.02 * mask.sum()
