"""What the user knows of the hand beside the clip: masks, depth images, 3D joints, vertices, where to start.

cues = read_cues(command, clip, model)
given = cues.add_to(given, hand, alone=True)
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int

from fitter.app.initial import InitialStates, read_initial
from fitter.app.options import Command
from fitter.clip import Clip
from fitter.errors import InputError
from fitter.hand import HandModel
from fitter.observe.depth_maps import DepthFolder, open_depth_folder
from fitter.observe.known_positions import KnownPositions, read_known_joints, read_known_vertices
from fitter.observe.masks import MaskFolder
from fitter.observe.observations import Side
from fitter.pipeline import FitInput


@dataclass(frozen=True)
class Cues:
    """As filmed: of left hands not mirrored yet. None where nothing is given."""

    joints: KnownPositions | None = None
    vertices: KnownPositions | None = None
    depth: DepthFolder | None = None
    masks: MaskFolder | None = None
    initial: InitialStates | None = None

    def at(self, frames: Int[np.ndarray, "chosen"]) -> "Cues":
        """Of some of the clip's frames."""
        return Cues(
            joints=self.joints and self.joints.at(frames),
            vertices=self.vertices and self.vertices.at(frames),
            depth=self.depth and self.depth.at(frames),
            masks=self.masks and self.masks.at(frames),
            initial=self.initial and self.initial.at(frames),
        )

    def add_to(self, given: FitInput, side: Side, alone: bool) -> FitInput:
        """The input of one hand with its cues, a left hand's mirrored as the rest of it is.

        Raises InputError where joints or vertices are given and the hand is not `alone` in the clip: whose are they?
        """
        for option, known in (("--joints", self.joints), ("--vertices", self.vertices)):
            if known is not None and not alone:
                raise InputError(
                    f"{option}: the file holds one hand, but two are fitted; choose it with --hand left or --hand right"
                )
        joints, vertices, depth = self.joints, self.vertices, self.depth
        if side == "left":
            joints, vertices = joints and joints.mirrored(), vertices and vertices.mirrored()
            depth = depth and depth.flipped()
        given = replace(given, evidence=replace(given.evidence, joints=joints, vertices=vertices), depth=depth)
        if self.initial is None:
            return given
        return replace(given, starts=(*given.starts, *self.initial.starts(given, side, alone)))


NO_CUES = Cues()


def read_cues(command: Command, clip: Clip, model: HandModel) -> Cues:
    """Read the files that the options name; raises InputError, one sentence, if they do not fit the clip or model."""
    n_frames, size = clip.n_frames, (clip.width, clip.height)
    n_vertices = len(model.template)
    return Cues(
        joints=None if command.joints is None else read_known_joints(command.joints, n_frames),
        vertices=None if command.vertices is None else read_known_vertices(command.vertices, n_frames, n_vertices),
        depth=None if command.depth is None else open_depth_folder(command.depth, size, n_frames),
        masks=None if command.masks is None else MaskFolder.open(command.masks, size, n_frames),
        initial=None if command.initial is None else read_initial(command.initial, clip),
    )
