"""The silhouette term: nothing to want at the truth, the kernels equal the definition, and it brings hands back."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from fitter.energy.silhouette import Silhouette
from fitter.energy.silhouette_kernels import NONE, WRIST
from fitter.energy.silhouette_pairs import Comparison, at_wrist, compare, matched, near_wrist
from fitter.energy.term import SurfaceRows, robust_loss, term_energy
from fitter.hand import HandModel
from fitter.observe.evidence import REFERENCE_SPAN_PX, Evidence
from fitter.observe.silhouettes import BOUND, silhouettes_of
from fitter.render.window import windows_around
from fitter.render.zbuffer import ZBuffer
from fitter.scene import Scene
from fitter.solve.normal_equations import vertex_jacobian
from fitter.state import State, Step
from tests.toy_hand import toy_hand
from tests.toy_problem import CAMERA, evidence_of, random_state

SIZE = 112
# What is measured here holds for these values, whatever the default is tuned to.
TERM = Silhouette(sigma_px=1.5, independent_points=60.0, robust_width=3.0)


def scene_of(model: HandModel, n_frames: int = 3, size: int = SIZE, seed: int = 0) -> Scene:
    state = random_state(model, n_frames, seed)
    scene = Scene(model, model.landmarks, CAMERA, state)
    pixels = CAMERA.scaled(float(state.log_focal.exp())).project(scene.vertices)
    return scene.seen_through(windows_around(pixels, size))


def masked(scene: Scene, masks: Tensor | None = None, inside: Tensor | None = None, points: int = 512) -> Evidence:
    """Evidence of masks in the scene's windows; absent: what the scene itself covers."""
    masks = scene.fragments.covered if masks is None else masks
    inside = torch.ones_like(masks) if inside is None else inside
    silhouettes = silhouettes_of(masks, inside, torch.ones(len(masks), dtype=torch.float64), points)
    spans = (scene.keypoints.amax(1) - scene.keypoints.amin(1)).amax(1)
    scale = spans.median() / REFERENCE_SPAN_PX
    return replace(evidence_of(scene, seed=1), pixel_scale=scale, silhouettes=silhouettes)


def moved(scene: Scene, size: float, seed: int = 1) -> Scene:
    generator = torch.Generator().manual_seed(seed)
    frames = size * torch.randn(scene.state.n_frames, 51, generator=generator, dtype=torch.float64)
    frames[:, 48:] *= 0.5
    shared = 0.3 * size * torch.randn(scene.state.n_shared, generator=generator, dtype=torch.float64)
    shared[-1] = 0.0
    return scene.with_state(scene.state.retract(Step(frames, shared)))


def shifted(scene: Scene, right_px: float, down_px: float = 0.0) -> Scene:
    """The hand moved in the plane by window pixels."""
    assert scene.windows is not None
    tangent = torch.tensor([right_px, down_px]).double() / scene.windows.scale[:, None] / scene.focal
    trajectory = scene.state.trajectory + torch.nn.functional.pad(tangent, (0, 1))
    return scene.with_state(replace(scene.state, trajectory=trajectory))


def compared_in(scene: Scene, evidence: Evidence) -> Comparison:
    assert evidence.silhouettes is not None
    return compare(scene, evidence.silhouettes, TERM.together(evidence.silhouettes))


def assert_same(one: SurfaceRows, other: SurfaceRows) -> None:
    for mine, theirs in ((one.gradient, other.gradient), (one.information, other.information)):
        assert torch.allclose(mine, theirs, rtol=1e-9, atol=1e-9 * float(theirs.abs().max()))


def test_a_hand_that_made_the_mask_has_nothing_to_want() -> None:
    """What is left are the steps of the mask's pixels: measured 0.24 px rms, at most 0.9 px, for fingers 7 pixels
    wide.
    """
    scene = scene_of(toy_hand())
    evidence = masked(scene)
    samples = TERM.samples(scene, evidence)
    pixels = samples.residual[:, 0] * TERM.sigma(scene, evidence)[samples.frame]
    assert len(pixels) > 1500
    assert float(pixels.square().mean().sqrt()) < 0.3
    assert float(pixels.abs().max()) < 1.0
    assert abs(float(pixels.mean())) < 0.05
    assert float(TERM.frame_energies(shifted(scene, 3.0), evidence).sum()) > 20.0 * float(
        TERM.frame_energies(scene, evidence).sum()
    )


