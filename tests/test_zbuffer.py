"""The z-buffer against its readable twin, and against Open3D's ray caster as an independent witness."""

import numpy as np
import pytest
import torch
from torch import Tensor

from fitter import rotation
from fitter.camera import Camera
from fitter.hand import HandModel
from fitter.render.rasterizer import Fragments, to_screen
from fitter.render.reference import ReferenceRasterizer
from fitter.render.window import windows_around
from fitter.render.zbuffer import ZBuffer
from fitter.scene import Scene
from fitter.state import State, trajectory_of_wrist
from priors.synthetic.clip import make_demo_clip

CAMERA = Camera(fx=300.0, fy=310.0, cx=111.0, cy=114.0, width=224, height=224)


def lumpy_ball(frames: int, rings: int, seed: int) -> tuple[Tensor, Tensor]:
    """Closed, concave surfaces about 0.5 m away: vertices (frames, V, 3) in metres and outward faces."""
    rng = np.random.default_rng(seed)
    polar, around = np.meshgrid(
        np.linspace(0, np.pi, rings + 2)[1:-1], np.arange(2 * rings) / rings * np.pi, indexing="ij"
    )
    unit = np.stack([np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], -1).reshape(-1, 3)
    unit = np.concatenate([unit, [[0, 0, 1.0], [0, 0, -1.0]]])
    ring, column = np.meshgrid(np.arange(rings - 1), np.arange(2 * rings), indexing="ij")
    a, b = ring * 2 * rings + column, ring * 2 * rings + (column + 1) % (2 * rings)
    c, d = a + 2 * rings, b + 2 * rings
    top, bottom = 2 * rings * rings, 2 * rings * rings + 1
    k = np.arange(2 * rings)
    last = 2 * rings * (rings - 1)
    caps = [np.stack([0 * k + top, k, (k + 1) % (2 * rings)], -1)]
    caps.append(np.stack([0 * k + bottom, last + (k + 1) % (2 * rings), last + k], -1))
    body = np.concatenate([np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)])
    faces = np.concatenate([body, *caps])
    frequency, phase = rng.uniform(1, 6, (frames, 1, 3, 3)), rng.uniform(0, 6, (frames, 1, 3))
    lumps = np.sin((unit[None, :, None] * frequency).sum(-1) + phase).mean(-1, keepdims=True)
    vertices = unit * (0.07 + 0.05 * lumps) * [1.0, 1.3, 0.8] + [0.0, 0.0, 0.5]
    return torch.from_numpy(vertices), torch.from_numpy(faces.astype(np.int32))


def draw(vertices: Tensor, faces: Tensor, cull: bool, size: tuple[int, int] = (224, 224)) -> Fragments:
    return ZBuffer(cull_back_faces=cull).rasterize(to_screen(CAMERA, vertices), faces, size)


@pytest.mark.parametrize("cull", [True, False])
def test_agrees_with_the_reference(cull: bool) -> None:
    vertices, faces = lumpy_ball(2, 6, seed=1)
    # The shift keeps the ball's symmetry lines off the pixel centres, where the twin has no rule for ties.
    screen = to_screen(CAMERA, vertices) * torch.tensor([0.25, 0.25, 1.0]) + torch.tensor([0.013, 0.017, 0.0])
    if not cull:
        faces = faces.clone()
        faces[::3] = faces[::3].flip(-1)  # a third of the surface turned inside out
    size = (56, 48)
    ours = ZBuffer(cull_back_faces=cull).rasterize(screen, faces, size)
    twin = ReferenceRasterizer(cull_back_faces=cull).rasterize(screen, faces, size)
    assert ours.covered.sum() > 600
    assert (ours.triangle_id == twin.triangle_id).all()
    assert torch.allclose(ours.barycentric.double(), twin.barycentric, atol=1e-6)
    assert torch.allclose(ours.depth.double(), twin.depth, atol=1e-6)


def open3d_sees(vertices: Tensor, faces: Tensor, rays: np.ndarray) -> tuple[Tensor, Tensor]:
    """Triangle (-1: none) and depth that Open3D's ray caster sees of one frame along directions of z = 1."""
    o3d = pytest.importorskip("open3d", reason="Open3D, the independent witness, is not installed")
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(vertices.numpy().astype(np.float32), faces.numpy().astype(np.uint32))
    hits = scene.cast_rays(o3d.core.Tensor(np.concatenate([np.zeros_like(rays), rays], -1).astype(np.float32)))
    seen = np.isfinite(hits["t_hit"].numpy())
    triangle = np.where(seen, hits["primitive_ids"].numpy().astype(np.int64), -1)
    return torch.from_numpy(triangle), torch.from_numpy(np.where(seen, hits["t_hit"].numpy(), 0.0))


