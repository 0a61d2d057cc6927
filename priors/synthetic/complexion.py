"""What skins differ in besides their tone and flush: undertone, palms, knuckles, tips, suntan, painted nails.

    complexion = Complexion.random(rng)
    texture = paint_person(skin, complexion, model, size=256)       # (256, 256, 3) linear albedo

The skins of whole clips (`skin.Skin`) leave these out, and stay what they are.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from torch import Tensor

from fitter.hand import HandModel
from fitter.skeleton import FINGERTIPS
from priors.synthetic.skin import Skin, albedo, bump, nails, smooth_step, spread_outwards, texel_points

KNUCKLES = (2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15, 17, 18, 19)
KNUCKLE_M, TIP_M = 0.008, 0.014
PAINTED_NAILS_SHARE = 0.15
# The suntan ends somewhere between the wrist and the elbow's side of the hand.
TAN_OVER_M = 0.06
DARKEST, LIGHTEST = 0.01, 0.95

# Directions in log(red, green, blue): melanin takes blue most, blood takes green most.
MELANIN = np.array([0.6, 1.0, 1.3])
BLOOD = np.array([0.1, 1.0, 0.7])


@dataclass(frozen=True)
class Complexion:
    """Changes of log albedo, (red, green, blue) each: everywhere, on the palm, on knuckles, tips, towards the wrist.

    `polish` is the linear colour of painted nails, None for bare ones.
    """

    everywhere: Float[np.ndarray, "3"]
    palm: Float[np.ndarray, "3"]
    knuckles: Float[np.ndarray, "3"]
    tips: Float[np.ndarray, "3"]
    wrist: Float[np.ndarray, "3"]
    polish: Float[np.ndarray, "3"] | None

    @staticmethod
    def random(rng: np.random.Generator) -> "Complexion":
        painted = rng.random() < PAINTED_NAILS_SHARE
        return Complexion(
            everywhere=rng.normal(0.0, 0.08) * MELANIN + rng.normal(0.0, 0.07) * BLOOD,
            palm=rng.normal(0.0, 0.15) * MELANIN + rng.normal(-0.05, 0.1) * BLOOD,
            knuckles=-abs(rng.normal(0.0, 0.25)) * MELANIN - abs(rng.normal(0.0, 0.1)) * BLOOD,
            tips=rng.normal(0.0, 0.08) * MELANIN + rng.normal(-0.1, 0.12) * BLOOD,
            wrist=rng.normal(0.0, 0.15) * MELANIN,
            polish=np.clip(rng.beta(0.8, 1.6, 3), 0.01, 0.9) if painted else None,
        )

    def changed(
        self,
        colours: Float[np.ndarray, "points 3"],
        joints: Float[Tensor, "21 3"],
        points: Float[Tensor, "points 3"],
        normals: Float[Tensor, "points 3"],
    ) -> Float[np.ndarray, "points 3"]:
        """Linear albedo `colours` of rest-pose points (metres) with unit normals, as this person has them."""
        at, facing, places = points.numpy(), normals.numpy(), joints.numpy()
        palmar = smooth_step(-facing[:, 1], -0.2, 0.6)
        change = self.everywhere + palmar[:, None] * self.palm
        on_knuckles = sum(bump(at, places[joint], KNUCKLE_M + 0.004) for joint in KNUCKLES)
        dorsal = smooth_step(facing[:, 1], 0.0, 0.6)
        change = change + (dorsal * np.clip(on_knuckles, 0.0, 1.0))[:, None] * self.knuckles
        on_tips = np.clip(sum(bump(at, places[tip], TIP_M) for tip in FINGERTIPS), 0.0, 1.0)
        change = change + on_tips[:, None] * self.tips
        change = change + smooth_step(at[:, 0], places[0, 0] - TAN_OVER_M, places[0, 0])[:, None] * self.wrist
        changed = colours * np.exp(change)
        if self.polish is not None:
            plate = nails(joints, at, facing)[0][:, None]
            changed = (1.0 - plate) * changed + plate * self.polish
        return np.clip(changed, DARKEST, LIGHTEST)


def paint_person(skin: Skin, complexion: Complexion, model: HandModel, size: int) -> Float[np.ndarray, "size size 3"]:
    """Linear albedo in the model's UV layout, as `skin.paint_texture` paints it, with the complexion's changes."""
    covered, points, directions = texel_points(model, size)
    joints = model.joints.double()
    texture = np.zeros((size, size, 3))
    bare = albedo(skin, joints, points, directions)
    texture[covered] = complexion.changed(bare, joints, points, directions)
    return spread_outwards(texture, covered)
