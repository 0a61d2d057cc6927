"""Hands drawn by the one kernel are what the readable parts of the renderer make of them."""

import numpy as np
import pytest
import torch

from fitter.render.shading import irradiance, sh_basis, vertex_normals
from fitter.render.zbuffer import ZBuffer
from priors.synthetic.layers import DARKEST, Looks, draw, vertex_light
from priors.synthetic.picture import SAMPLES, SHEEN_SHARPNESS
from tests.small_bank import small_bank, some_hands

SIZE = 48
EVEN = np.zeros((9, 3), np.float32)
EVEN[0] = 1.0 / float(sh_basis(torch.tensor([[0.0, 0.0, 1.0]]))[0, 0])


def drawn(lighting: np.ndarray, sheen: float = 0.0, texture: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Layers and masks of two hands, whose arms lie behind the camera; all texels `texture` if given."""
    people, hands = small_bank(), some_hands(2)
    n_arm = int(people.surface.faces.max()) + 1 - people.surface.n_hand
    vertices = np.concatenate([hands.vertices_m, np.full((2, n_arm, 3), -1.0)], axis=1)
    cameras = hands.cameras * np.array([SIZE / 128.0, SIZE / 128.0, 1.0])[:, None]
    textures = people.textures if texture is None else np.full_like(people.textures, texture)
    looks = Looks(
        textures=textures,
        who=hands.who,
        colours=np.ones((2, n_arm, 3), np.float32),
        lighting=np.stack([lighting] * 2).astype(np.float32),
        sheen=np.full(2, sheen, np.float32),
        lamp=np.array([[0.0, -0.6, -0.8]] * 2, np.float32),
    )
    return draw(people.surface, vertices, cameras, looks, SIZE)


def test_a_white_hand_in_even_light_is_white_where_the_z_buffer_sees_it() -> None:
    layers, masks = drawn(EVEN, texture=255)
    people, hands = small_bank(), some_hands(2)
    pixels = hands.vertices_m @ hands.cameras.swapaxes(1, 2)
    screen = pixels / pixels[..., 2:] * (SAMPLES * SIZE / 128.0)
    screen[..., 2] = pixels[..., 2]
    hand_faces = torch.from_numpy(people.surface.faces[: len(people.surface.uv_faces)])
    seen = ZBuffer().rasterize(torch.from_numpy(screen), hand_faces, (SIZE * SAMPLES, SIZE * SAMPLES))
    parts = seen.covered.reshape(2, SIZE, SAMPLES, SIZE, SAMPLES).float()
    coverage = parts.mean((2, 4)).numpy()
    np.testing.assert_allclose(layers[..., 3], coverage, atol=1e-6)
    np.testing.assert_allclose(layers[..., :3], coverage[..., None].repeat(3, -1), atol=1e-5)
    np.testing.assert_array_equal(masks, coverage >= 0.5)
    depth = seen.depth.reshape(2, SIZE, SAMPLES, SIZE, SAMPLES).mean((2, 4)).numpy()
    np.testing.assert_allclose(layers[..., 4], depth, atol=1e-6)
    assert masks.sum() > 200


def test_textures_multiply_the_light() -> None:
    """Half the square root of albedo is a quarter of the light."""
    full, _ = drawn(EVEN, texture=200)
    half, _ = drawn(EVEN, texture=100)
    np.testing.assert_allclose(full[..., :3], 4.0 * half[..., :3], atol=1e-5)
    assert full[..., 0].max() == pytest.approx((200 / 255) ** 2, abs=1e-4)


def test_the_people_wear_their_own_textures() -> None:
    layers, masks = drawn(EVEN)
    people, hands = small_bank(), some_hands(2)
    for layer, mask, who in zip(layers, masks, hands.who, strict=True):
        shown = layer[mask][:, :3].mean(0)
        texture = (people.textures[who] / 255.0) ** 2
        assert (shown > texture.min((0, 1))).all() and (shown < texture.max((0, 1))).all()
        assert shown[0] > shown[2]


def test_vertices_get_the_light_of_the_harmonics_and_a_sheen() -> None:
    people, rng = small_bank(), np.random.default_rng(0)
    vertices = np.zeros((int(people.surface.faces.max()) + 1, 3))
    vertices[: people.surface.n_hand] = some_hands(1).vertices_m[0]
    lighting = rng.normal(0.0, 0.3, (9, 3)) + EVEN
    towards_lamp = np.array([0.6, 0.0, -0.8])
    light = np.zeros((len(vertices), 4), np.float32)
    vertex_light(
        *(vertices.astype(np.float32), people.surface.faces, lighting.astype(np.float32), np.float32(0.1)),
        *(towards_lamp.astype(np.float32), light),
    )
    hand = torch.from_numpy(vertices)
    normals = vertex_normals(hand, torch.from_numpy(people.surface.faces))[: people.surface.n_hand]
    wanted = irradiance(normals, torch.from_numpy(lighting)).clamp_min(DARKEST).numpy()
    np.testing.assert_allclose(light[: people.surface.n_hand, :3], wanted, atol=2e-3)
    eye = -torch.nn.functional.normalize(hand[: people.surface.n_hand], dim=1)
    mirrored = 2.0 * (normals * eye).sum(1, keepdim=True) * normals - eye
    gloss = 0.1 * (mirrored @ torch.from_numpy(towards_lamp)).clamp_min(0.0) ** SHEEN_SHARPNESS
    np.testing.assert_allclose(light[: people.surface.n_hand, 3], gloss.numpy(), atol=2e-3)