@pytest.mark.parametrize("width", [3.0, None])
def test_the_kernels_equal_the_definition(width: float | None) -> None:
    term = Silhouette(robust_width=width)
    scene = moved(scene_of(toy_hand()), 0.05)
    evidence = masked(scene_of(toy_hand()), inside=torch.arange(SIZE).expand(3, SIZE, SIZE) < 80)
    samples = term.samples(scene, evidence)
    by_samples = 0.5 * (samples.weight * robust_loss(samples.residual.square().sum(-1), width)).sum()
    assert torch.allclose(term.frame_energies(scene, evidence).sum(), by_samples, rtol=1e-12)
    rows = term.rows(scene, evidence)
    assert_same(rows, term.differentiated(scene, evidence))
    assert float(rows.gradient.abs().max()) > 1.0


def test_the_gradient_is_that_of_automatic_differentiation() -> None:
    """By vertex, and through the whole chain by the state's unknowns."""
    scene = moved(scene_of(toy_hand()), 0.05)
    evidence = masked(scene_of(toy_hand()))
    delta = torch.zeros(3, 51, dtype=torch.float64, requires_grad=True)
    shared = torch.zeros(scene.state.n_shared, dtype=torch.float64)
    state = scene.state.retract(Step(delta, shared))
    (gradient,) = torch.autograd.grad(term_energy(TERM, scene.with_state(state), evidence), delta)
    rows = TERM.rows(scene, evidence)
    chained = torch.einsum("tvcu,tvc->tu", vertex_jacobian(scene), rows.gradient)[:, :51]
    assert torch.allclose(chained, gradient, rtol=1e-8, atol=1e-8 * float(gradient.abs().max()))


def test_rows_do_not_depend_on_the_other_frames() -> None:
    scene = moved(scene_of(toy_hand(), 5), 0.05)
    evidence = masked(scene_of(toy_hand(), 5))
    together = TERM.rows(scene, evidence)
    assert evidence.silhouettes is not None and scene.windows is not None
    energies = []
    for t in range(5):
        here = slice(t, t + 1)
        state, windows, masks = scene.state, scene.windows, evidence.silhouettes
        alone = replace(
            scene,
            state=State(state.rotations[here], state.trajectory[here], state.betas, state.log_focal),
            windows=replace(windows, origin_px=windows.origin_px[here], scale=windows.scale[here]),
        )
        parts = (masks.distance, masks.outline, masks.count, masks.trust, masks.inside)
        own = replace(evidence, silhouettes=type(masks)(*(part[here] for part in parts)))
        rows = TERM.rows(alone, own)
        assert_same(rows, SurfaceRows(together.gradient[here], together.information[here]))
        energies.append(float(TERM.frame_energies(alone, own).sum()))
    assert sum(energies) == pytest.approx(float(TERM.frame_energies(scene, evidence).sum()), rel=1e-12)


