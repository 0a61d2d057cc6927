"""Hands whose vertices hang on several bones: random ones in MANO's schema, with pose correctives or without."""

from dataclasses import replace

import torch

from fitter.hand import HandModel
from tests.toy_problem import toy_hand

N_VERTICES = 40


def blended_hand(pose_basis: bool) -> HandModel:
    """40 vertices around the toy hand's joints; some rigid with one bone, some carried by two, some by all."""
    bare, generator = toy_hand(), torch.Generator().manual_seed(11)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    near = torch.arange(N_VERTICES) % 21
    skinning = bare.skinning[near].clone()
    skinning[10:30] += 0.4 * bare.skinning[(near[10:30] + 5) % 21]
    skinning[30:] += 0.2 * normal(10, 16).abs()
    faces = torch.stack([torch.arange(0, 36), torch.arange(1, 37), torch.arange(3, 39)], dim=1)
    return replace(
        bare,
        template=bare.joints[near] + 0.01 * normal(N_VERTICES, 3),
        shape_basis=bare.shape_basis[near] + 0.002 * normal(N_VERTICES, 3, bare.n_betas),
        skinning=skinning / skinning.sum(1, keepdim=True),
        pose_basis=0.003 * normal(N_VERTICES, 3, 135) if pose_basis else None,
        faces=faces,
        uv_faces=torch.zeros_like(faces),
    )
