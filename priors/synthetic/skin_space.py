"""Skins in a dozen numbers: the mean and the main differences of random skins' log albedo, texel by texel.

    space = SkinSpace.load(WEIGHTS)
    texture = space.texture_of(coefficients)          # (..., 64, 64, 3) linear albedo, as Appearance.albedo
    coefficients = space.coefficients_of(texture)     # (..., 12), unit-free, N(0, 1) over random skins

It is made, and measured on skins that it was not made from, by `python -m priors.synthetic.skin_space`.
"""

import logging
import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int
from torch import Tensor

from fitter.errors import InputError
from fitter.hand import HandModel
from fitter.render.shading import linear_to_srgb
from fitter.untrusted import quoted
from priors.synthetic.complexion import Complexion, paint_person
from priors.synthetic.skin import Skin

logger = logging.getLogger(__name__)

WEIGHTS = Path(__file__).parents[1] / "weights" / "skin_space.safetensors"
TEXELS, COMPONENTS = 64, 12
PAINTED_TEXELS = 256  # averaged down, so that creases and nails do not alias
SKINS, SKINS_LEFT_OUT, SEED = 400, 100, 0
# Differences in log albedo weigh dark and light skins alike: light multiplies albedo. This keeps the logarithm finite.
DARKEST = 1e-3


