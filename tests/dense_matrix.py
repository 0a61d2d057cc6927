"""The banded normal equations written out as one matrix, to compare with."""

import torch

from fitter.solve.normal_equations import NormalEquations


def dense(normal: NormalEquations) -> torch.Tensor:
    """The whole symmetric matrix, frames first, shared unknowns last."""
    n_frames, n, n_shared = normal.border.shape
    matrix = torch.zeros(n_frames * n + n_shared, n_frames * n + n_shared, dtype=torch.float64)
    for t in range(n_frames):
        here = slice(n * t, n * t + n)
        matrix[here, here] = normal.diagonal[t]
        matrix[here, n_frames * n :] = normal.border[t]
        for distance, coupling in ((1, normal.first), (2, normal.second)):
            if t + distance < n_frames:
                there = slice(n * (t + distance), n * (t + distance + 1))
                matrix[here, there] = torch.block_diag(*coupling[t])
    matrix = torch.triu(matrix)
    matrix[n_frames * n :, n_frames * n :] = normal.corner
    upper = torch.triu(matrix, 1)
    return upper + upper.T + torch.diag(torch.diagonal(matrix))
