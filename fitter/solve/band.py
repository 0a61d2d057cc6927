"""Cholesky factorisation of the whole clip's normal equations: a block-tridiagonal band and a Schur complement border.

Two frames make one block of 102 (of two hands, 204), so that couplings one and two frames apart all lie between
neighbouring blocks, and every operation is a dense one of LAPACK's size. Time and memory are linear in the number of
frames. Call it inside `one_thread()`: on blocks of this size more threads only wait for each other.

    factor = factorise(normal, damping=1e-3)      # raises NotPositiveDefinite
    step = factor.solve()                         # minus the inverse times the gradient
    blocks = factor.covariance()                  # selected inverse: what every frame's sigma is made of
"""

from dataclasses import dataclass

import numba
import numpy as np
import torch
from jaxtyping import Float, Shaped
from numpy.typing import DTypeLike
from scipy.linalg import blas, get_blas_funcs, lapack

from fitter.solve.normal_equations import NormalEquations
from fitter.state import Step

# A diagonal entry of nothing observed; relative to none, since residuals are unit-free and unknowns are radians or
# ratios.
FLOOR = 1e-9


class NotPositiveDefinite(ArithmeticError):
    """The damped matrix has a direction of no or negative curvature: damp more."""


@dataclass(frozen=True)
class Covariance:
    """Blocks of the inverse of the normal equations: each frame's own, with the shared unknowns, and theirs."""

    frames: Float[np.ndarray, "frames unknowns unknowns"]
    frames_shared: Float[np.ndarray, "frames unknowns shared"]
    shared: Float[np.ndarray, "shared shared"]


@dataclass(frozen=True)
class Factor:
    """L of the band (`diagonal` lower, `below` the blocks under it), the border solved by L, and the Schur
    complement's L.
    """

    n_frames: int
    diagonal: Float[np.ndarray, "blocks block block"]
    below: Float[np.ndarray, "blocks block block"]
    border: Float[np.ndarray, "blocks block shared"]
    corner: Float[np.ndarray, "shared shared"]
    right_side: Float[np.ndarray, "blocks block"]
    shared_right_side: Float[np.ndarray, "shared"]

    def solve(self) -> Step:
        """The step: minus the inverse of the damped matrix times the gradient."""
        shared = lapack.dpotrs(self.corner, self.shared_right_side, lower=1)[0]
        frames = self.right_side - self.border @ shared.astype(self.border.dtype)
        trsv = blas.strsv if frames.dtype == np.float32 else blas.dtrsv
        for block in reversed(range(len(frames))):
            if block + 1 < len(frames):
                frames[block] -= self.below[block].T @ frames[block + 1]
            frames[block] = trsv(self.diagonal[block], frames[block], lower=1, trans=1)
        flat = frames.reshape(2 * len(frames), -1)[: self.n_frames]
        return Step(torch.from_numpy(flat.astype(np.float64)), torch.from_numpy(shared))

    def covariance(self) -> Covariance:
        """Selected inverse by the backward recursion over blocks (Takahashi et al. 1973), and the border's share of it.

        With L_k the diagonal and E_k the block below it: S_k = L_k^-T (I + E_k' S_k+1 E_k) L_k^-1.
        """
        n_blocks, size, n_shared = *self.diagonal.shape[:2], len(self.corner)
        shared = lapack.dpotri(self.corner, lower=1)[0]
        shared = np.tril(shared) + np.tril(shared, -1).T
        frames = np.empty((n_blocks, size, size))
        lever = np.empty((n_blocks, size, n_shared))  # inverse of the band times the border
        identity = np.eye(size)
        for block in reversed(range(n_blocks)):
            inner, lifted = identity, self.border[block]
            if block + 1 < n_blocks:
                below = self.below[block]
                inner = identity + below.T @ frames[block + 1] @ below
                lifted = lifted - below.T @ lever[block + 1]
            lower = self.diagonal[block]
            one_side = blas.dtrsm(1.0, lower, inner, lower=1, trans_a=1)
            frames[block] = blas.dtrsm(1.0, lower, np.asfortranarray(one_side.T), lower=1, trans_a=1)
            lever[block] = blas.dtrsm(1.0, lower, lifted, lower=1, trans_a=1)
        half = size // 2
        pairs = frames.reshape(n_blocks, 2, half, 2, half)
        own = pairs[:, [0, 1], :, [0, 1], :].transpose(1, 0, 2, 3).reshape(-1, half, half)
        lever = lever.reshape(-1, half, n_shared)[: self.n_frames]
        cross = -lever @ shared
        return Covariance(own[: self.n_frames] - cross @ lever.transpose(0, 2, 1), cross, shared)


