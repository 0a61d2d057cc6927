"""How far a fit is from the truth: the field's measures on plain numpy arrays.

    pa_mpjpe(result.joints_m[0], truth_m) * 1000          # millimetres
    auc(pa_errors(result.joints_m[0], truth_m), 0.020, 0.050)

Distances come back in the unit of the input. Points are in the order of `fitter.skeleton`, the wrist first.
"""

import numpy as np
from jaxtyping import Bool, Float

from fitter.skeleton import POINT_PARENTS

AUC_STEPS = 100  # thresholds under the curve, as in FreiHAND's evaluation (Zimmermann et al. 2019)
JITTER_FRAMES = 11  # window of the moving average that counts as the motion itself; a third of a second at 30 fps


def mpjpe(fitted: Float[np.ndarray, "frames points 3"], truth: Float[np.ndarray, "frames points 3"]) -> float:
    """Mean distance of the points with both wrists at the origin: no scale, no rotation is removed."""
    return float(_distance(_root_relative(fitted), _root_relative(truth)).mean())


def align_similarity(
    source: Float[np.ndarray, "*any points 3"], target: Float[np.ndarray, "*any points 3"]
) -> Float[np.ndarray, "*any points 3"]:
    """`source` moved onto `target` by the best rotation, uniform scale and translation, each frame by its own.

    Least squares without reflection (Umeyama 1991, eq. 39-42). Points that all coincide go to the target's centroid.
    """
    source_mean = source.mean(axis=-2, keepdims=True)
    target_mean = target.mean(axis=-2, keepdims=True)
    centred, wanted = source - source_mean, target - target_mean
    u, singular, vt = np.linalg.svd(np.swapaxes(centred, -1, -2) @ wanted)
    sign = np.sign(np.linalg.det(u @ vt))  # -1 where the best orthogonal matrix is a reflection
    singular[..., -1] *= sign
    u[..., :, -1] *= sign[..., None]
    variance = (centred**2).sum(axis=(-1, -2))
    scale = np.divide(singular.sum(axis=-1), variance, out=np.zeros_like(variance), where=variance > 0)
    return scale[..., None, None] * (centred @ (u @ vt)) + target_mean


def pa_errors(
    fitted: Float[np.ndarray, "frames points 3"], truth: Float[np.ndarray, "frames points 3"]
) -> Float[np.ndarray, "frames points"]:
    """Distance of each point after `align_similarity`."""
    return _distance(align_similarity(fitted, truth), truth)


def pa_mpjpe(fitted: Float[np.ndarray, "frames points 3"], truth: Float[np.ndarray, "frames points 3"]) -> float:
    """Mean distance of the points after `align_similarity` of every frame (Procrustes-aligned MPJPE)."""
    return float(pa_errors(fitted, truth).mean())


def clip_scale(fitted: Float[np.ndarray, "frames points 3"], truth: Float[np.ndarray, "frames points 3"]) -> float:
    """The one factor that brings the root-relative points of a whole clip nearest to the truth's (least squares)."""
    relative = _root_relative(fitted)
    return float((relative * _root_relative(truth)).sum() / (relative**2).sum())


def clip_mpjpe(fitted: Float[np.ndarray, "frames points 3"], truth: Float[np.ndarray, "frames points 3"]) -> float:
    """Mean distance with the wrists at the origin and ONE scale for the clip; no rotation is removed."""
    scale = clip_scale(fitted, truth)
    return float(_distance(scale * _root_relative(fitted), _root_relative(truth)).mean())


def acceleration_error(
    fitted: Float[np.ndarray, "frames points 3"],
    truth: Float[np.ndarray, "frames points 3"],
    present: Bool[np.ndarray, "frames"] | None = None,
) -> float:
    """Mean difference of second differences over frames, root-relative, one scale for the clip; unit per frame squared.

    Frames that are not `present` (whose points may be NaN) are left out with their neighbours; NaN where no three
    consecutive frames are present.
    """
    kept = np.ones(len(fitted), dtype=bool) if present is None else present
    triples = kept[:-2] & kept[1:-1] & kept[2:]
    if not triples.any():
        return float("nan")
    scale = clip_scale(fitted[kept], truth[kept])
    fitted_second = np.diff(scale * _root_relative(fitted), n=2, axis=0)[triples]
    truth_second = np.diff(_root_relative(truth), n=2, axis=0)[triples]
    return float(_distance(fitted_second, truth_second).mean())


def jitter(points: Float[np.ndarray, "frames points dimensions"]) -> float:
    """How much the hand trembles: RMS distance of its centroid from its own moving average over 11 frames.

    Needs no truth; pixels or metres. Frames without a full window around them are left out; NaN for a shorter clip.
    """
    if len(points) < JITTER_FRAMES:
        return float("nan")
    centroid = points.mean(axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(centroid, JITTER_FRAMES, axis=0)
    middle = JITTER_FRAMES // 2
    rest = windows[..., middle] - windows.mean(axis=-1)
    return float(np.sqrt((rest**2).sum(axis=-1).mean()))


def bone_std_percent(joints: Float[np.ndarray, "frames 21 3"]) -> float:
    """Mean over the 20 bones of the standard deviation of the bone's length over the clip, in percent of its mean."""
    lengths = np.linalg.norm(joints[:, 1:] - joints[:, POINT_PARENTS[1:]], axis=-1)
    return float((lengths.std(axis=0) / lengths.mean(axis=0)).mean() * 100)


def pck(errors: Float[np.ndarray, "*any"], thresholds: Float[np.ndarray, "steps"]) -> Float[np.ndarray, "steps"]:
    """Share of the errors within each threshold (percentage of correct keypoints, 0..1)."""
    return (errors.reshape(1, -1) <= thresholds[:, None]).mean(axis=1)


def auc(errors: Float[np.ndarray, "*any"], low: float, high: float) -> float:
    """Area under the PCK curve from `low` to `high`, 0..1, by the trapezoidal rule."""
    curve = pck(errors, np.linspace(low, high, AUC_STEPS))
    return float((curve[1:] + curve[:-1]).mean() / 2)


def f_score(
    fitted: Float[np.ndarray, "vertices 3"], truth: Float[np.ndarray, "other_vertices 3"], threshold: float
) -> float:
    """Harmonic mean of the shares of fitted vertices near a true one and of true ones near a fitted one, 0..1.

    Knapitsch et al. 2017, on vertices as in FreiHAND (Zimmermann et al. 2019), which takes 5 and 15 mm.
    """
    from scipy.spatial import KDTree

    precision = float(np.mean(np.asarray(KDTree(truth).query(fitted)[0]) < threshold))
    recall = float(np.mean(np.asarray(KDTree(fitted).query(truth)[0]) < threshold))
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def _root_relative(points: Float[np.ndarray, "frames points 3"]) -> Float[np.ndarray, "frames points 3"]:
    return points - points[:, :1]


def _distance(a: Float[np.ndarray, "*any 3"], b: Float[np.ndarray, "*any 3"]) -> Float[np.ndarray, "*any"]:
    return np.linalg.norm(a - b, axis=-1)
