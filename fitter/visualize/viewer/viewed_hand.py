"""The hands of a result as the viewer draws them: plain, as a skeleton, textured, or coloured by their uncertainty.

hand = viewed_hand(result, 0, folder.relative_sigma_mm[0], texture)
drawn = draw_hand(hand, frame=12, colouring=Colouring.PLAIN, view=viewpoint, scale=scale)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, UInt8

from fitter.export.meshes import smooth_normals
from fitter.export.result import FitResult
from fitter.observe.observations import Side
from fitter.visualize.tints import TINTS
from fitter.visualize.viewer.bones import draw_bones
from fitter.visualize.viewer.fine_skin import Skin, fine_skin
from fitter.visualize.viewer.light import balls_of, lit, to_linear, to_srgb
from fitter.visualize.viewer.player import Colouring
from fitter.visualize.viewer.shapes import Drawn
from fitter.visualize.viewer.uncertainty import SigmaScale, joint_shares
from fitter.visualize.viewer.viewpoint import Viewpoint

# How much nearer to grey the hand is in frames that were bridged without a detection.
BRIDGED_DULLNESS = 0.6
# The lamp is dimmer than white, as on a plain surface; skin is darker, and needs more of it.
SKIN_EXPOSURE = 1.25
WIRE_COLOUR = (0.42, 0.50, 0.62)  # sRGB: recedes before the bones
TOWARDS_EYE = 0.6  # of their distance, at which bones are drawn


@dataclass(frozen=True)
class ViewedHand:
    """One hand's rows of a result, metres and camera axes; `faces` point out of this hand."""

    side: Side
    vertices_m: Float[np.ndarray, "frames vertices 3"]
    joints_m: Float[np.ndarray, "frames 21 3"]
    faces: Int[np.ndarray, "faces 3"]
    edges: Int[np.ndarray, "edges 2"]
    present: Bool[np.ndarray, "frames"]
    observed: Bool[np.ndarray, "frames"]
    sigma_mm: Float[np.ndarray, "frames 21"]
    quality: Float[np.ndarray, "frames"]
    shares: Float64[np.ndarray, "vertices 21"]
    """How much of each joint's sigma a vertex shows."""
    skin: Skin | None


def viewed_hand(
    result: FitResult,
    hand: int,
    sigma_mm: Float[np.ndarray, "frames 21"],
    texture: UInt8[np.ndarray, "height width 3"] | None,
) -> ViewedHand:
    """Hand number `hand`; `texture` is its sRGB image (first row at v = 1), or None."""
    side = result.side[hand]
    order = slice(None) if side == "right" else slice(None, None, -1)
    faces = np.ascontiguousarray(result.faces[:, order])
    vertices, joints, present = result.vertices_m[hand], result.joints_m[hand], result.present[hand]
    skin = None
    if texture is not None and len(result.uv_faces):
        skin = fine_skin(vertices.shape[1], faces, result.uv, np.ascontiguousarray(result.uv_faces[:, order]), texture)
    return ViewedHand(
        side=side,
        vertices_m=vertices,
        joints_m=joints,
        faces=faces,
        edges=edges_of(faces),
        present=present,
        observed=result.observed[hand],
        sigma_mm=sigma_mm,
        quality=result.quality[hand],
        shares=joint_shares(vertices[present], joints[present], faces),
        skin=skin,
    )


def edges_of(faces: Int[np.ndarray, "faces 3"]) -> Int[np.ndarray, "edges 2"]:
    """Every edge of the triangles, once."""
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return np.unique(np.sort(pairs, axis=1), axis=0)


def draw_hand(
    hand: ViewedHand, frame: int, colouring: Colouring, view: Viewpoint, scale: SigmaScale
) -> Sequence[Drawn]:
    """What there is to draw of the hand in this frame: nothing where it is not present, plain where it has no skin."""
    if not hand.present[frame]:
        return []
    points = hand.vertices_m[frame].astype(np.float64)
    if colouring is Colouring.SKELETON:
        bones = draw_bones(f"bones {hand.side}", hand.joints_m[frame], view)
        wire = np.broadcast_to(np.array(WIRE_COLOUR), points.shape)
        return [
            replace(bones, points_m=before_the_rest(bones.points_m, view)),
            Drawn(f"wire {hand.side}", hand.edges, points, wire),
        ]
    light = lit(points, smooth_normals(points, hand.faces), balls_of(hand.joints_m[frame]), view)
    if colouring is Colouring.TEXTURE and hand.skin is not None:
        blend = hand.skin.blend
        colours = to_srgb(SKIN_EXPOSURE * hand.skin.albedo * (blend @ light))
        return [Drawn(f"skin {hand.side}", hand.skin.faces, blend @ points, colours)]
    if colouring is Colouring.UNCERTAINTY:
        base = to_linear(scale.colours(hand.shares @ hand.sigma_mm[frame]))
    else:
        base = np.broadcast_to(plain_colour(hand, frame), points.shape)
    return [Drawn(f"surface {hand.side}", hand.faces, points, to_srgb(base * light))]


def before_the_rest(points_m: Float64[np.ndarray, "points 3"], view: Viewpoint) -> Float64[np.ndarray, "points 3"]:
    """The points drawn towards the eye on their own rays: the picture is the same, but the wire does not cover it."""
    return view.eye_m + TOWARDS_EYE * (points_m - view.eye_m)


def plain_colour(hand: ViewedHand, frame: int) -> Float64[np.ndarray, "3"]:
    """Linear RGB: the overlay's tint of this side, duller where no detection supports the frame."""
    tint = to_linear(np.array(TINTS[hand.side]))
    return tint if hand.observed[frame] else tint + BRIDGED_DULLNESS * (tint.mean() - tint)
