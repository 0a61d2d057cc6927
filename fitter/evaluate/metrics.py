"""How far a fit is from the truth: the field's measures on plain numpy arrays.

    pa_mpjpe(result.joints_m[0], truth_m) * 1000          # millimetres
    auc(pa_errors(result.joints_m[0], truth_m), 0.020, 0.050)

Distances come back in the unit of the input. Points are in the order of `fitter.skeleton`, the wrist first. A true
point that is unknown is NaN: it has no part in an alignment, and its own error is NaN. What `compare` makes of these
for one clip, and which paper defines what, is listed in `fitter.evaluate.definitions`.
"""

import numpy as np
from jaxtyping import Bool, Float

from fitter.skeleton import POINT_NAMES, POINT_PARENTS

AUC_STEPS = 100  # thresholds under the curve, as in FreiHAND's evaluation (Zimmermann et al. 2019)
JITTER_FRAMES = 11  # window of the moving average that counts as the motion itself; a third of a second at 30 fps
LEAST_POINTS = 3  # fewer points do not fix a rotation, and a hand relative to one point is always right
MIDDLE_MCP = POINT_NAMES.index("middle_mcp")


def distances(a: Float[np.ndarray, "*any n"], b: Float[np.ndarray, "*any n"]) -> Float[np.ndarray, "*any"]:
    """Euclidean distance of each pair of points, in space or in the image."""
    return np.linalg.norm(a - b, axis=-1)


def from_wrist(points: Float[np.ndarray, "frames points 3"]) -> Float[np.ndarray, "frames points 3"]:
    """The points with the wrist of every frame at the origin."""
    return points - points[:, :1]


def mpjpe(fitted: Float[np.ndarray, "frames points 3"], truth: Float[np.ndarray, "frames points 3"]) -> float:
    """Mean distance of the points with both wrists at the origin: no scale, no rotation is removed."""
    return float(distances(from_wrist(fitted), from_wrist(truth)).mean())


def align_similarity(
    source: Float[np.ndarray, "*any points 3"], target: Float[np.ndarray, "*any points 3"]
) -> Float[np.ndarray, "*any points 3"]:
    """`source` moved onto `target` by the best rotation, uniform scale and translation, each frame by its own.

    Least squares without reflection (Umeyama 1991, eq. 39-42) over the points that are known in `target`; NaN where
    fewer than three are. Points that all coincide go to the target's centroid.
    """
    known = np.isfinite(target).all(axis=-1, keepdims=True)
    count = known.sum(axis=-2, keepdims=True)
    centred, source_mean = _centred(source, known, count)
    wanted, target_mean = _centred(target, known, count)
    u, singular, vt = np.linalg.svd(np.swapaxes(centred * known, -1, -2) @ (wanted * known))
    sign = np.sign(np.linalg.det(u @ vt))  # -1 where the best orthogonal matrix is a reflection
    singular[..., -1] *= sign
    u[..., :, -1] *= sign[..., None]
    variance = ((centred * known) ** 2).sum(axis=(-1, -2))
    scale = np.divide(singular.sum(axis=-1), variance, out=np.zeros_like(variance), where=variance > 0)
    aligned = scale[..., None, None] * (centred @ (u @ vt)) + target_mean
    return np.where(count >= LEAST_POINTS, aligned, np.nan)


def _centred(
    points: Float[np.ndarray, "*any points 3"], known: Bool[np.ndarray, "*any points 1"], count: np.ndarray
) -> tuple[Float[np.ndarray, "*any points 3"], Float[np.ndarray, "*any 1 3"]]:
    """The points from the centroid of the known ones (unknown coordinates as 0), and that centroid."""
    filled = np.where(np.isfinite(points), points, 0.0)
    mean = (filled * known).sum(axis=-2, keepdims=True) / np.maximum(count, 1)
    return filled - mean, mean


def pa_errors(
    fitted: Float[np.ndarray, "frames points 3"], truth: Float[np.ndarray, "frames points 3"]
) -> Float[np.ndarray, "frames points"]:
    """Distance of each point after `align_similarity`."""
    return distances(align_similarity(fitted, truth), truth)


def pa_mpjpe(fitted: Float[np.ndarray, "frames points 3"], truth: Float[np.ndarray, "frames points 3"]) -> float:
    """Mean distance of the points after `align_similarity` of every frame (Procrustes-aligned MPJPE)."""
    return float(pa_errors(fitted, truth).mean())


def scale_errors(
    fitted: Float[np.ndarray, "frames points 3"], truth: Float[np.ndarray, "frames points 3"]
) -> Float[np.ndarray, "frames points"]:
    """Distance of each point, both wrists at the origin, the fit scaled so that wrist to middle knuckle is as true.

    Of every frame by itself: `align_sc_tr` of HO-3D's evaluation (Hampali et al. 2020).
    """
    fitted, truth = from_wrist(fitted), from_wrist(truth)
    lengths = [np.linalg.norm(points[:, MIDDLE_MCP], axis=-1) for points in (fitted, truth)]
    factor = np.divide(lengths[1], lengths[0], out=np.ones_like(lengths[0]), where=lengths[0] > 0)
    return distances(factor[:, None, None] * fitted, truth)


