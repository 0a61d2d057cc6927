"""The compiled mesh and normals are torch's, and step aside wherever a derivative is asked for."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.autograd.forward_ad as forward

from fitter.hand import HandModel
from fitter.hand.mano import load_mano
from fitter.render.mesh import are_plain, mesh_normals, mesh_vertices
from fitter.render.shading import vertex_normals
from fitter.scene import Scene
from fitter.state import State, Step
from tests.blended_hands import blended_hand
from tests.synthetic_mano import chumpy_content, synthetic_mano, write_python2_pickle
from tests.toy_problem import CAMERA, random_state

EXACT = 1e-12  # metres, and parts of a unit vector


def scene_of(model: HandModel, n_frames: int) -> Scene:
    return Scene(model, model.landmarks, CAMERA, random_state(model, n_frames, seed=3))


@pytest.mark.parametrize("n_frames", [1, 2, 7])
@pytest.mark.parametrize("correctives", [False, True])
def test_vertices_are_those_of_the_twin(correctives: bool, n_frames: int) -> None:
    scene = scene_of(blended_hand(correctives), n_frames)
    torch.testing.assert_close(mesh_vertices(scene.posed), scene.posed.mesh().vertices, atol=EXACT, rtol=0)


def test_vertices_and_normals_of_the_default_hand(anny: HandModel) -> None:
    scene = scene_of(anny, 5)
    vertices = scene.posed.mesh().vertices
    torch.testing.assert_close(scene.vertices, vertices, atol=EXACT, rtol=0)
    torch.testing.assert_close(scene.normals, vertex_normals(vertices, anny.faces), atol=EXACT, rtol=0)
    assert float((scene.normals.norm(dim=-1) - 1.0).abs().max()) < EXACT


def test_vertices_of_mano_have_their_pose_correctives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = write_python2_pickle(tmp_path / "MANO_RIGHT.pkl", chumpy_content(synthetic_mano("right")))
    scene = scene_of(load_mano(path), 3)
    torch.testing.assert_close(scene.vertices, scene.posed.mesh().vertices, atol=EXACT, rtol=0)
    bare = replace(scene, model=replace(scene.model, pose_basis=None))
    assert float((scene.vertices - bare.vertices).abs().max()) > 1e-3  # metres


def test_a_vertex_without_area_around_it_has_no_normal() -> None:
    vertices = torch.tensor([[[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5], [2, 0, 0]]], dtype=torch.float64)
    faces = torch.tensor([[0, 1, 2], [0, 1, 4]])  # the second is a line
    expected = torch.tensor([[[0, 0, 1]] * 3 + [[0, 0, 0]] * 2], dtype=torch.float64)
    assert torch.equal(mesh_normals(vertices, faces), expected)
    assert torch.equal(vertex_normals(vertices, faces), expected)


def test_vertices_that_are_no_block_of_memory_are_read_all_the_same() -> None:
    scene = scene_of(blended_hand(True), 4)
    every_other = scene.vertices[::2]
    assert not every_other.is_contiguous()
    faces = scene.model.faces
    torch.testing.assert_close(mesh_normals(every_other, faces), vertex_normals(every_other, faces), atol=EXACT, rtol=0)


def moved(scene: Scene, delta: torch.Tensor) -> Scene:
    step = Step(delta[:51].expand(scene.state.n_frames, 51), delta[51:])
    return scene.with_state(scene.state.retract(step))


@pytest.mark.parametrize("correctives", [False, True])
def test_derivatives_pass_whoever_asks(correctives: bool) -> None:
    """jacfwd and jacrev, with gradients off as the solver has them, and autograd: all see the torch twin."""
    scene = scene_of(blended_hand(correctives), 2)
    zero = torch.zeros(51 + scene.state.n_shared, dtype=torch.float64)

    def both(delta: torch.Tensor) -> torch.Tensor:
        there = moved(scene, delta)
        return torch.cat([there.vertices, there.normals])

    with torch.no_grad():
        ahead = torch.func.jacfwd(both)(zero)
    back = torch.autograd.functional.jacobian(both, zero)
    assert isinstance(back, torch.Tensor)
    torch.testing.assert_close(ahead, back, atol=1e-10, rtol=0)
    torch.testing.assert_close(torch.func.jacrev(both)(zero), back, atol=1e-10, rtol=0)
    step = 1e-6 * torch.randn(len(zero), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    change = both(step) - both(-step)  # the compiled kernels
    torch.testing.assert_close(change, 2.0 * ahead @ step, atol=1e-12, rtol=1e-6)
    assert float(change.abs().max()) > 1e-7


def test_forward_dual_tensors_keep_their_tangent() -> None:
    scene = scene_of(blended_hand(True), 2)
    direction = torch.linspace(-1.0, 1.0, scene.model.n_betas, dtype=torch.float64)
    with forward.dual_level():
        state = replace(scene.state, betas=forward.make_dual(scene.state.betas, direction))
        tangent = forward.unpack_dual(scene.with_state(state).vertices).tangent
    assert tangent is not None and float(tangent.abs().max()) > 1e-3


def test_vmap_and_batch_axes_take_the_torch_path() -> None:
    scene = scene_of(blended_hand(True), 3)
    wrists = torch.stack([scene.state.trajectory, scene.state.trajectory + 0.01])
    one_by_one = torch.stack([scene.with_state(replace(scene.state, trajectory=w)).vertices for w in wrists])
    mapped = torch.func.vmap(lambda w: scene.with_state(replace(scene.state, trajectory=w)).vertices)(wrists)
    torch.testing.assert_close(mapped, one_by_one, atol=EXACT, rtol=0)
    state = scene.state
    batch = State(*(torch.stack([x, x]) for x in (state.rotations, state.trajectory, state.betas, state.log_focal)))
    there = scene.with_state(batch)
    torch.testing.assert_close(there.vertices[1], scene.vertices, atol=EXACT, rtol=0)
    normals = mesh_normals(there.vertices, scene.model.faces)
    torch.testing.assert_close(normals[1], scene.normals, atol=EXACT, rtol=0)


def test_other_types_and_devices_are_not_plain() -> None:
    single = blended_hand(True).to(dtype=torch.float32)
    scene = Scene(single, single.landmarks, CAMERA, random_state(blended_hand(True), 2, 3).to(dtype=torch.float32))
    assert scene.vertices.dtype == scene.normals.dtype == torch.float32
    there = torch.zeros(2, dtype=torch.float64)
    assert are_plain(there, there) and not are_plain(there, there.float())
    assert not are_plain(there.to("meta")) and not are_plain(there.clone().requires_grad_())
