"""How alike the fit's rendering and the filmed hand are, out of a result folder and its clip.

errors = compare_pictures(errors, open_result(Path("results/clip")), hand=0, clip=clip)

A result keeps texture and light, but not how bright each frame was exposed: that gain, three numbers per frame, is the
best one for the compared pixels. They are compared at the clip's resolution; the fit's own figures at that of its
windows, where fine texture that no fit has is blurred away.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, UInt8

from fitter.clip import Clip
from fitter.clip.images import read_image
from fitter.evaluate.measures import Errors
from fitter.export.folder import ResultFolder
from fitter.render.appearance import Appearance
from fitter.render.picture_metrics import psnr_db, ssim
from fitter.render.shading import linear_to_srgb, srgb_to_linear
from fitter.render.textured import TexturedMesh
from fitter.visualize.dressed import DressedHand, draw_dressed, dressed_mesh
from fitter.visualize.overlay import DrawnHand

MOST_COMPARED = 60  # frames, spread evenly, as in the fit's own report
COVERED = 1.0  # of a pixel's samples: what else shows at the border is not known


def compare_pictures(errors: Errors, folder: ResultFolder, hand: int, clip: Clip) -> Errors:
    """The errors with PSNR (dB) and SSIM of the frames compared, where this hand alone covers.

    As they are where the hand wears nothing.

    Raises InputError for a texture that cannot be read.
    """
    dressed = {index: _dressed(folder, index) for index in range(len(folder.result.side))}
    own, others = dressed[hand], [each for index, each in dressed.items() if each is not None and index != hand]
    if own is None:
        return errors
    shown = np.flatnonzero(folder.result.present[hand])
    chosen = set(shown[np.linspace(0, len(shown) - 1, min(len(shown), MOST_COMPARED)).astype(int)].tolist())
    figures = []
    for frame, picture in enumerate(clip.frames()):
        drawn = _drawn(folder, own, frame) if frame in chosen else None
        if drawn is None:
            continue
        covered = drawn[..., 3] >= COVERED
        for other in others:
            before = _drawn(folder, other, frame)
            covered &= True if before is None else before[..., 3] == 0.0
        if covered.any():
            figures.append(_alike(picture, drawn[..., :3], covered))
    psnr, similar = np.array(figures).reshape(-1, 2).T
    return replace(errors, psnr_db=psnr[np.isfinite(psnr)], ssim=similar[np.isfinite(similar)])


@dataclass(frozen=True)
class _Worn:
    dressed: DressedHand
    mesh: TexturedMesh


def _dressed(folder: ResultFolder, hand: int) -> _Worn | None:
    """The hand with its texture and light, the gains 1; None where it was fitted without pixels."""
    result, side = folder.result, folder.result.side[hand]
    texture, lighting = folder.texture(side), result.lighting[hand, 0]
    if texture is None or not np.isfinite(lighting).all():
        return None
    albedo = srgb_to_linear(torch.from_numpy(read_image(texture).astype(np.float32) / 255.0))
    gain = torch.ones(result.present.shape[1], 3)
    appearance = Appearance(albedo, torch.ones(albedo.shape[:2]), torch.from_numpy(lighting), gain)
    rows = (result.vertices_m[hand], result.joints_m[hand], result.faces, result.present[hand], result.observed[hand])
    dressed = DressedHand(DrawnHand(side, *rows), appearance, result.uv, result.uv_faces)
    return _Worn(dressed, dressed_mesh([dressed]))


def _drawn(folder: ResultFolder, hand: _Worn, frame: int) -> Float32[np.ndarray, "height width 4"] | None:
    """Linear light times alpha, and alpha, of the whole frame; None where the hand is not in it."""
    found = draw_dressed([hand.dressed], hand.mesh, frame, folder.result.camera)
    if found is None:
        return None
    layer, (left, top, right, bottom) = found
    width, height = folder.result.image_size
    whole = np.zeros((height, width, 4), dtype=np.float32)
    whole[top:bottom, left:right] = layer
    return whole


def _alike(
    picture: UInt8[np.ndarray, "height width 3"],
    light: Float[np.ndarray, "height width 3"],
    covered: Bool[np.ndarray, "height width"],
) -> tuple[float, float]:
    """PSNR and SSIM with the gain, per channel, that brings the light nearest to the picture's."""
    filmed = picture.astype(np.float32) / 255.0
    seen, drawn = srgb_to_linear(torch.from_numpy(filmed[covered])).numpy(), light[covered]
    gain = (seen * drawn).sum(axis=0) / np.maximum((drawn**2).sum(axis=0), np.finfo(np.float32).tiny)
    shown = linear_to_srgb(torch.from_numpy(np.clip(light * gain, 0.0, 1.0))).numpy()
    return psnr_db(filmed, shown, covered), ssim(filmed, shown, covered)