def clip_scale(fitted: Float[np.ndarray, "frames points 3"], truth: Float[np.ndarray, "frames points 3"]) -> float:
    """The one factor that brings the wrist-relative points of a whole clip nearest to the truth's (least squares)."""
    return scale_between(from_wrist(fitted), from_wrist(truth))


def scale_between(a: Float[np.ndarray, "*any 3"], b: Float[np.ndarray, "*any 3"]) -> float:
    """The factor that brings `a` nearest to `b`, over the points that `b` knows; NaN where that is none."""
    known = np.isfinite(b).all(axis=-1)
    square = float((a[known] ** 2).sum())
    return float((a[known] * b[known]).sum()) / square if square > 0 else float("nan")


def clip_mpjpe(fitted: Float[np.ndarray, "frames points 3"], truth: Float[np.ndarray, "frames points 3"]) -> float:
    """Mean distance with the wrists at the origin and ONE scale for the clip; no rotation is removed."""
    return float(distances(clip_scale(fitted, truth) * from_wrist(fitted), from_wrist(truth)).mean())


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
    return float(acceleration_errors(scale * from_wrist(fitted), from_wrist(truth))[triples].mean())


def acceleration_errors(
    fitted: Float[np.ndarray, "frames points 3"], truth: Float[np.ndarray, "frames points 3"]
) -> Float[np.ndarray, "frames-2 points"]:
    """Difference of the second differences over frames of each point (Kanazawa et al. 2019, section 4.1)."""
    return distances(np.diff(fitted, n=2, axis=0), np.diff(truth, n=2, axis=0))


def jitter(points: Float[np.ndarray, "frames points dimensions"]) -> float:
    """How much the hand trembles: RMS distance of its centroid from its own moving average over 11 frames.

    Needs no truth; pixels or metres. Frames without a full window around them are left out; NaN for a shorter clip.
    """
    rest = tremble(points)
    return float(np.sqrt((rest**2).mean())) if len(rest) else float("nan")


def tremble(points: Float[np.ndarray, "frames points dimensions"]) -> Float[np.ndarray, "windows"]:
    """Distance of the points' centroid from its mean over the 11 frames around, where they are all known."""
    if len(points) < JITTER_FRAMES:
        return np.zeros(0)
    centroid = points.mean(axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(centroid, JITTER_FRAMES, axis=0)
    rest = np.linalg.norm(windows[..., JITTER_FRAMES // 2] - windows.mean(axis=-1), axis=-1)
    return rest[np.isfinite(rest)]


def bone_std_percent(joints: Float[np.ndarray, "frames 21 3"]) -> float:
    """Mean over the 20 bones of the standard deviation of the bone's length over the clip, in percent of its mean."""
    return float(bone_spread_percent(joints).mean())


def bone_spread_percent(joints: Float[np.ndarray, "frames 21 3"]) -> Float[np.ndarray, "20"]:
    """Standard deviation of each bone's length over the clip, in percent of its mean."""
    lengths = np.linalg.norm(joints[:, 1:] - joints[:, POINT_PARENTS[1:]], axis=-1)
    return lengths.std(axis=0) / lengths.mean(axis=0) * 100


def pck(errors: Float[np.ndarray, "*any"], thresholds: Float[np.ndarray, "steps"]) -> Float[np.ndarray, "steps"]:
    """Share of the errors within each threshold (percentage of correct keypoints, 0..1)."""
    ordered = np.sort(errors, axis=None)
    return np.searchsorted(ordered, thresholds, side="right") / ordered.size


def auc(errors: Float[np.ndarray, "*any"], low: float, high: float) -> float:
    """Area under the PCK curve from `low` to `high`, 0..1, by the trapezoidal rule; NaN without errors."""
    if errors.size == 0:
        return float("nan")
    curve = pck(errors, np.linspace(low, high, AUC_STEPS))
    return float((curve[1:] + curve[:-1]).mean() / 2)


def f_score(
    fitted: Float[np.ndarray, "vertices 3"], truth: Float[np.ndarray, "other_vertices 3"], threshold: float
) -> float:
    """`f_scores` at one threshold."""
    return f_scores(fitted, truth, (threshold,))[0]


def f_scores(
    fitted: Float[np.ndarray, "vertices 3"], truth: Float[np.ndarray, "other_vertices 3"], thresholds: tuple[float, ...]
) -> tuple[float, ...]:
    """Harmonic mean of the shares of fitted vertices near a true one and of true ones near a fitted one, 0..1.

    Knapitsch et al. 2017, on vertices as in FreiHAND (Zimmermann et al. 2019), which takes 5 and 15 mm.
    """
    from scipy.spatial import KDTree

    to_truth = np.asarray(KDTree(truth).query(fitted)[0])
    to_fitted = np.asarray(KDTree(fitted).query(truth)[0])
    scores = []
    for threshold in thresholds:
        precision, recall = float((to_truth < threshold).mean()), float((to_fitted < threshold).mean())
        scores.append(2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0)
    return tuple(scores)
