"""Cholesky factorisation of the whole clip's normal equations: a block-tridiagonal band and a Schur complement border.

Two frames make one block of 102, so that couplings one and two frames apart all lie between neighbouring blocks, and
every operation is a dense one of LAPACK's size. Time and memory are linear in the number of frames. BLAS runs on one
thread: on blocks of this size more threads only wait for each other.

    factor = factorise(normal, damping=1e-3)      # raises NotPositiveDefinite
    step = factor.solve()                         # minus the inverse times the gradient
    blocks = factor.covariance()                  # selected inverse: what every frame's sigma is made of
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.linalg import blas, lapack
from threadpoolctl import threadpool_limits
from torch import Tensor

from fitter.solve.normal_equations import N_COUPLED, NormalEquations
from fitter.state import FRAME_UNKNOWNS, Step

BLOCK = 2 * FRAME_UNKNOWNS

# A diagonal entry of nothing observed; relative to none, since residuals are unit-free and unknowns are radians or
# ratios.
FLOOR = 1e-9


class NotPositiveDefinite(ArithmeticError):
    """The damped matrix has a direction of no or negative curvature: damp more."""


@dataclass(frozen=True)
class Covariance:
    """Blocks of the inverse of the normal equations: each frame's own, with the shared unknowns, and theirs."""

    frames: Float[np.ndarray, "frames 51 51"]
    frames_shared: Float[np.ndarray, "frames 51 shared"]
    shared: Float[np.ndarray, "shared shared"]


@dataclass(frozen=True)
class Factor:
    """L of the band (`diagonal` lower, `below` the blocks under it), the border solved by L, and the Schur
    complement's L.
    """

    n_frames: int
    diagonal: Float[np.ndarray, "blocks 102 102"]
    below: Float[np.ndarray, "blocks 102 102"]
    border: Float[np.ndarray, "blocks 102 shared"]
    corner: Float[np.ndarray, "shared shared"]
    right_side: Float[np.ndarray, "blocks 102"]
    shared_right_side: Float[np.ndarray, "shared"]

    def solve(self) -> Step:
        """The step: minus the inverse of the damped matrix times the gradient."""
        shared = lapack.dpotrs(self.corner, self.shared_right_side, lower=1)[0]
        frames = self.right_side - self.border @ shared
        with threadpool_limits(limits=1, user_api="blas"):
            for block in reversed(range(len(frames))):
                if block + 1 < len(frames):
                    frames[block] -= self.below[block].T @ frames[block + 1]
                frames[block] = blas.dtrsv(self.diagonal[block].T, frames[block], lower=0, trans=0)
        flat = frames.reshape(-1, FRAME_UNKNOWNS)[: self.n_frames]
        return Step(torch.from_numpy(flat.copy()), torch.from_numpy(shared))

    def covariance(self) -> Covariance:
        """Selected inverse by the backward recursion over blocks (Takahashi et al. 1973), and the border's share of it.

        With L_k the diagonal and E_k the block below it: S_k = L_k^-T (I + E_k' S_k+1 E_k) L_k^-1.
        """
        n_blocks, n_shared = len(self.diagonal), len(self.corner)
        shared = lapack.dpotri(self.corner, lower=1)[0]
        shared = np.tril(shared) + np.tril(shared, -1).T
        frames = np.empty((n_blocks, BLOCK, BLOCK))
        lever = np.empty((n_blocks, BLOCK, n_shared))  # inverse of the band times the border
        identity = np.eye(BLOCK)
        with threadpool_limits(limits=1, user_api="blas"):
            for block in reversed(range(n_blocks)):
                inner, lifted = identity, self.border[block]
                if block + 1 < n_blocks:
                    below = self.below[block]
                    inner = identity + below.T @ frames[block + 1] @ below
                    lifted = lifted - below.T @ lever[block + 1]
                upper = self.diagonal[block].T
                half = blas.dtrsm(1.0, upper, inner, lower=0)
                frames[block] = blas.dtrsm(1.0, upper, np.asfortranarray(half.T), lower=0)
                lever[block] = blas.dtrsm(1.0, upper, lifted, lower=0)
        pairs = frames.reshape(n_blocks, 2, FRAME_UNKNOWNS, 2, FRAME_UNKNOWNS)
        own = pairs[:, [0, 1], :, [0, 1], :].transpose(1, 0, 2, 3).reshape(-1, FRAME_UNKNOWNS, FRAME_UNKNOWNS)
        lever = lever.reshape(-1, FRAME_UNKNOWNS, n_shared)[: self.n_frames]
        cross = -lever @ shared
        return Covariance(own[: self.n_frames] - cross @ lever.transpose(0, 2, 1), cross, shared)


