"""The thing in the way hides what it should, stays in front, moves, has a texture; the rest of the clip is the same."""

import numpy as np
import pytest
import torch

from fitter.camera import Camera
from fitter.hand import HandModel
from fitter.observe.observations import Side
from priors.synthetic.clip import DemoClip, Part, make_demo_clip
from priors.synthetic.difficulty import Difficulty
from priors.synthetic.occluder import GAP_M, Occluder, occluder_before, path, pattern, superellipsoid

FRAMES, SIZE, SHARE = 10, (240, 180), 0.3


def made(model: HandModel, seed: int = 1, side: Side = "right", occluded: float = SHARE) -> DemoClip:
    return make_demo_clip(model, seed, FRAMES, SIZE, side, Difficulty(occluded=occluded))


def thing_of(clip: DemoClip) -> Occluder:
    assert clip.occluder is not None
    return clip.occluder


@pytest.mark.parametrize(("seed", "side"), [(1, "right"), (2, "left"), (3, "right")])
def test_it_hides_the_wanted_share_of_the_hand(anny: HandModel, seed: int, side: Side) -> None:
    clip, plain = made(anny, seed, side), made(anny, seed, side, occluded=0.0)
    assert plain.occluder is None
    share = thing_of(clip).share
    assert share.mean() == pytest.approx(SHARE, abs=0.01)
    for frame in range(FRAMES):
        whole, left = plain.hand_mask(frame), clip.hand_mask(frame)
        assert not (left & ~whole).any()
        assert 1.0 - left.sum() / whole.sum() == pytest.approx(share[frame], abs=1e-12)


def test_more_and_less_can_be_hidden(anny: HandModel) -> None:
    for share in (0.05, 0.6):
        assert thing_of(made(anny, occluded=share)).share.mean() == pytest.approx(share, abs=0.015)


def test_it_is_nearer_than_the_hand_and_moves_before_it(anny: HandModel) -> None:
    clip = make_demo_clip(anny, 3, FRAMES, SIZE, difficulty=Difficulty(shutter=0.5, occluded=SHARE))
    thing = thing_of(clip)
    farthest = max(float(thing.vertices(frame, moment)[:, 2].max()) for frame in range(FRAMES) for moment in range(5))
    assert farthest <= clip.truth.vertices_m[..., 2].min() - GAP_M + 1e-9
    middles = clip.truth.camera.project(thing.middle[:, 2]).numpy()
    steps = np.linalg.norm(np.diff(middles, axis=0), axis=1)
    assert 0.0 < steps.min() and steps.max() < 20.0  # px per frame: always moving, never jumping
    # The moments of a shutter lie on the way from frame to frame.
    within = np.linalg.norm(np.diff(clip.truth.camera.project(thing.middle).numpy(), axis=1), axis=2)
    np.testing.assert_allclose(within[1:-1].sum(1), 0.4 * steps[1:], rtol=0.5)


def test_it_is_seen_where_its_mask_is_and_nowhere_else(anny: HandModel) -> None:
    clip, plain = made(anny), made(anny, occluded=0.0)
    changed = np.abs(clip.still(4).astype(int) - plain.still(4).astype(int)).max(-1)
    mask = clip.parts(4) == Part.OCCLUDER
    inner = np.zeros_like(mask)
    inner[2:-2, 2:-2] = np.all([np.roll(mask, (y, x), (0, 1)) for y in (-2, 0, 2) for x in (-2, 0, 2)], 0)[2:-2, 2:-2]
    outer = np.any([np.roll(mask, (y, x), (0, 1)) for y in (-3, 0, 3) for x in (-3, 0, 3)], 0)
    assert (changed[inner] > 0).mean() > 0.95
    assert (changed[~outer] == 0).all()
    assert clip.still(4)[inner].astype(float).std(0).max() > 15.0  # a texture, not one colour


def test_only_the_thing_is_added(anny: HandModel) -> None:
    clip, plain = made(anny), made(anny, occluded=0.0)
    np.testing.assert_array_equal(clip.truth.vertices_m, plain.truth.vertices_m)
    np.testing.assert_array_equal(clip.surfaces.texture, plain.surfaces.texture)
    np.testing.assert_array_equal(clip.background, plain.background)
    assert (clip.sensor, clip.noise_seed) == (plain.sensor, plain.noise_seed)
    assert (made(anny).still(2) == clip.still(2)).all()


def test_solids_are_round_to_boxy_and_wound_outwards() -> None:
    volumes = []
    for seed in range(6):
        points, faces = superellipsoid(np.random.default_rng(seed))
        assert float(points.norm(dim=1).max()) == pytest.approx(1.0)
        a, b, c = (points[faces[:, k].long()] for k in range(3))
        volumes.append(float((a * torch.linalg.cross(b, c)).sum() / 6.0))
    assert min(volumes) > 0.3 and max(volumes) < 4.0 * np.pi / 3.0
    assert max(volumes) > 1.3 * min(volumes)


def test_patterns_are_albedos_and_differ() -> None:
    points, _ = superellipsoid(np.random.default_rng(0))
    patterns = [pattern(np.random.default_rng(seed), points) for seed in range(8)]
    for colours in patterns:
        assert 0.0 < colours.min() and colours.max() <= 0.95
        assert colours.std(0).max() > 0.02
    assert min(np.abs(a - b).mean() for a, b in zip(patterns[:-1], patterns[1:], strict=True)) > 0.05


def test_frames_without_a_hand_do_not_count() -> None:
    camera = Camera(100.0, 100.0, 32.0, 24.0, 64, 48)
    masks = np.zeros((3, 48, 64), dtype=bool)
    masks[1, 10:30, 20:40] = True
    moments_s = np.arange(3)[:, None] / 30.0
    thing = occluder_before(np.random.default_rng(0), camera, masks, 0.4, moments_s, share=0.5)
    assert thing.share[0] == 0.0 and thing.share[2] == 0.0
    assert thing.share[1] == pytest.approx(0.5, abs=0.02)


def test_an_empty_clip_has_a_path_through_its_middle() -> None:
    middle = path(np.random.default_rng(0), np.zeros((2, 48, 64), dtype=bool), np.zeros((2, 1)))
    np.testing.assert_array_equal(middle, np.broadcast_to([32.0, 24.0], (2, 1, 2)))