def test_the_gradient_foresees_how_the_energy_changes(anny: HandModel) -> None:
    """Against finite differences over 0.6 pixels with outlines, visibility and matches recomputed, in 51 directions of
    6 frames, each scaled to move the mesh by a pixel. What the gradient leaves out: samples that come, go and change
    partners, and the outline's sliding over the surface. Measured (-s): cosine 0.965 on average, 0.88 at least; 1.10
    times as long.
    """
    truth = scene_of(anny, 6)
    evidence, scene = masked(truth), moved(truth, 0.02)
    assert scene.windows is not None
    jacobian = vertex_jacobian(scene)[..., :51]
    gradient = torch.einsum("tvcu,tvc->tu", jacobian, TERM.rows(scene, evidence).gradient)
    per_metre = scene.windows.scale * scene.focal[0] / scene.vertices[..., 2].mean(1)
    reach = jacobian.square().sum(2).mean(1).sqrt() * per_metre[:, None]  # rms pixels per unit of each unknown
    seen = torch.zeros(6, 51, dtype=torch.float64)
    shared = torch.zeros(scene.state.n_shared, dtype=torch.float64)
    for unknown in range(51):
        for sign in (-1.0, 1.0):
            delta = torch.zeros_like(seen)
            delta[:, unknown] = sign * 0.3 / reach[:, unknown]
            there = scene.with_state(scene.state.retract(Step(delta, shared)))
            seen[:, unknown] += sign * TERM.compiled(there, evidence, with_rows=False)[0] / 0.6
    foreseen = gradient / reach
    cosine = torch.cosine_similarity(foreseen, seen)
    length = foreseen.norm(dim=1) / seen.norm(dim=1)
    print(f"cosine {float(cosine.mean()):.3f}, least {float(cosine.min()):.3f}, length {float(length.mean()):.3f}")
    assert float(cosine.mean()) > 0.95 and float(cosine.min()) > 0.85
    assert 0.9 < float(length.mean()) < 1.2


@pytest.mark.parametrize(("size", "width"), [(112, None), (224, None), (224, 3.0)])
def test_a_shifted_hand_comes_back(size: int, width: float | None) -> None:
    """6 window pixels to the side and 4 down, undone by undamped Gauss-Newton steps in the plane."""
    truth = scene_of(toy_hand(), size=size)
    evidence, scene = masked(truth), shifted(truth, 6.0, 4.0)
    term = Silhouette(robust_width=width)
    for _ in range(12):
        rows, jacobian = term.rows(scene, evidence), vertex_jacobian(scene)[..., 48:50]
        xx, xy, xz, yy, yz, zz = rows.information.unbind(-1)
        information = torch.stack([xx, xy, xz, xy, yy, yz, xz, yz, zz], -1).unflatten(-1, (3, 3))
        hessian = torch.einsum("tvci,tvcd,tvdj->tij", jacobian, information, jacobian)
        step = -torch.linalg.solve(hessian, torch.einsum("tvci,tvc->ti", jacobian, rows.gradient))
        trajectory = scene.state.trajectory + torch.nn.functional.pad(step, (0, 1))
        scene = scene.with_state(replace(scene.state, trajectory=trajectory))
    off = (scene.screen - truth.screen)[..., :2].mean(1)
    print(f"left over: {off.norm(dim=1).tolist()} px")
    assert float(off.norm(dim=1).max()) < 0.1


def forearm(scene: Scene) -> Tensor:
    """Window pixels of a forearm as wide as the wrist that goes on to the window's border."""
    shaped, wrist = scene.posed.shaped, near_wrist(scene.model)
    end = scene.model.template[wrist]
    samples = [end + torch.tensor([0.004 * k, 0.0, 0.0]).double() for k in range(80)]
    at_rest = torch.cat(samples) - shaped.joints[0]
    points = torch.einsum("tij,pj->tpi", scene.posed.bone_rotations[:, 0], at_rest) + scene.posed.joints[:, :1]
    assert scene.windows is not None
    centre = points.new_tensor([CAMERA.cx, CAMERA.cy])
    places = scene.windows.of_image(points[..., :2] / points[..., 2:] * scene.focal + centre)
    covered = torch.zeros(len(points), scene.windows.size, scene.windows.size, dtype=torch.bool)
    import cv2

    for t in range(len(points)):
        canvas = covered[t].numpy().astype("uint8")
        slices = places[t].unflatten(0, (80, -1))
        for k in range(79):
            hull = cv2.convexHull(torch.cat([slices[k], slices[k + 1]]).numpy().astype("float32"))
            cv2.fillConvexPoly(canvas, (hull * 16 - 8).round().astype("int32"), (1,), shift=4)
        covered[t] = torch.from_numpy(canvas) > 0
    return covered


