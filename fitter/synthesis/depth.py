"""From a fit by keypoints to one that depth images can correct: windows around it, and the distance they measure.

scene, evidence = with_depth(scene, evidence, folder)        # the scene has windows and is as far as the images say
"""

from dataclasses import replace

from fitter.observe.depth_maps import DepthFolder, DepthMaps
from fitter.observe.evidence import Evidence
from fitter.render.window import windows_around
from fitter.scene import Scene

WINDOW_PX = 224  # about as many pixels as a depth camera has on a hand within reach
# Fewer known pixels under the rendered hand, in the whole clip, say nothing of its distance.
LEAST_PIXELS = 100


def with_depth(scene: Scene, evidence: Evidence, folder: DepthFolder) -> tuple[Scene, Evidence]:
    """The scene seen through windows around its hand and moved to the measured distance; the evidence with depth maps.

    Frames without keypoints are not trusted: their windows may show anything.
    """
    vertices = scene.vertices
    centre = vertices.new_tensor([scene.camera.cx, scene.camera.cy])
    windows = windows_around(vertices[..., :2] / vertices[..., 2:] * scene.focal + centre, WINDOW_PX)
    maps = folder.cut(windows, scene.camera).to(vertices.device)
    maps = replace(maps, trust=maps.trust * (evidence.confidence > 0).any(dim=1))
    return at_measured_distance(scene.seen_through(windows), maps), replace(evidence, depth_maps=maps)


def at_measured_distance(scene: Scene, maps: DepthMaps) -> Scene:
    """The scene with its wrist moved along the line of sight by one factor for the clip: the median, over the covered
    pixels, of observed over rendered depth.

    Without a known hand length, keypoints leave the distance to a prior, and the depth term reaches only so far.
    """
    fragments = scene.fragments
    usable = fragments.covered & (maps.depth_m > 0) & (maps.trust > 0)[:, None, None]
    if int(usable.sum()) < LEAST_PIXELS:
        return scene
    farther = (maps.depth_m[usable] / fragments.depth[usable]).median().log()
    trajectory = scene.state.trajectory + scene.state.trajectory.new_tensor([0.0, 0.0, float(farther)])
    return scene.with_state(replace(scene.state, trajectory=trajectory))