def shares(triangle: Tensor, witness: Tensor) -> tuple[float, float]:
    """Of how many pixels coverage is the same, and of how many that both cover, the triangle."""
    both = (triangle >= 0) & (witness >= 0)
    same = (triangle == witness)[both].double().mean()
    return float(((triangle >= 0) == (witness >= 0)).double().mean()), float(same)


def test_agrees_with_open3d_on_coverage_and_triangle() -> None:
    """Measured with `pytest tests/test_zbuffer.py -k open3d -s`: all of 301056 pixels, and of 66842 covered ones."""
    vertices, faces = lumpy_ball(6, 28, seed=0)
    ours = draw(vertices, faces, cull=True)
    x, y = np.meshgrid(np.arange(224) + 0.5, np.arange(224) + 0.5)
    rays = np.stack([(x - CAMERA.cx) / CAMERA.fx, (y - CAMERA.cy) / CAMERA.fy, np.ones_like(x)], -1)
    witness, depth = (
        torch.stack(parts) for parts in zip(*(open3d_sees(v, faces, rays) for v in vertices), strict=True)
    )
    covered_share, triangle_share = shares(ours.triangle_id, witness)
    both = ours.covered & (witness >= 0)
    print(f"coverage {covered_share:.6f}, triangle {triangle_share:.6f} of {int(both.sum())} covered pixels")
    assert both.sum() > 40_000
    assert covered_share >= 0.999
    assert triangle_share >= 0.999
    assert (ours.depth - depth)[both].abs().median() < 1e-6  # float32 at half a metre


def hand_in_windows(model: HandModel) -> Scene:
    """Three poses of the demo's hand, each in its window of 224 x 224 pixels."""
    truth, frames = make_demo_clip(model, seed=0).truth, [0, 60, 140]
    pose = torch.from_numpy(truth.pose[frames]).double().unflatten(-1, (16, 3))
    joints = torch.from_numpy(truth.joints_m[frames]).double()
    state = State(
        rotation.exp(pose),
        trajectory_of_wrist(joints[:, 0]),
        torch.from_numpy(truth.betas).double(),
        torch.zeros(()).double(),
    )
    scene = Scene(model, model.landmarks, truth.camera, state)
    return scene.seen_through(windows_around(truth.camera.project(scene.vertices), 224))


def reference_sees(screen: Tensor, faces: Tensor, size: int, rows: int = 8) -> Tensor:
    """The reference's triangles of one frame, a few rows at a time, each with the triangles that reach into them."""
    bands = []
    for top in range(0, size, rows):
        shifted = screen - torch.tensor([0.0, float(top), 0.0])
        y = shifted[:, 1][faces]
        inside = ((y.amax(1) > 0) & (y.amin(1) < rows)).nonzero().squeeze(1)
        if len(inside) == 0:
            bands.append(torch.full((rows, size), -1))
            continue
        seen = ReferenceRasterizer().rasterize(shifted[None], faces[inside], (size, rows)).triangle_id[0].long()
        bands.append(torch.where(seen >= 0, inside[seen.clamp_min(0)], -1))
    return torch.cat(bands)


def test_all_agree_on_a_hand_in_its_window(anny: HandModel) -> None:
    """Measured with `pytest tests/test_zbuffer.py -k window -s`: all of 150528 pixels, 32874 of them covered."""
    scene = hand_in_windows(anny)
    windows, camera, faces = scene.windows, scene.camera, anny.faces
    assert windows is not None
    ours = ZBuffer().rasterize(scene.screen, faces, (224, 224)).triangle_id.long()
    assert 0.1 < float((ours >= 0).double().mean()) < 0.9
    centres = torch.stack(torch.meshgrid(torch.arange(224) + 0.5, torch.arange(224) + 0.5, indexing="xy"), dim=-1)
    pixels = windows.to_image(centres.flatten(0, 1).double().expand(3, -1, -1))
    rays = camera.rays(pixels).unflatten(1, (224, 224)).numpy()
    twin = torch.stack([reference_sees(screen, faces, 224) for screen in scene.screen])
    witness = torch.stack([open3d_sees(v, faces, r)[0] for v, r in zip(scene.vertices, rays, strict=True)])
    for name, other in (("reference", twin), ("Open3D", witness)):
        coverage, triangle = shares(ours, other)
        print(f"{name}: coverage {coverage:.6f}, triangle {triangle:.6f} of {int((ours >= 0).sum())} pixels")
        assert coverage >= 0.999
        assert triangle >= 0.999


