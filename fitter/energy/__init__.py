"""What a good fit satisfies: one file per term. A new term is a file, a line in `Energy`, a test and a line in
default.yaml.

energy = Energy(keypoints=Keypoints(sigma_px=3))
energy.terms(evidence)    # {'keypoints': ..., ...}: the terms that are on and whose evidence is given
"""

from dataclasses import dataclass, fields

from fitter.energy.anatomy import Anatomy
from fitter.energy.articulation import Articulation
from fitter.energy.bone_direction import BoneDirection
from fitter.energy.depth_map import DepthMap
from fitter.energy.focal import Focal
from fitter.energy.image_depth import ImageDepth
from fitter.energy.interpenetration import Interpenetration
from fitter.energy.joint_positions import JointPositions
from fitter.energy.keypoints import Keypoints
from fitter.energy.learned_pose import LearnedPose
from fitter.energy.photometric import Photometric
from fitter.energy.pose import Coupling, Pose
from fitter.energy.self_collision import SelfCollision
from fitter.energy.shape import Shape
from fitter.energy.silhouette import Silhouette
from fitter.energy.size import Size
from fitter.energy.smoothness import PoseSmoothness, TrajectorySmoothness
from fitter.energy.term import ConditionalTerm, EnergyTerm, Term
from fitter.energy.vertex_positions import VertexPositions
from fitter.observe.evidence import Evidence

__all__ = ["Energy", "EnergyTerm"]


# Terms that say the same thing worse do not act beside these: it would be counted twice.
STANDS_IN_FOR = {"learned_pose": ("pose", "coupling")}

# Terms of two hands together, which `terms` of one hand does not name.
OF_PAIRS = ("interpenetration",)


@dataclass(frozen=True)
class Energy:
    """All terms with their standard deviations; null in YAML switches one off."""

    keypoints: Keypoints | None = Keypoints()
    bone_direction: BoneDirection | None = BoneDirection()
    image_depth: ImageDepth | None = ImageDepth()
    articulation: Articulation | None = Articulation()
    anatomy: Anatomy | None = Anatomy()
    pose: Pose | None = Pose()
    coupling: Coupling | None = Coupling()
    learned_pose: LearnedPose | None = LearnedPose()
    self_collision: SelfCollision | None = SelfCollision()
    shape: Shape | None = Shape()
    size: Size | None = Size()
    focal: Focal | None = Focal()
    pose_smoothness: PoseSmoothness | None = PoseSmoothness()
    trajectory_smoothness: TrajectorySmoothness | None = TrajectorySmoothness()
    silhouette: Silhouette | None = Silhouette()
    photometric: Photometric | None = Photometric()
    depth_map: DepthMap | None = DepthMap()
    joint_positions: JointPositions | None = JointPositions()
    vertex_positions: VertexPositions | None = VertexPositions()
    interpenetration: Interpenetration | None = Interpenetration()

    def terms(self, evidence: Evidence | None = None) -> dict[str, Term]:
        """The terms that are on, by name; those that need more than keypoints only where `evidence` has it."""
        named: dict[str, Term | None] = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in OF_PAIRS}
        acting = {name: term for name, term in named.items() if term is not None and _has_its_evidence(term, evidence)}
        spare = {name for better, names in STANDS_IN_FOR.items() if better in acting for name in names}
        return {name: term for name, term in acting.items() if name not in spare}


def _has_its_evidence(term: Term, evidence: Evidence | None) -> bool:
    return not isinstance(term, ConditionalTerm) or (evidence is not None and term.given(evidence))
