"""The CUDA rasterizer: its conversions everywhere, nvdiffrast itself where there is a GPU.

`InPlainTorch` stands in for nvdiffrast on the CPU, written from its documentation: clip space, depth test by z/w, range
mode, no culling. It shows that the conversions around it are right, not that nvdiffrast is.
"""

import logging
import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import Tensor

from fitter.render import choose, nvdiffrast
from fitter.render.choose import rasterizer_for
from fitter.render.nvdiffrast import NvdiffrastRasterizer, clip_space, drawable, frame_lists
from fitter.render.rasterizer import Fragments, Rasterizer, to_screen
from fitter.render.reference import cross
from fitter.render.zbuffer import ZBuffer
from tests.test_zbuffer import CAMERA, lumpy_ball

HAS_CUDA = torch.cuda.is_available()
ON_CUDA = pytest.mark.skipif(
    not (HAS_CUDA and nvdiffrast.available()),
    reason="nvdiffrast is not installed" if HAS_CUDA else "no CUDA GPU here: nvdiffrast runs on nothing else",
)


class InPlainTorch(ModuleType):
    """`nvdiffrast.torch` with what the rasterizer uses of it."""

    def __init__(self) -> None:
        super().__init__("nvdiffrast.torch")
        self.calls: list[tuple[int, int, int]] = []

    def RasterizeCudaContext(self, device: torch.device) -> object:
        return SimpleNamespace(device=device)

    def rasterize(
        self, glctx: object, pos: Tensor, tri: Tensor, resolution: tuple[int, int], ranges: Tensor, grad_db: bool
    ) -> tuple[Tensor, Tensor]:
        height, width = resolution
        assert pos.dtype == torch.float32 and tri.dtype == ranges.dtype == torch.int32 and pos.isfinite().all()
        assert pos.is_contiguous() and tri.is_contiguous() and ranges.is_contiguous() and ranges.device.type == "cpu"
        assert pos.ndim == 2 and height % 8 == width % 8 == 0 and (ranges[:, 1] > 0).all()
        self.calls.append((len(ranges), height, width))
        x = (2.0 * torch.arange(width) + 1.0) / width - 1.0
        y = (2.0 * torch.arange(height) + 1.0) / height - 1.0
        pixels = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)[..., None, :].double()
        out = torch.stack([self.picture(pos.double(), tri.long(), first, n, pixels) for first, n in ranges.tolist()])
        return out.float(), torch.zeros_like(out).float()

    def picture(self, pos: Tensor, tri: Tensor, first: int, count: int, pixels: Tensor) -> Tensor:
        corners = pos[tri[first : first + count]]
        w = corners[..., 3]
        a, b, c = (corners[..., :2] / w.unsqueeze(-1)).unbind(-2)
        area = cross(b - a, c - a)
        edges = torch.stack([cross(c - b, pixels - b), cross(a - c, pixels - c), cross(b - a, pixels - a)], dim=-1)
        weights = edges / torch.where(area == 0.0, torch.nan, area).unsqueeze(-1)
        z = (weights * corners[..., 2] / w).sum(-1)
        inside = (weights > 0).all(-1) & (w > 0).all(-1) & (z.abs() <= 1.0)
        nearest, place = torch.where(inside, z, 2.0).min(-1)
        perspective = weights / w
        uv = (perspective / perspective.sum(-1, keepdim=True)).gather(-2, place[..., None, None].expand(-1, -1, 1, 3))
        picture = torch.cat([uv[..., 0, :2], nearest.unsqueeze(-1), (place + first + 1.0).unsqueeze(-1)], dim=-1)
        return torch.where((nearest <= 1.0).unsqueeze(-1), picture, 0.0)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> InPlainTorch:
    package, module = ModuleType("nvdiffrast"), InPlainTorch()
    package.torch = module  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "nvdiffrast", package)
    monkeypatch.setitem(sys.modules, "nvdiffrast.torch", module)
    nvdiffrast.context_of.cache_clear()
    return module


def small_ball(frames: int = 2) -> tuple[Tensor, Tensor]:
    vertices, faces = lumpy_ball(frames, 6, seed=1)
    return to_screen(CAMERA, vertices) * torch.tensor([0.25, 0.25, 1.0]) + torch.tensor([0.013, 0.017, 0.0]), faces


def assert_agree(ours: Fragments, other: Fragments, share: float = 1.0) -> None:
    assert other.covered.sum() > 600
    same = (ours.triangle_id == other.triangle_id) & other.covered
    assert float((ours.covered == other.covered).double().mean()) >= share
    assert float(same.sum() / other.covered.sum()) >= share
    assert float((ours.barycentric - other.barycentric)[same].abs().max()) < 1e-3
    assert float((ours.depth - other.depth)[same].abs().max()) < 1e-5
    assert ours.triangle_id.dtype == torch.int32 and ours.depth.dtype == ours.barycentric.dtype == torch.float32
    assert float(ours.depth[~ours.covered].abs().sum() + ours.barycentric[~ours.covered].abs().sum()) == 0.0