def test_a_forearm_changes_nothing(anny: HandModel) -> None:
    """The mask with a long forearm gives the rows of the mask without, at the truth and beside it."""
    truth = scene_of(anny)
    arm = forearm(truth)
    hand = truth.fragments.covered
    assert float((arm & ~hand).sum((1, 2)).double().min()) > 200
    bare, clothed = masked(truth, points=2000), masked(truth, hand | arm, points=2000)
    for scene in (truth, shifted(truth, 2.0, -1.0)):
        without, with_arm = TERM.rows(scene, bare), TERM.rows(scene, clothed)
        difference = (without.gradient - with_arm.gradient).abs().sum((1, 2))
        scale = TERM.rows(shifted(truth, 2.0, -1.0), bare).gradient.abs().sum((1, 2))
        print(f"changed: {(difference / scale).tolist()}")
        assert float((difference / scale).max()) < 0.05


def test_crossings_and_points_at_the_wrist_are_left_out() -> None:
    scene = scene_of(toy_hand())
    evidence = masked(scene)
    assert evidence.silhouettes is not None
    left_out = at_wrist(scene)
    rest = scene.model.template[scene.outline.corners, 0].amax(1)
    assert bool((left_out == (rest > -0.008)).all()) and 0 < int(left_out.sum()) < len(left_out) // 2
    partners = torch.from_numpy(matched(scene.outline, left_out, evidence.silhouettes))
    assert not bool(left_out[partners[partners >= 0]].any())
    compared = compared_in(scene, evidence)
    assert not bool(left_out[compared.crossing].any())
    assert int((partners == WRIST).sum()) > 30


def test_matches_are_the_nearest_that_face_the_same_way() -> None:
    scene = moved(scene_of(toy_hand()), 0.1)
    evidence = masked(scene_of(toy_hand()))
    assert evidence.silhouettes is not None
    masks, outline, wrist = evidence.silhouettes, scene.outline, at_wrist(scene)
    ours = torch.from_numpy(matched(outline, wrist, masks))
    for t in range(3):
        here = torch.nonzero(outline.frame == t).squeeze(1)
        points = masks.outline[t, : int(masks.count[t])].double()
        apart = (points[:, None, :2] - outline.position[here]).norm(dim=-1)
        agreeing = (points[:, None, 2:] * outline.normal[here]).sum(-1) > 0.0
        least, nearest = torch.where(agreeing, apart, torch.inf).min(dim=1)
        found = ours[t, : len(points)]
        counted = found != WRIST
        at = (found[counted, None] == here).double().argmax(1)
        assert torch.allclose(apart[counted].gather(1, at[:, None]).squeeze(1), least[counted])
        assert bool(wrist[here[nearest[~counted]]].all())
        assert int(counted.sum()) > 100


def test_where_the_image_ends_nothing_pulls() -> None:
    """A hand half outside of the image: its outline out there is free, and the cut through it is no outline."""
    scene = scene_of(toy_hand())
    inside = (torch.arange(SIZE) < 60).expand(3, SIZE, SIZE)
    evidence = masked(scene, scene.fragments.covered & inside, inside)
    samples = TERM.samples(scene, evidence)
    pixels = samples.residual[:, 0] * TERM.sigma(scene, evidence)[samples.frame]
    assert float(pixels.abs().max()) < 1.0 and float(pixels.square().mean().sqrt()) < 0.3
    outside = scene.outline.position[:, 0] > 60
    compared = compared_in(scene, evidence)
    assert int(outside.sum()) > 300
    assert not bool(outside[compared.crossing[compared.point < 0]].any())
    # A mask that pretends that the hand ends with the image would pull all that is beyond.
    pretended = masked(scene, scene.fragments.covered & inside)
    assert float(TERM.frame_energies(scene, pretended).sum()) > 20.0 * float(TERM.frame_energies(scene, evidence).sum())


def test_frames_without_trust_or_mask_give_nothing() -> None:
    scene = moved(scene_of(toy_hand(), 4), 0.05)
    masks = scene_of(toy_hand(), 4).fragments.covered.clone()
    masks[1], masks[2] = False, True
    evidence = masked(scene, masks)
    assert evidence.silhouettes is not None
    doubtful = replace(evidence.silhouettes, trust=evidence.silhouettes.trust * torch.tensor([1.0, 1.0, 1.0, 0.0]))
    evidence = replace(evidence, silhouettes=doubtful)
    rows = TERM.rows(scene, evidence)
    assert (rows.gradient.abs().sum((1, 2)) > 0).tolist() == [True, False, False, False]
    assert (rows.information.abs().sum((1, 2)) > 0).tolist() == [True, False, False, False]
    assert bool(torch.isfinite(rows.gradient).all() and torch.isfinite(rows.information).all())
    assert (TERM.compiled(scene, evidence, with_rows=False)[0] > 0).tolist() == [True, False, False, False]
    assert_same(rows, TERM.differentiated(scene, evidence))