def test_interpolated_positions_lie_on_the_pixels_rays() -> None:
    """Perspective-correct: weighting the corners' 3D positions gives a point that projects to the pixel's centre."""
    vertices, faces = lumpy_ball(1, 8, seed=2)
    seen = draw(vertices, faces, cull=True)
    row, column = seen.covered[0].nonzero(as_tuple=True)
    corners = vertices[0][faces[seen.triangle_id[0, row, column].long()].long()]
    points = (seen.weights[0, row, column].double().unsqueeze(-1) * corners).sum(-2)
    centres = torch.stack([column, row], -1) + 0.5
    assert (CAMERA.project(points) - centres).abs().max() < 1e-3
    assert (points[:, 2] - seen.depth[0, row, column]).abs().max() < 1e-6


def test_a_pixel_centre_on_a_shared_edge_or_corner_belongs_to_exactly_one_triangle() -> None:
    """Vertices on pixel centres: triangles that tile a square cover each pixel once, its border half-open."""
    grid = torch.tensor([[x + 0.5, y + 0.5, 1.0] for y in range(0, 9, 2) for x in range(0, 9, 2)], dtype=torch.float64)
    quads = [(5 * r + c, 5 * r + c + 1, 5 * r + c + 5, 5 * r + c + 6) for r in range(4) for c in range(4)]
    triangles = [t for a, b, c, d in quads for t in ((a, c, b), (b, c, d))]
    counts = torch.zeros(10, 10, dtype=torch.int64)
    for triangle in triangles:
        one = ZBuffer().rasterize(grid[None], torch.tensor([triangle], dtype=torch.int32), (10, 10))
        counts += one.covered[0]
    expected = torch.zeros(10, 10, dtype=torch.int64)
    expected[:8, :8] = 1
    assert (counts == expected).all()


def test_shared_edges_leave_no_hole_and_no_double_at_any_slope() -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        centre = 20 + 20 * torch.rand(2, generator=generator, dtype=torch.float64)
        ring = torch.tensor([[0.0, 0.0], [60.0, 0.0], [60.0, 60.0], [0.0, 60.0]], dtype=torch.float64)
        screen = torch.cat([torch.cat([centre[None], ring]), torch.ones(5, 1)], dim=1)
        fan = torch.tensor([[0, 2, 1], [0, 3, 2], [0, 4, 3], [0, 1, 4]], dtype=torch.int32)
        counts = sum(ZBuffer().rasterize(screen[None], f[None], (60, 60)).covered[0].long() for f in fan)
        assert (torch.as_tensor(counts) == 1).all()


def test_back_faces_are_seen_only_without_culling() -> None:
    screen = torch.tensor([[[2.0, 2.0, 1.0], [2.0, 12.0, 1.0], [12.0, 2.0, 1.0]]])
    front = torch.tensor([[0, 1, 2]], dtype=torch.int32)
    for cull in (True, False):
        assert ZBuffer(cull_back_faces=cull).rasterize(screen, front, (16, 16)).covered.sum() > 40
        flipped = ZBuffer(cull_back_faces=cull).rasterize(screen, front.flip(-1), (16, 16)).covered
        assert bool(flipped.any()) is not cull


@pytest.mark.parametrize("bad", [float("nan"), -0.5, 0.0, 0.005])
def test_a_vertex_that_is_missing_or_too_near_takes_only_its_own_triangles(bad: float) -> None:
    vertices, faces = lumpy_ball(2, 6, seed=3)
    screen = to_screen(CAMERA, vertices)
    screen[1, 7] = torch.tensor([1e9, -1e9, bad], dtype=torch.float64)
    drawn = ZBuffer(cull_back_faces=False).rasterize(screen, faces, (224, 224))
    used = drawn.triangle_id[1][drawn.covered[1]].unique().long()
    assert len(used) > 10 and not (faces[used] == 7).any()
    assert drawn.depth.isfinite().all() and drawn.barycentric.isfinite().all()
    assert (drawn.triangle_id[0] == draw(vertices, faces, cull=False).triangle_id[0]).all()


def test_vertices_far_outside_the_picture_are_harmless_and_an_empty_frame_is_empty() -> None:
    screen = torch.tensor([[[-1e12, -1e12, 1.0], [-1e12, 3e12, 1.0], [3e12, -1e12, 1.0]], [[float("nan")] * 3] * 3])
    drawn = ZBuffer().rasterize(screen.double(), torch.tensor([[0, 1, 2]], dtype=torch.int32), (8, 6))
    assert drawn.covered[0].all() and not drawn.covered[1].any()
    assert (drawn.triangle_id[1] == -1).all() and (drawn.depth[1] == 0).all()


def test_frames_are_independent_of_how_many_are_drawn_together() -> None:
    vertices, faces = lumpy_ball(5, 10, seed=4)
    together = draw(vertices, faces, cull=True)
    alone = [draw(vertices[t : t + 1], faces, cull=True) for t in range(5)]
    assert (together.triangle_id == torch.cat([f.triangle_id for f in alone])).all()
    assert (together.depth == torch.cat([f.depth for f in alone])).all()