def test_a_corner_projected_by_hand_is_where_its_pixel_is() -> None:
    """x/w and y/w of pixel coordinates; w is the depth; the nearer of two has the smaller z/w."""
    screen = torch.tensor([[[0.0, 0.0, 0.5], [320.0, 240.0, 2.0], [80.0, 180.0, 1.0], [0.5, 239.5, 1.0]]]).double()
    x, y, z, w = clip_space(screen, (320, 240), near_m=0.01)[0].unbind(-1)
    assert torch.allclose(x / w, torch.tensor([-1.0, 1.0, -0.5, 1.0 / 320 - 1.0]), atol=1e-6)
    assert torch.allclose(y / w, torch.tensor([-1.0, 1.0, 0.5, 1.0 - 1.0 / 240]), atol=1e-6)
    assert torch.equal(w, torch.tensor([0.5, 2.0, 1.0, 1.0]))
    # 1/w is 2, 0.5, 1, 1: linear between -0.9 and 0.9.
    assert torch.allclose(z / w, torch.tensor([-0.9, 0.9, 0.3, 0.3]), atol=1e-6)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -0.5, 0.0, 0.005])
def test_clip_space_is_finite_whatever_comes_in(bad: float) -> None:
    screen = torch.tensor([[[10.0, 20.0, 0.4], [10.0, 20.0, bad], [1e12, -1e12, 0.6]]] * 2).double()
    screen[1, :, 2] = bad  # a frame without any vertex that could be seen
    clip = clip_space(screen, (64, 64), near_m=0.01)
    assert clip.isfinite().all() and (clip[..., 3] > 0).all()
    assert clip[0, 1].tolist() == [0.0, 0.0, 0.0, 1.0]
    assert not drawable(screen, torch.tensor([[0, 1, 2]]), False, 0.01).any()


def test_a_flat_frame_has_a_depth_too() -> None:
    screen = torch.tensor([[[0.0, 0.0, 0.7], [5.0, 0.0, 0.7], [0.0, 5.0, 0.7]]]).double()
    clip = clip_space(screen, (8, 8), near_m=0.01)
    assert clip.isfinite().all() and float((clip[..., 2] / clip[..., 3]).abs().max()) < 1.0


def test_each_frame_lists_its_own_triangles() -> None:
    faces = torch.tensor([[0, 1, 2], [2, 1, 3], [3, 1, 0]])
    drawn = torch.tensor([[True, False, True], [False, False, False]])
    triangles, numbers, ranges = frame_lists(faces, drawn, n_vertices=4)
    assert ranges.tolist() == [[0, 3], [3, 1]]
    assert triangles.tolist() == [[0, 1, 2], [3, 1, 0], [0, 0, 0], [4, 4, 4]]
    assert numbers.tolist()[:2] == [0, 2]


@pytest.mark.parametrize("cull", [True, False])
def test_with_a_stand_in_it_agrees_with_the_zbuffer(stand_in: InPlainTorch, cull: bool) -> None:
    screen, faces = small_ball()
    if not cull:
        faces = faces.clone()
        faces[::3] = faces[::3].flip(-1)  # a third of the surface turned inside out
    size = (53, 46)  # no multiples of 8
    ours = NvdiffrastRasterizer(cull_back_faces=cull).rasterize(screen, faces, size)
    assert_agree(ours, ZBuffer(cull_back_faces=cull).rasterize(screen, faces, size))
    assert stand_in.calls == [(2, 48, 56)]


def test_what_a_back_face_hides_is_seen(stand_in: InPlainTorch) -> None:
    """Culled before the depth test: the far triangle faces the camera, the near one before it does not."""
    far = torch.tensor([[2.0, 2.0, 1.0], [2.0, 30.0, 1.0], [30.0, 2.0, 1.0]])
    near = far.flip(0) * torch.tensor([1.0, 1.0, 0.5])
    screen, faces = torch.cat([far, near]).unsqueeze(0), torch.tensor([[0, 1, 2], [3, 4, 5]])
    drawn = NvdiffrastRasterizer().rasterize(screen, faces, (32, 32))
    assert drawn.triangle_id.unique().tolist() == [-1, 0]
    both = NvdiffrastRasterizer(cull_back_faces=False).rasterize(screen, faces, (32, 32))
    assert both.triangle_id.unique().tolist() == [-1, 1]
    assert torch.allclose(both.depth[both.covered], torch.tensor(0.5))