def test_a_mesh_outside_of_the_window_is_as_far_away_as_can_be() -> None:
    truth = scene_of(toy_hand())
    evidence, gone = masked(truth), shifted(truth, 500.0)
    assert len(gone.outline.frame) == 0
    samples = TERM.samples(gone, evidence)
    far = BOUND * SIZE / TERM.sigma(gone, evidence)[samples.frame]
    assert torch.allclose(samples.residual[:, 0], far) and len(far) > 500
    assert bool((compared_in(gone, evidence).crossing == NONE).all())
    rows = TERM.rows(gone, evidence)
    assert not rows.gradient.any() and not rows.information.any()
    assert float(TERM.frame_energies(gone, evidence).sum()) > float(TERM.frame_energies(truth, evidence).sum())
    assert_same(rows, TERM.differentiated(gone, evidence))


def test_sigma_means_pixels_of_the_image_whatever_the_windows_resolution() -> None:
    """Half the resolution, the same energy, as far as the coarser mask can tell; and the energy is a mean."""
    coarse, fine = scene_of(toy_hand(), size=112), scene_of(toy_hand(), size=224)
    energies = [float(TERM.frame_energies(moved(scene, 0.05), masked(scene)).sum()) for scene in (coarse, fine)]
    assert energies[0] == pytest.approx(energies[1], rel=0.05)
    sparse = float(TERM.frame_energies(moved(fine, 0.05), masked(fine, points=150)).sum())
    assert sparse == pytest.approx(energies[1], rel=0.03)
    twice = replace(TERM, independent_points=2.0 * TERM.independent_points)
    assert float(twice.frame_energies(moved(fine, 0.05), masked(fine)).sum()) == pytest.approx(2.0 * energies[1])


def test_a_known_distance_costs_what_it_should() -> None:
    """Everything a sigma off: half of independent_points per frame, where the loss is quadratic.

    A large square seen face on would do; here a hand's distances are replaced by a constant and its points left out.
    """
    scene = scene_of(toy_hand())
    evidence = masked(scene)
    term = Silhouette(robust_width=None, independent_points=40.0)
    masks = evidence.silhouettes
    assert masks is not None
    sigma = term.sigma(scene, evidence)
    flat = replace(masks, distance=sigma[:, None, None].expand_as(masks.distance).float(), count=masks.count * 0)
    assert (
        term.compiled(scene, replace(evidence, silhouettes=flat), with_rows=False)[0].tolist()
        == [pytest.approx(40.0 / 4.0, rel=1e-6)] * 3
    )
    trusted = replace(flat, trust=flat.trust * 0.5)
    assert float(term.frame_energies(scene, replace(evidence, silhouettes=trusted)).sum()) == pytest.approx(
        7.5, rel=1e-6
    )


def test_acts_only_where_there_are_masks() -> None:
    from fitter.energy import Energy

    scene = scene_of(toy_hand())
    without = evidence_of(scene, seed=1)
    assert "silhouette" not in Energy().terms(without)
    assert "silhouette" in Energy().terms(masked(scene))


def test_the_wrist_of_the_default_hand(anny: HandModel) -> None:
    """Its last ring and the cap behind it: a few per cent of the vertices, none of them beyond 8 mm from the joint."""
    near = near_wrist(anny)
    assert 20 <= int(near.sum()) <= 60
    assert float((anny.joints[0, 0] - anny.template[near, 0]).max()) < 0.008
    hidden = ZBuffer().rasterize(scene_of(anny).screen, anny.faces, (SIZE, SIZE))
    assert int(hidden.covered.sum()) > 1000
