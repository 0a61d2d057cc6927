"""Scenes of the capsule hand seen through windows, and what a term's rows must agree with."""

from dataclasses import replace

import torch

from fitter.energy.term import SurfaceTerm, term_energy
from fitter.observe.evidence import Evidence
from fitter.render.window import windows_around
from fitter.scene import Scene
from fitter.solve.normal_equations import NormalEquations, assemble
from fitter.state import Step
from tests.toy_hand import toy_hand
from tests.toy_problem import CAMERA, evidence_of, random_state


def mesh_scene(n_frames: int = 3, size: int = 64, seed: int = 0) -> Scene:
    """The capsule hand about half a metre away, each frame in its window of `size` pixels; focal length as given."""
    model = toy_hand()
    state = random_state(model, n_frames, seed)
    scene = Scene(model, model.landmarks, CAMERA, replace(state, log_focal=torch.zeros(()).double()))
    return scene.seen_through(windows_around(CAMERA.project(scene.vertices), size))


def nothing_seen(scene: Scene) -> Evidence:
    """Evidence without any keypoint, for terms that need none."""
    evidence = evidence_of(scene, seed=0)
    zero = torch.zeros_like(evidence.confidence)
    return replace(evidence, confidence=zero, depth_weight=zero, bone_weight=torch.zeros_like(evidence.bone_weight))


def moved(scene: Scene, size: float, seed: int = 3) -> Scene:
    """A state away from this one: the windows stay."""
    generator = torch.Generator().manual_seed(seed)
    frames = size * torch.randn(scene.state.n_frames, 51, generator=generator, dtype=torch.float64)
    shared = size * torch.randn(scene.state.n_shared, generator=generator, dtype=torch.float64)
    shared[-1] = 0.0  # the focal length
    return scene.with_state(scene.state.retract(Step(frames, shared)))


def assembled(term: SurfaceTerm, scene: Scene, evidence: Evidence) -> NormalEquations:
    with torch.no_grad():
        return assemble([(term.rows(scene, evidence), term.robust_width)], scene)


def slope_of_energy(term: SurfaceTerm, scene: Scene, evidence: Evidence) -> Step:
    """The derivative of the energy by automatic differentiation of `samples`, by every unknown."""
    step = scene.state.zero_step()
    step = Step(step.frames.requires_grad_(), step.shared.requires_grad_())
    energy = term_energy(term, scene.with_state(scene.state.retract(step)), evidence)
    return Step(*torch.autograd.grad(energy, (step.frames, step.shared)))


def energy_along(term: SurfaceTerm, scene: Scene, evidence: Evidence, step: Step) -> float:
    """The energy a step away, by the term's own `energy`."""
    with torch.no_grad():
        return float(term.frame_energies(scene.with_state(scene.state.retract(step)), evidence).sum())