@pytest.mark.parametrize("bad", [float("nan"), -0.5, 0.005])
def test_a_vertex_that_is_missing_or_too_near_takes_only_its_own_triangles(stand_in: InPlainTorch, bad: float) -> None:
    screen, faces = small_ball()
    screen[1, 7] = torch.tensor([1e9, -1e9, bad], dtype=torch.float64)
    ours = NvdiffrastRasterizer(cull_back_faces=False).rasterize(screen, faces, (56, 48))
    assert_agree(ours, ZBuffer(cull_back_faces=False).rasterize(screen, faces, (56, 48)))
    assert not (faces[ours.triangle_id[1][ours.covered[1]].long()] == 7).any()


def test_many_frames_are_drawn_in_turns_and_none_at_all_is_fine(
    stand_in: InPlainTorch, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen, faces = small_ball(frames=5)
    together = NvdiffrastRasterizer().rasterize(screen, faces, (56, 48))
    monkeypatch.setattr(nvdiffrast, "MOST_PIXELS", 2 * 56 * 48)
    in_turns = NvdiffrastRasterizer().rasterize(screen, faces, (56, 48))
    assert [n for n, _, _ in stand_in.calls] == [5, 2, 2, 1]
    assert torch.equal(together.triangle_id, in_turns.triangle_id) and torch.equal(together.depth, in_turns.depth)
    empty = NvdiffrastRasterizer().rasterize(screen[:0], faces, (56, 48))
    assert empty.triangle_id.shape == (0, 48, 56) and empty.barycentric.shape == (0, 48, 56, 2)


def test_the_cpu_has_the_zbuffer() -> None:
    assert rasterizer_for(torch.device("cpu")) == ZBuffer()


@pytest.mark.parametrize("installed", [True, False])
def test_cuda_has_nvdiffrast_or_the_cpus_and_one_warning(
    installed: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(nvdiffrast, "available", lambda: installed)
    choose.rasterizer_for.cache_clear()
    with caplog.at_level(logging.WARNING):
        chosen: list[Rasterizer] = [rasterizer_for(torch.device("cuda", 0)) for _ in range(3)]
    choose.rasterizer_for.cache_clear()
    assert isinstance(chosen[0], NvdiffrastRasterizer if installed else choose.OnTheCpu)
    assert len(caplog.records) == (0 if installed else 1)
    if not installed:
        assert "nvdiffrast" in caplog.text and "setup.py" in caplog.text


def test_what_the_cpu_draws_for_another_device_is_moved_there() -> None:
    screen, faces = small_ball()
    moved = choose.OnTheCpu(ZBuffer(), torch.device("meta")).rasterize(screen, faces, (56, 48))
    assert {part.device.type for part in (moved.triangle_id, moved.barycentric, moved.depth)} == {"meta"}
    here = choose.OnTheCpu(ZBuffer(), torch.device("cpu")).rasterize(screen, faces, (56, 48))
    assert_agree(here, ZBuffer().rasterize(screen, faces, (56, 48)))


@ON_CUDA
@pytest.mark.parametrize("cull", [True, False])
def test_nvdiffrast_agrees_with_the_zbuffer(cull: bool) -> None:
    """Coverage and triangle of at least 99.9 % of the pixels at 224: corners are rounded to 1/16 pixel."""
    vertices, faces = lumpy_ball(6, 28, seed=0)
    screen = to_screen(CAMERA, vertices)
    drawn = NvdiffrastRasterizer(cull_back_faces=cull).rasterize(screen.cuda(), faces.cuda(), (224, 224))
    assert {part.device.type for part in (drawn.triangle_id, drawn.barycentric, drawn.depth)} == {"cuda"}
    ours = Fragments(drawn.triangle_id.cpu(), drawn.barycentric.cpu(), drawn.depth.cpu())
    other = ZBuffer(cull_back_faces=cull).rasterize(screen, faces, (224, 224))
    coverage = float((ours.covered == other.covered).double().mean())
    same = (ours.triangle_id == other.triangle_id)[ours.covered & other.covered].double().mean()
    print(f"coverage {coverage:.6f}, triangle {float(same):.6f}")
    assert coverage >= 0.999
    # Inside, the seams of triangles move by as much as the outline does, and there are more of them.
    assert float(same) >= 0.98


@ON_CUDA
def test_nvdiffrast_draws_sizes_that_are_no_multiples_of_8_and_empty_frames() -> None:
    screen, faces = small_ball(frames=3)
    screen = screen.clone()
    screen[1] = torch.nan
    drawn = NvdiffrastRasterizer().rasterize(screen.cuda(), faces.cuda(), (53, 46))
    other = ZBuffer().rasterize(screen, faces, (53, 46))
    assert not drawn.covered[1].any()
    # A small picture has more outline for its area than one of 224.
    assert float((drawn.covered.cpu() == other.covered).double().mean()) >= 0.995
    assert drawn.depth.isfinite().all()
