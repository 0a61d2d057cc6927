"""Fingers that keep apart cost nothing; those that pass into each other cost what they overlap, and part."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from fitter import rotation
from fitter.energy import Energy
from fitter.energy.self_collision import PAIRS, SelfCollision, nearest
from fitter.energy.term import DenseRows, dense_rows, linearise, term_energy
from fitter.hand import HandModel
from fitter.hand.capsules import CAPSULE_NAMES
from fitter.hand.joint_axes import MEAN_RAD
from fitter.scene import Scene
from fitter.solve import assembly, normal_equations
from fitter.state import State, trajectory_of_wrist
from tests.mesh_scene import nothing_seen
from tests.toy_problem import CAMERA, toy_scene

CROSSED = {("index", 0): -14.0, ("middle", 0): 12.0}  # spread, degrees
FINGERS = ("index", "middle", "pinky", "ring", "thumb")


def scene_of(model: HandModel, angles: Tensor, betas: Tensor | None = None) -> Scene:
    """The hand half a metre away, turned, its joints at `angles` (frames, 15, 3), radians."""
    n_frames = len(angles)
    vectors = torch.einsum("jca,tja->tjc", model.joint_axes, angles)
    palm = torch.tensor([0.3, -0.8, 0.5]).double().expand(n_frames, 1, 3)
    rotations = rotation.exp(torch.cat([palm, vectors], dim=1))
    wrist = torch.tensor([0.02, 0.05, 0.5]).double().expand(n_frames, 3)
    betas = torch.zeros(model.n_betas).double() if betas is None else betas
    state = State(rotations, trajectory_of_wrist(wrist), betas, torch.zeros(()).double())
    return Scene(model, model.landmarks, CAMERA, state)


def crossed(n_frames: int = 3) -> Tensor:
    """Index and middle finger ever more crossed, from not at all on; the thumb bent into the palm in the last frame."""
    angles = torch.zeros(n_frames, 15, 3).double()
    for (finger, place), degrees in CROSSED.items():
        angles[:, 3 * FINGERS.index(finger) + place, 1] = np.radians(degrees) * torch.arange(n_frames) / (n_frames - 1)
    angles[-1, 12:, 2] = torch.tensor([0.9, 1.1, 1.3])
    return angles


def test_the_way_between_segments() -> None:
    first = torch.tensor([[0.0, 0, 0], [1, 0, 0]]).double()
    for second, expected in (
        ([[0.5, -1.0, 2.0], [0.5, 1.0, 2.0]], 2.0),  # crossing above
        ([[3.0, 0.0, 0.0], [5.0, 0.0, 0.0]], 2.0),  # ahead on the same line
        ([[0.2, 3.0, 0.0], [0.8, 3.0, 0.0]], 3.0),  # beside, parallel
        ([[-3.0, 4.0, 0.0], [-3.0, 9.0, 0.0]], 5.0),  # off an end
        ([[0.3, 1.0, 0.0], [0.3, 5.0, 0.0]], 1.0),  # an end above the middle
    ):
        way = nearest(first, torch.tensor(second).double())
        assert float(way.norm()) == pytest.approx(expected)


def test_no_joint_ties_the_bones_of_a_pair() -> None:
    named = {frozenset((CAPSULE_NAMES[i], CAPSULE_NAMES[j])) for i, j in PAIRS}
    assert len(named) == len(PAIRS)
    assert frozenset(("index3", "thumb3")) in named
    assert frozenset(("index3", "palm_index")) in named
    for tied in (("index1", "middle1"), ("index1", "palm_index"), ("index2", "index3"), ("thumb2", "palm_index")):
        assert frozenset(tied) not in named


def test_open_and_relaxed_hands_of_many_shapes_cost_nothing(anny) -> None:
    angles = torch.stack([torch.zeros(15, 3).double(), torch.from_numpy(MEAN_RAD)])
    generator = torch.Generator().manual_seed(0)
    for _ in range(10):
        scene = scene_of(anny, angles, torch.randn(anny.n_betas, generator=generator).double())
        assert float(term_energy(SelfCollision(), scene, nothing_seen(scene))) == 0.0


def test_it_counts_what_two_capsules_overlap_beyond_their_softness(anny) -> None:
    scene = scene_of(anny, crossed())
    evidence = nothing_seen(scene)
    exact = SelfCollision(sigma_mm=1.0, softness_mm=1e-9).residual(scene, evidence)[..., 0]
    assert float(exact[0].max()) == 0.0
    deepest = int(exact[1].argmax())
    names = {CAPSULE_NAMES[c][:-1] for c in PAIRS[deepest]}
    assert names == {"index", "middle"}
    soft = SelfCollision(sigma_mm=2.0, softness_mm=3.0).residual(scene, evidence)[..., 0]
    torch.testing.assert_close(soft, (exact - 3.0).clamp_min(0.0) / 2.0, atol=1e-6, rtol=0)
    # The radii are those of the thinner ends: no overlap is more than the sum of two fingers' radii.
    assert 3.0 < float(exact[1].max()) < 20.0


def test_its_rows_are_the_derivative_of_the_pairs_that_touch(anny) -> None:
    generator = torch.Generator().manual_seed(1)
    scene = scene_of(anny, crossed(4), torch.randn(anny.n_betas, generator=generator).double())
    evidence, term = nothing_seen(scene), SelfCollision()
    rows, expected = linearise(term, scene, evidence), dense_rows(term, scene, evidence)
    assert isinstance(rows, DenseRows)
    assert 2 <= rows.residual.shape[1] < len(PAIRS)
    for frame in range(4):
        touching = expected.residual[frame, :, 0] > 0
        count = int(touching.sum())
        assert (rows.residual[frame, count:] == 0).all()
        for own, whole in (
            (rows.residual, expected.residual),
            (rows.frames, expected.frames),
            (rows.shared, expected.shared),
        ):
            torch.testing.assert_close(own[frame, :count], whole[frame, touching], atol=1e-9, rtol=1e-9)
            assert not own[frame, count:].any()
    assert int((expected.residual[-1, :, 0] > 0).sum()) >= 3


def test_what_is_compiled_agrees_with_torch(anny) -> None:
    betas = torch.randn(anny.n_betas, generator=torch.Generator().manual_seed(3)).double()
    scene = scene_of(anny, crossed(5), betas)
    expected = SelfCollision().residual(scene, nothing_seen(scene))
    with torch.no_grad():
        torch.testing.assert_close(SelfCollision().residual(scene, nothing_seen(scene)), expected, atol=1e-9, rtol=0)
    assert float(expected.max()) > 1.0


def test_the_two_assemblies_agree(anny) -> None:
    scene = scene_of(anny, crossed())
    evidence, term = nothing_seen(scene), SelfCollision()
    rows = [(linearise(term, scene, evidence), term.robust_width)]
    fast, twin = assembly.assemble(rows, scene), normal_equations.assemble(rows, scene)
    for name in ("diagonal", "border", "corner"):
        torch.testing.assert_close(getattr(fast, name), getattr(twin, name), atol=1e-9, rtol=1e-9)
    assert float(fast.diagonal[-1].diagonal().max()) > 0.0


def test_the_gradient_leads_apart(anny) -> None:
    scene = scene_of(anny, crossed()[1:2])
    evidence, term = nothing_seen(scene), SelfCollision()
    rows = term.rows(scene, evidence)
    gradient = torch.einsum("tgcu,tgc->tu", rows.frames, rows.residual)
    step = replace(scene.state.zero_step(), frames=-0.002 * gradient / gradient.norm())
    after = scene.with_state(scene.state.retract(step))
    before = float(term_energy(term, scene, evidence))
    # To first order the energy falls by the step's length times the gradient's.
    assert float(term_energy(term, after, evidence)) == pytest.approx(before - 0.002 * float(gradient.norm()), rel=0.1)


def test_moving_the_whole_hand_changes_nothing(anny) -> None:
    scene = scene_of(anny, crossed())
    rows = SelfCollision().rows(scene, nothing_seen(scene))
    assert not rows.frames[..., :3].any()
    assert not rows.frames[..., 48:].any()
    assert not rows.shared[..., -1].any()


def test_a_batch_equals_a_loop(anny) -> None:
    one, two = scene_of(anny, crossed()), scene_of(anny, 0.8 * crossed())
    state = State(*(torch.stack(pair) for pair in zip(vars(one.state).values(), vars(two.state).values(), strict=True)))
    evidence, term = nothing_seen(one), SelfCollision()
    together = term.residual(one.with_state(state), evidence)
    assert torch.equal(together[0], term.residual(one, evidence))
    assert torch.equal(together[1], term.residual(two, evidence))


def test_no_pair_touches_in_a_hand_without_flesh() -> None:
    scene = toy_scene(3)
    evidence, term = nothing_seen(scene), SelfCollision()
    assert float(term_energy(term, scene, evidence)) == 0.0
    assert term.rows(scene, evidence).residual.shape == (3, 0, 1)


def test_it_is_on_by_default_and_null_switches_it_off() -> None:
    scene = toy_scene(3)
    assert "self_collision" in Energy().terms(nothing_seen(scene))
    assert "self_collision" not in Energy(self_collision=None).terms(nothing_seen(scene))
