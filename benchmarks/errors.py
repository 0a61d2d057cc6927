"""How far a fit of a synthetic clip is from its truth: the mesh, the joints, the outline, the texture.

errors = errors_of(filmed, fit)
errors.vertex_mm, errors.iou, errors.texture_psnr_db
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8

from benchmarks.filmed import FilmedClip
from fitter.evaluate.metrics import mpjpe, pa_mpjpe
from fitter.pipeline import HandFit
from fitter.render.appearance import Appearance
from fitter.render.picture_metrics import psnr_db
from fitter.render.rasterizer import to_screen
from fitter.render.shading import linear_to_srgb
from fitter.render.zbuffer import ZBuffer
from priors.synthetic.clip import DemoClip, Part

# Texels seen at least this well count in the texture's PSNR; the others' colour is made of their neighbours'.
LEAST_COVERAGE = 0.5


@dataclass(frozen=True)
class Errors:
    """Means over the clip.

    vertex_mm, mpjpe_mm  distance of vertices and joints with both wrists at the origin; pa_mpjpe_mm aligned per frame
    absolute_mm          distance of vertices in the camera's axes, nothing removed
    reprojection_px      distance of the joints' projections from the true ones
    iou                  mesh against the hand's true pixels, leaving out those that the thing in the way hides
    texture_psnr_db      albedo against the true one, None where none was estimated
    """

    vertex_mm: float
    absolute_mm: float
    mpjpe_mm: float
    pa_mpjpe_mm: float
    reprojection_px: float
    iou: float
    texture_psnr_db: float | None


def errors_of(filmed: FilmedClip, fit: HandFit) -> Errors:
    """Every frame of the clip counts."""
    clip, truth = filmed.clip, filmed.clip.truth
    vertices, joints = filmed.as_filmed(fit.scene.vertices), filmed.as_filmed(fit.scene.posed.joints)
    vertex_mm = distance_mm(vertices - joints[:, :1], truth.vertices_m - truth.joints_m[:, :1])
    projected = truth.camera.project(torch.from_numpy(joints)).numpy()
    return Errors(
        vertex_mm=vertex_mm,
        absolute_mm=distance_mm(vertices, truth.vertices_m),
        mpjpe_mm=1000.0 * mpjpe(joints, truth.joints_m),
        pa_mpjpe_mm=1000.0 * pa_mpjpe(joints, truth.joints_m),
        reprojection_px=float(np.linalg.norm(projected - truth.keypoints_px, axis=-1).mean()),
        iou=outline_iou(clip, vertices),
        texture_psnr_db=None if fit.appearance is None else texture_psnr_db(fit.appearance, clip.surfaces.texture),
    )


def distance_mm(fitted: Float[np.ndarray, "*any 3"], truth: Float[np.ndarray, "*any 3"]) -> float:
    """Mean distance of points given in metres."""
    return 1000.0 * float(np.linalg.norm(fitted - truth, axis=-1).mean())


def outline_iou(clip: DemoClip, vertices: Float[np.ndarray, "frames vertices 3"]) -> float:
    """`overlap`, mean over the frames in which the hand is visible; `vertices` (metres) are the fit's, as filmed."""
    faces = clip.surfaces.faces[: len(clip.surfaces.uv_faces)]
    screen, size = to_screen(clip.truth.camera, torch.from_numpy(vertices)), (clip.width, clip.height)
    overlaps = []
    for frame in range(clip.n_frames):
        parts = clip.parts(frame)
        if (parts == Part.HAND).any():
            covered = ZBuffer().rasterize(screen[frame : frame + 1], faces, size).covered[0].numpy()
            overlaps.append(overlap(covered, parts))
    return float(np.mean(overlaps))


def overlap(covered: Bool[np.ndarray, "height width"], parts: UInt8[np.ndarray, "height width"]) -> float:
    """Intersection over union of what a mesh covers and the hand, where no thing hides both."""
    open_to_view, hand = parts != Part.OCCLUDER, parts == Part.HAND
    return float((covered & hand).sum() / ((covered | hand) & open_to_view).sum())


def texture_psnr_db(appearance: Appearance, truth: Float[np.ndarray, "size size 3"]) -> float:
    """PSNR of display values over the texels that were seen well, the albedo scaled per channel by least squares.

    The scale is not known: twice the light on half the albedo is the same picture. `truth` is a linear albedo in the
    same layout, of any size.
    """
    albedo, covered = appearance.albedo.double().numpy(), appearance.coverage.numpy() >= LEAST_COVERAGE
    wanted = cv2.resize(truth, covered.shape, interpolation=cv2.INTER_AREA)[covered]
    found = albedo[covered]
    scaled = found * ((found * wanted).sum(0) / np.maximum((found**2).sum(0), 1e-12))
    shown, true = (linear_to_srgb(torch.from_numpy(each)).clamp(0.0, 1.0).numpy() for each in (scaled, wanted))
    return psnr_db(true, shown, np.ones(len(true), dtype=bool))
