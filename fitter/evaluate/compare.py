"""A fit against the truth of one hand: every error that the measures are made of.

errors = compare(FitResult.load(Path("results/clip")), truth)
scores_of(errors).pa_mpjpe_mm
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float

from fitter.errors import InputError
from fitter.evaluate.measures import Errors
from fitter.evaluate.metrics import (
    LEAST_POINTS,
    MIDDLE_MCP,
    acceleration_errors,
    align_similarity,
    bone_spread_percent,
    distances,
    f_scores,
    pa_errors,
    scale_between,
    scale_errors,
    tremble,
)
from fitter.evaluate.truth import Truth
from fitter.export.result import FitResult
from fitter.observe.observations import Side

MM_PER_M = 1000.0
F_THRESHOLDS_MM = (5.0, 15.0)
NOTHING = np.zeros(0)

Joints = Float[np.ndarray, "frames 21 3"]


def nothing_measured() -> Errors:
    """The errors where nothing is known: no frame, no point."""
    return Errors(
        *(np.zeros(0, dtype=bool), NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, np.zeros((0, 4))),
        *(NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING),
    )


def not_found(truth: Truth) -> Errors:
    """Of a hand that no fit has: its frames count as not detected."""
    return replace(nothing_measured(), detected=np.zeros(int(truth.annotated.sum()), dtype=bool))


def compare(result: FitResult, truth: Truth) -> Errors:
    """All errors of the result's hand of the truth's side; raises InputError where their frames are not as many."""
    n_fitted, n_true = result.present.shape[1], len(truth.frames)
    if n_fitted != n_true:
        raise InputError(
            f"{truth.name}: {n_true} frames, but the result has {n_fitted}: expected as many (name them by --frames)"
        )
    if truth.side not in result.side:
        return not_found(truth)
    hand = result.side.index(truth.side)
    found = result.present[hand]
    joints, known = result.joints_m[hand].astype(float), truth.joints_m
    errors = without_truth(result, truth.side)
    errors = _with_joints(errors, joints, truth, found)
    both = found & truth.annotated
    errors = _with_vertices(errors, result.vertices_m[hand].astype(float), joints, truth, both)
    return replace(
        errors,
        detected=found[truth.annotated],
        absolute_mm=_known(distances(joints, known)[both]) * MM_PER_M,
        keypoint_px=_known(distances(result.keypoints_px[hand].astype(float), truth.keypoints_px)[both]),
    )


def without_truth(result: FitResult, side: Side) -> Errors:
    """What a result tells by itself: how the hand trembles and whether its bones keep their lengths."""
    hand = result.side.index(side)
    found = result.present[hand]
    several = int(found.sum()) > 1  # one frame has no spread
    return replace(
        nothing_measured(),
        tremble_px=tremble(result.keypoints_px[hand].astype(float)),
        bone_spread_percent=bone_spread_percent(result.joints_m[hand][found].astype(float)) if several else NOTHING,
    )


def _with_joints(errors: Errors, joints: Joints, truth: Truth, found: Bool[np.ndarray, "frames"]) -> Errors:
    """Errors of joints that are relative to something, of frames with enough known joints for that."""
    enough = np.isfinite(truth.joints_m).all(axis=-1).sum(axis=-1) >= LEAST_POINTS
    used = found & enough
    if not used.any():
        return errors
    fitted, known = relative_to_root(joints, truth)
    scale = scale_between(fitted[used], known[used])
    triples = used[:-2] & used[1:-1] & used[2:]
    accelerations = acceleration_errors(scale * fitted, known)[triples] if len(used) > 2 else NOTHING
    return replace(
        errors,
        root_mm=_known(distances(fitted, known)[used]) * MM_PER_M,
        aligned_mm=_known(pa_errors(joints[used], truth.joints_m[used])) * MM_PER_M,
        clip_mm=_known(distances(scale * fitted, known)[used]) * MM_PER_M,
        scaled_mm=_known(scale_errors(joints[used], truth.joints_m[used])) * MM_PER_M,
        acceleration_mm=_known(accelerations) * MM_PER_M,
    )


def relative_to_root(joints: Joints, truth: Truth) -> tuple[Joints, Joints]:
    """The fitted and the true joints from the root that the truth has; see `fitter.evaluate.definitions`."""
    known = truth.joints_m
    if truth.origin == "wrist":
        roots = joints[:, 0], known[:, 0]
    elif truth.origin == "palm" and truth.palm_m is not None:
        roots = (joints[:, 0] + joints[:, MIDDLE_MCP]) / 2, truth.palm_m
    else:
        roots = _centroid(np.where(np.isfinite(known), joints, np.nan)), _centroid(known)
    return joints - roots[0][:, None], known - roots[1][:, None]


def _centroid(points: Joints) -> Float[np.ndarray, "frames 3"]:
    known = np.isfinite(points)
    total, count = np.where(known, points, 0.0).sum(axis=1), known.sum(axis=1)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def _with_vertices(
    errors: Errors,
    vertices: Float[np.ndarray, "frames vertices 3"],
    joints: Joints,
    truth: Truth,
    used: Bool[np.ndarray, "frames"],
) -> Errors:
    """Errors of the mesh, where the truth has one."""
    if truth.vertices_m is None:
        return errors
    same = truth.vertices_m.shape[1] == vertices.shape[1]
    distance, scores = [NOTHING], []
    for frame in np.flatnonzero(used & np.isfinite(truth.vertices_m).all(axis=(1, 2))):
        fitted, known = vertices[frame] * MM_PER_M, truth.vertices_m[frame] * MM_PER_M
        true_joints = truth.joints_m[frame] * MM_PER_M
        aligned = align_similarity(fitted, known) if same else _moved_by_joints(fitted, joints[frame], true_joints)
        if same:
            distance.append(distances(aligned, known))
        scores.append([score for mesh in (fitted, aligned) for score in f_scores(mesh, known, F_THRESHOLDS_MM)])
    return replace(errors, vertices_mm=np.concatenate(distance), f_scores=np.array(scores).reshape(-1, 4))


def _moved_by_joints(
    vertices_mm: Float[np.ndarray, "vertices 3"],
    joints_m: Float[np.ndarray, "21 3"],
    true_mm: Float[np.ndarray, "21 3"],
) -> Float[np.ndarray, "vertices 3"]:
    """The vertices moved by the similarity that aligns the joints, as FreiHAND does with meshes not of MANO."""
    both = np.concatenate([joints_m * MM_PER_M, vertices_mm])
    unknown = np.full(vertices_mm.shape, np.nan)  # the vertices have no part in the alignment
    return align_similarity(both, np.concatenate([true_mm, unknown]))[len(joints_m) :]


def _known(values: np.ndarray) -> Float[np.ndarray, "known"]:
    return values[np.isfinite(values)]