@dataclass(frozen=True)
class SkinSpace:
    """log(albedo) = mean + coefficients @ basis at the texels the hand's surface covers; texels off it repeat these.

    `basis` rows are scaled to one standard deviation of random skins. `nearest` is, for every texel of the square, the
    index of the covered texel whose value it has. The layout is that of one hand model's UVs, whose name is `layout`.
    """

    mean: Float[Tensor, "texels 3"]
    basis: Float[Tensor, "components texels 3"]
    covered: Bool[Tensor, "size size"]
    layout: str

    @property
    def components(self) -> int:
        return len(self.basis)

    @property
    def nearest(self) -> Int[Tensor, "size size"]:
        return torch.from_numpy(nearest_covered(self.covered.numpy()))

    def texture_of(self, coefficients: Float[Tensor, "*any components"]) -> Float[Tensor, "*any size size 3"]:
        """Linear albedo; differentiable."""
        log_albedo = self.mean + torch.einsum("...c,ctk->...tk", coefficients, self.basis)
        return log_albedo.exp().clamp_max(1.0)[..., self.nearest, :]

    def coefficients_of(self, texture: Float[Tensor, "*any size size 3"]) -> Float[Tensor, "*any components"]:
        """The skin nearest to a texture of linear albedo, in the mean square of its logarithm over covered texels."""
        difference = (texture[..., self.covered, :].clamp_min(DARKEST).log() - self.mean).flatten(-2)
        rows = self.basis.flatten(1)  # orthogonal, so that each coefficient is found alone
        return difference @ rows.mT / (rows**2).sum(1)

    def truncated(self, components: int) -> "SkinSpace":
        """The same with its first `components` only."""
        return SkinSpace(self.mean, self.basis[:components], self.covered, self.layout)

    def to(self, *, dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> "SkinSpace":
        mean, basis = (part.to(dtype=dtype, device=device) for part in (self.mean, self.basis))
        return SkinSpace(mean, basis, self.covered.to(device=device), self.layout)

    @staticmethod
    def of(
        textures: Float[Tensor, "skins size size 3"], covered: Bool[Tensor, "size size"], layout: str
    ) -> "SkinSpace":
        """The COMPONENTS main differences of `textures` (linear albedo): principal components of their logarithms."""
        values = textures[:, covered].clamp_min(DARKEST).log()
        mean = values.mean(0)
        _, deviations, rows = torch.linalg.svd((values - mean).flatten(1), full_matrices=False)
        scale = deviations[:COMPONENTS, None] / math.sqrt(len(textures) - 1)
        return SkinSpace(mean, (scale * rows[:COMPONENTS]).unflatten(1, mean.shape), covered, layout)

    def save(self, path: Path) -> None:
        """Write a float16 .safetensors file, whole or not at all."""
        from safetensors.torch import save_file

        from fitter.export.atomic import atomic_path

        tensors = {"mean": self.mean.half(), "basis": self.basis.half(), "covered": self.covered}
        with atomic_path(path) as temporary:
            save_file({name: one.contiguous() for name, one in tensors.items()}, temporary, {"layout": self.layout})

    @staticmethod
    def load(path: Path) -> "SkinSpace":
        """Read what `save` wrote, as float32; InputError where the file is absent or something else."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="pt") as file:
                mean, basis, covered = (file.get_tensor(name) for name in ("mean", "basis", "covered"))
                layout = (file.metadata() or {})["layout"]
        except (OSError, SafetensorError, LookupError, ValueError, RuntimeError) as error:
            raise InputError(f"{path}: not a skin space ({quoted(error)}), expected one made by {__name__}") from None
        n = int(covered.sum())
        if covered.ndim != 2 or mean.shape != (n, 3) or basis.ndim != 3 or basis.shape[1:] != (n, 3):
            raise InputError(
                f"{path}: a skin space of {n} covered texels holds a mean {tuple(mean.shape)} and a basis "
                f"{tuple(basis.shape)}, expected ({n}, 3) and (components, {n}, 3)"
            )
        return SkinSpace(mean.float(), basis.float(), covered.bool(), layout)


def nearest_covered(covered: Bool[np.ndarray, "size size"]) -> Int[np.ndarray, "size size"]:
    """For every texel the index, among the covered ones row by row, of the one nearest to it."""
    from scipy.ndimage import distance_transform_edt

    places = distance_transform_edt(~covered, return_distances=False, return_indices=True)
    number = np.cumsum(covered).reshape(covered.shape) - 1
    return number[tuple(np.asarray(places))].astype(np.int64)


def covered_texels(model: HandModel, size: int = TEXELS) -> Bool[Tensor, "size size"]:
    """Which texels of the model's UV layout the surface reaches, even in part."""
    from fitter.render.zbuffer import ZBuffer

    fine = PAINTED_TEXELS
    corners = model.uv.double() * torch.tensor([fine, -fine], dtype=torch.float64) + torch.tensor([0.0, fine])
    screen = torch.cat([corners, torch.ones_like(corners[:, :1])], dim=1)
    seen = ZBuffer(cull_back_faces=False).rasterize(screen[None], model.uv_faces.int(), (fine, fine)).covered[0]
    share = fine // size
    return seen.unflatten(0, (size, share)).unflatten(2, (size, share)).any(3).any(1)


def random_textures(rng: np.random.Generator, model: HandModel, count: int) -> Float32[Tensor, "count size size 3"]:
    """Linear albedo of `count` random skins at TEXELS texels."""
    small = (TEXELS, TEXELS)
    skins = [(Skin.random(rng), Complexion.random(rng)) for _ in range(count)]
    paintings = (paint_person(*skin, model, PAINTED_TEXELS) for skin in skins)
    pictures = [cv2.resize(one.astype(np.float32), small, interpolation=cv2.INTER_AREA) for one in paintings]
    return torch.from_numpy(np.stack(pictures))


def psnr_db(space: SkinSpace, textures: Float[Tensor, "skins size size 3"]) -> Float[Tensor, "skins"]:
    """How well each texture is met at the covered texels: peak signal-to-noise ratio of sRGB values, dB."""
    met = space.texture_of(space.coefficients_of(textures))
    difference = linear_to_srgb(met[:, space.covered]) - linear_to_srgb(textures[:, space.covered])
    return -10.0 * difference.square().mean((1, 2)).log10()


def main() -> None:
    """Make the space from SKINS skins, report how it meets SKINS_LEFT_OUT others, and store it at WEIGHTS."""
    from fitter.hand.anny import load_anny

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    model, rng = load_anny().to(dtype=torch.float64), np.random.default_rng(SEED)
    space = SkinSpace.of(random_textures(rng, model, SKINS), covered_texels(model), model.name)
    others = random_textures(rng, model, SKINS_LEFT_OUT)
    WEIGHTS.parent.mkdir(parents=True, exist_ok=True)
    space.save(WEIGHTS)
    logger.info("%s: %d skins, %d bytes; PSNR on %d others:", WEIGHTS, SKINS, WEIGHTS.stat().st_size, SKINS_LEFT_OUT)
    for components in (0, 1, 3, 6, space.components):
        met = psnr_db(SkinSpace.load(WEIGHTS).truncated(components), others)
        logger.info("%2d components %.1f dB (worst %.1f)", components, float(met.mean()), float(met.min()))


if __name__ == "__main__":
    main()
