"""What a state predicts: the hand in camera space and its landmarks in the image. Computed once, read by every term.

scene = Scene(model, landmarks, camera, state)
scene.keypoints            # (*batch, frames, 21, 2) undistorted pixels
scene.fragments            # which triangle every pixel of the windows sees; only terms with pixels ask for it
"""

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from fitter import rotation
from fitter.camera import Camera
from fitter.hand import HandModel, Landmarks, PosedHand
from fitter.render.appearance import Appearance
from fitter.render.choose import rasterizer_for
from fitter.render.mesh import mesh_normals, mesh_vertices
from fitter.render.outline import Outline, outline_of
from fitter.render.rasterizer import Fragments
from fitter.render.shading import sh_basis
from fitter.render.window import Windows
from fitter.state import State

# What stays the same when only the windows change, and when only the appearance does.
POSE = ("posed", "points", "focal", "keypoints", "vertices", "normals", "harmonics")
GEOMETRY = (*POSE, "screen", "fragments", "outline")
# Light reflected by a white surface is kept above this: harmonics can be negative, light cannot.
LEAST_LIGHT = 0.02


@dataclass(frozen=True)
class Scene:
    """One hand model, one keypoint source's landmarks, one camera, and a state; everything predicted is lazy.

    `windows` are what pixels are predicted for, `appearance` what the surface wears: only for scenes of one clip (no
    batch axes).
    """

    model: HandModel
    landmarks: Landmarks
    camera: Camera
    state: State
    windows: Windows | None = None
    appearance: Appearance | None = None

    def with_state(self, state: State) -> "Scene":
        """The scene of a state; of its own state it is itself, with all that is already computed."""
        return self if state is self.state else replace(self, state=state)

    def wearing(self, appearance: Appearance | None) -> "Scene":
        """The same scene with another appearance; the geometry that is already computed is kept."""
        return self._keeping(GEOMETRY, replace(self, appearance=appearance))

    def seen_through(self, windows: Windows | None) -> "Scene":
        """The same scene in other windows; what does not depend on them is kept."""
        return self._keeping(POSE, replace(self, windows=windows))

    @cached_property
    def posed(self) -> PosedHand:
        return self.model.with_shape(self.state.betas).with_pose(self.state.rotations, self.state.wrist)

    @cached_property
    def points(self) -> Float[Tensor, "*batch frames 21 3"]:
        """The source's landmarks, metres, camera axes."""
        return self.posed.attached(self.landmarks.with_shape(self.state.betas))

    @cached_property
    def focal(self) -> Float[Tensor, "*batch 2"]:
        """Focal lengths in pixels, with the state's correction."""
        given = self.state.log_focal.new_tensor([self.camera.fx, self.camera.fy])
        return given * self.state.log_focal.exp().unsqueeze(-1)

    @cached_property
    def keypoints(self) -> Float[Tensor, "*batch frames 21 2"]:
        """The landmarks projected, undistorted pixels."""
        centre = self.points.new_tensor([self.camera.cx, self.camera.cy])
        return self.points[..., :2] / self.points[..., 2:] * self.focal[..., None, None, :] + centre

    @cached_property
    def joint_vectors(self) -> Float[Tensor, "*batch frames 15 3"]:
        """Rotation vectors of the finger joints relative to their parents, radians."""
        return rotation.log(self.state.rotations[..., 1:, :, :])

    @cached_property
    def joint_angles(self) -> Float[Tensor, "*batch frames 15 3"]:
        """Twist, spread and flexion of the finger joints, radians: the rotation vector in the joint's anatomical
        axes.
        """
        return torch.einsum("jca,...jc->...ja", self.model.joint_axes, self.joint_vectors)

    @cached_property
    def joint_angles_jacobian(self) -> Float[Tensor, "*batch frames 15 3 3"]:
        """Derivative of `joint_angles` with respect to each rotation's tangent."""
        return self.model.joint_axes.mT @ rotation.inverse_right_jacobian(self.joint_vectors)

    @cached_property
    def turns(self) -> Float[Tensor, "*batch intervals 16 3"]:
        """Rotation vector (radians) of every rotation from each frame to the next, in the earlier frame's axes."""
        rotations = self.state.rotations
        return rotation.log(rotations[..., :-1, :, :, :].mT @ rotations[..., 1:, :, :, :])

    @cached_property
    def projection_jacobian(self) -> Float[Tensor, "*batch frames 21 2 3"]:
        """Derivative of `keypoints` with respect to `points`, pixels per metre."""
        inverse_depth = 1.0 / self.points[..., 2]
        focal = self.focal[..., None, None, :] * inverse_depth.unsqueeze(-1)
        slope = self.points[..., :2] * inverse_depth.unsqueeze(-1)
        zero = torch.zeros_like(inverse_depth)
        row_u = torch.stack([focal[..., 0], zero, -focal[..., 0] * slope[..., 0]], dim=-1)
        row_v = torch.stack([zero, focal[..., 1], -focal[..., 1] * slope[..., 1]], dim=-1)
        return torch.stack([row_u, row_v], dim=-2)

    @cached_property
    def vertices(self) -> Float[Tensor, "*batch frames vertices 3"]:
        """The mesh, metres, camera axes."""
        return mesh_vertices(self.posed)

    @cached_property
    def screen(self) -> Float[Tensor, "frames vertices 3"]:
        """The mesh in window pixels, and its depth in metres: as a `Rasterizer` takes it."""
        return self.on_screen(self.vertices)

    def on_screen(self, vertices: Float[Tensor, "frames points 3"]) -> Float[Tensor, "frames points 3"]:
        """Points in camera axes (metres) as `screen` has the mesh."""
        centre = vertices.new_tensor([self.camera.cx, self.camera.cy])
        pixels = vertices[..., :2] / vertices[..., 2:] * self.focal + centre
        return torch.cat([self._windows.of_image(pixels), vertices[..., 2:]], dim=-1)

    @cached_property
    def normals(self) -> Float[Tensor, "frames vertices 3"]:
        """Unit normals of the mesh, camera axes."""
        return mesh_normals(self.vertices, self.model.faces)

    @cached_property
    def harmonics(self) -> Float[Tensor, "frames vertices 9"]:
        """Spherical harmonics of the normals: light = harmonics @ lighting."""
        return sh_basis(self.normals)

    @cached_property
    def fragments(self) -> Fragments:
        """What the windows' pixels see; not differentiable."""
        size = self._windows.size
        return rasterizer_for(self.vertices.device).rasterize(self.screen.detach(), self.model.faces, (size, size))

    @cached_property
    def outline(self) -> Outline:
        """Where the mesh ends in the windows; not differentiable."""
        return outline_of(self.screen, self.model.faces, self.fragments)

    @cached_property
    def vertex_light(self) -> Float[Tensor, "frames vertices 3"]:
        """Light that a white matt surface would send back, linear RGB, without the frame's gain."""
        if self.appearance is None:
            raise AssertionError("a scene without an appearance has no light")
        return (self.harmonics @ self.appearance.lighting.to(self.normals)).clamp_min(LEAST_LIGHT)

    def _keeping(self, names: tuple[str, ...], other: "Scene") -> "Scene":
        other.__dict__.update({name: self.__dict__[name] for name in names if name in self.__dict__})
        return other

    @property
    def _windows(self) -> Windows:
        if self.windows is None:
            raise AssertionError("a scene without windows has no pixels")
        return self.windows