@dataclass(frozen=True)
class Workspace:
    """Memory of a factorisation, to be used again: fresh pages cost a long clip as much as half the arithmetic.

    Of `joined`, the last column is minus the gradient, the others are the border. Its dtype is the arithmetic's:
    float32 takes half the time, which is exact enough for a step that the energy judges; a covariance wants float64.
    """

    diagonal: Shaped[np.ndarray, "blocks block block"]
    below: Shaped[np.ndarray, "blocks block block"]
    joined: Shaped[np.ndarray, "blocks block columns"]

    @staticmethod
    def of(normal: NormalEquations, dtype: DTypeLike = np.float64) -> "Workspace":
        n_frames, n_unknowns, n_shared = normal.border.shape
        n_blocks, size = (n_frames + 1) // 2, 2 * n_unknowns
        widths = (size, size, n_shared + 1)
        # Each block is column-major, as LAPACK works in place on.
        return Workspace(*(np.zeros((n_blocks, width, size), dtype).transpose(0, 2, 1) for width in widths))


def factorise(normal: NormalEquations, damping: float = 0.0, workspace: Workspace | None = None) -> Factor:
    """Factorise A + damping * diag(A) (Marquardt's scaling), border and corner alike.

    A `workspace` of the same sizes is overwritten, and the factor lives in it.
    """
    n_frames, _, n_shared = normal.border.shape
    space = workspace or Workspace.of(normal)
    diagonal, below, joined = space.diagonal, space.below, space.joined
    n_blocks, dtype = len(diagonal), diagonal.dtype
    frames = (normal.first.numpy(), normal.second.numpy(), normal.border.numpy(), normal.gradient.frames.numpy())
    transposed = tuple(array.transpose(0, 2, 1) for array in (diagonal, below, joined))
    lay_out((normal.diagonal.numpy(), *frames), damping, FLOOR, transposed)
    trsm, syrk, gemm = get_blas_funcs(("trsm", "syrk", "gemm"), dtype=dtype)
    potrf = lapack.spotrf if dtype == np.float32 else lapack.dpotrf
    for block in range(n_blocks):
        if block > 0:
            # E = C L^-T of the block before; then what it takes away from this one.
            under = trsm(1.0, diagonal[block - 1], below[block - 1], side=1, lower=1, trans_a=1, overwrite_b=1)
            syrk(-1.0, under, beta=1.0, c=diagonal[block], lower=1, overwrite_c=1)
            gemm(-1.0, under, joined[block - 1], beta=1.0, c=joined[block], overwrite_c=1)
        _, info = potrf(diagonal[block], lower=1, clean=0, overwrite_a=1)
        if info != 0:
            raise NotPositiveDefinite
        trsm(1.0, diagonal[block], joined[block], lower=1, overwrite_b=1)
    product = np.einsum("kis,kit->st", joined, joined, optimize=True, dtype=np.float64, casting="same_kind")
    corner = normal.corner.numpy().copy()
    corner[np.diag_indices(n_shared)] *= 1.0 + damping
    corner[np.diag_indices(n_shared)] += FLOOR
    corner, info = lapack.dpotrf(corner - product[:-1, :-1], lower=1, clean=1)
    if info != 0:
        raise NotPositiveDefinite
    return Factor(
        n_frames=n_frames,
        diagonal=diagonal,
        below=below,
        border=joined[..., :-1],
        corner=corner,
        right_side=joined[..., -1],
        shared_right_side=-normal.gradient.shared.numpy() - product[:-1, -1],
    )


@numba.njit(cache=True)
def lay_out(arrays, damping, floor, blocks):
    """Copy frames, their couplings, border and minus the gradient into blocks of two; an odd clip gets an idle frame.

    The blocks are given transposed, [block, column, row], in which they are contiguous. Of the diagonal blocks only the
    lower triangles are written, damped on the diagonal. `below[k]` holds how the frames of block k + 1 (rows) couple to
    those of block k (columns).
    """
    own, first, second, border, gradient = arrays
    diagonal, below, joined = blocks
    n_frames, n, n_shared = border.shape
    for t in range(n_frames):
        k, at = t // 2, (t % 2) * n
        if at == 0:
            diagonal[k] = 0.0
            below[k] = 0.0
            joined[k] = 0.0
        for i in range(n):
            for j in range(i, n):
                diagonal[k, at + i, at + j] = own[t, i, j]
            diagonal[k, at + i, at + i] = own[t, i, i] * (1.0 + damping) + floor
            joined[k, n_shared, at + i] = -gradient[t, i]
        for s in range(n_shared):
            for i in range(n):
                joined[k, s, at + i] = border[t, i, s]
        for c in range(first.shape[1]):
            for i in range(3):
                for j in range(3):
                    if at == 0:
                        diagonal[k, 3 * c + i, n + 3 * c + j] = first[t, c, i, j]
                    else:
                        below[k, n + 3 * c + i, 3 * c + j] = first[t, c, i, j]
                    below[k, at + 3 * c + i, at + 3 * c + j] = second[t, c, i, j]
    if n_frames % 2 == 1:
        for i in range(n, 2 * n):
            diagonal[-1, i, i] = 1.0