def factorise(normal: NormalEquations, damping: float = 0.0) -> Factor:
    """Factorise A + damping * diag(A) (Marquardt's scaling), border and corner alike."""
    diagonal, below, border, right_side = as_blocks(normal, damping)
    n_blocks, n_shared = len(diagonal), border.shape[2]
    corner = damped(normal.corner.numpy()[None], damping)[0]
    shared_right_side = -normal.gradient.shared.numpy()
    joined = np.concatenate([border, right_side[..., None]], axis=2)
    with threadpool_limits(limits=1, user_api="blas"):
        for block in range(n_blocks):
            if block > 0:
                # E = C L^-T of the block before; then what it takes away from this one.
                under = blas.dtrsm(1.0, diagonal[block - 1], below[block - 1], side=1, lower=1, trans_a=1)
                below[block - 1] = under
                diagonal[block] -= under @ under.T
                joined[block] -= under @ joined[block - 1]
            lower, info = lapack.dpotrf(diagonal[block], lower=1, clean=1)
            if info != 0:
                raise NotPositiveDefinite
            diagonal[block] = lower
            joined[block] = blas.dtrsm(1.0, lower, joined[block], lower=1)
        flat = joined.reshape(-1, n_shared + 1)
        product = flat.T @ flat
    corner, info = lapack.dpotrf(corner - product[:-1, :-1], lower=1, clean=1)
    if info != 0:
        raise NotPositiveDefinite
    return Factor(
        n_frames=normal.diagonal.shape[0],
        diagonal=diagonal,
        below=below,
        border=joined[..., :-1],
        corner=corner,
        right_side=joined[..., -1],
        shared_right_side=shared_right_side - product[:-1, -1],
    )


def as_blocks(
    normal: NormalEquations, damping: float
) -> tuple[
    Float[np.ndarray, "blocks 102 102"],
    Float[np.ndarray, "blocks 102 102"],
    Float[np.ndarray, "blocks 102 shared"],
    Float[np.ndarray, "blocks 102"],
]:
    """Pairs of frames as dense blocks: diagonal, below it, border and minus the gradient.

    An odd clip gets an idle frame.
    """
    n_frames, _, n_shared = normal.border.shape
    n_blocks = (n_frames + 1) // 2
    own = np.tile(np.eye(FRAME_UNKNOWNS), (2 * n_blocks, 1, 1))
    own[:n_frames] = damped(normal.diagonal.numpy(), damping)
    first = spread(normal.first, 2 * n_blocks)
    second = spread(normal.second, 2 * n_blocks)
    diagonal = np.zeros((n_blocks, 2, FRAME_UNKNOWNS, 2, FRAME_UNKNOWNS))
    diagonal[:, 0, :, 0], diagonal[:, 1, :, 1] = own[0::2], own[1::2]
    diagonal[:, 0, :, 1], diagonal[:, 1, :, 0] = first[0::2], first[0::2].transpose(0, 2, 1)
    below = np.zeros_like(diagonal)  # rows: the next block's two frames; columns: this block's
    below[:, 0, :, 0] = second[0::2].transpose(0, 2, 1)
    below[:, 0, :, 1] = first[1::2].transpose(0, 2, 1)
    below[:, 1, :, 1] = second[1::2].transpose(0, 2, 1)
    border = np.zeros((2 * n_blocks, FRAME_UNKNOWNS, n_shared))
    border[:n_frames] = normal.border.numpy()
    right_side = np.zeros((2 * n_blocks, FRAME_UNKNOWNS))
    right_side[:n_frames] = -normal.gradient.frames.numpy()
    return (
        diagonal.reshape(n_blocks, BLOCK, BLOCK),
        below.reshape(n_blocks, BLOCK, BLOCK),
        border.reshape(n_blocks, BLOCK, n_shared),
        right_side.reshape(n_blocks, BLOCK),
    )


def damped(matrices: Float[np.ndarray, "many n n"], damping: float) -> Float[np.ndarray, "many n n"]:
    """A copy with the diagonal times 1 + damping, and lifted to where nothing is observed."""
    copy = matrices.copy()
    diagonal = np.einsum("tii->ti", copy)
    diagonal *= 1.0 + damping
    diagonal += FLOOR
    return copy


def spread(coupling: Float[Tensor, "frames 17 3 3"], n_frames: int) -> Float[np.ndarray, "frames 51 51"]:
    """3 x 3 couplings as block-diagonal 51 x 51 matrices, padded with zeros to `n_frames`."""
    full = np.zeros((n_frames, N_COUPLED, 3, N_COUPLED, 3))
    each = np.arange(N_COUPLED)
    full[: len(coupling), each, :, each, :] = coupling.numpy().transpose(1, 0, 2, 3)
    return full.reshape(n_frames, FRAME_UNKNOWNS, FRAME_UNKNOWNS)
