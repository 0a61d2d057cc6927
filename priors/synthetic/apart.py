"""Motions in which no finger lies in another: joint angles moved by the least that keeps their capsules apart.

    apart = Apart.of(shaped, angles_deg, time_s)         # from the motion as drawn, at moments close to each other
    angles_deg + apart.correction(other_time_s)          # at any moments of the same motion

The correction is a smooth curve over time (uniform cubic B-splines; de Boor, A Practical Guide to Splines, 1978): a
thumb that would pass through a closing finger gives way before and after, too. A free motion is left as it is.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from fitter.energy.self_collision import MM_PER_M, overlaps
from fitter.hand import ShapedHand
from priors.synthetic.gestures import HIGHEST_DEG, LOWEST_DEG, articulate

# Moments at which a motion is looked at: a film's frames.
SAMPLES_PER_S = 30.0
# Between the splines' knots: reaches take half a second.
KNOT_S = 0.1
# Capsules may overlap by this much, of which flesh gives way to half (`fitter.energy.self_collision`).
ALLOWED_MM = 1.0
# What the correction is weighed by: overlap beyond that against the correction and its knots' second differences.
OVERLAP_MM, CORRECTION_DEG, BEND_DEG = 0.3, 10.0, 7.0
ITERATIONS = 30


@dataclass(frozen=True)
class Apart:
    """Degrees to add to the angles of a motion that begins at `start_s`, at knots `KNOT_S` apart."""

    start_s: float
    knots_deg: Float[Tensor, "knots 25"]

    @staticmethod
    def of(
        shaped: ShapedHand, angles_deg: Float[np.ndarray, "moments 5 5"], time_s: Float[np.ndarray, "moments"]
    ) -> "Apart":
        """The correction of a motion of this hand; `time_s` in order, `angles_deg` as in `gestures`."""
        drawn, n_knots = torch.from_numpy(angles_deg), int(np.ceil((time_s[-1] - time_s[0]) / KNOT_S)) + 3
        apart = Apart(float(time_s[0]), torch.zeros(n_knots, 25, dtype=torch.float64, requires_grad=True))
        shares = apart._shares(time_s)
        touching = (excess_mm(shaped, drawn) > 0.0).any(dim=1)
        near = (shares[:, (shares[touching] > 0.0).any(dim=0)] > 0.0).any(dim=1)
        if touching.any():
            apart._least(lambda correction: excess_mm(shaped, within_ranges((drawn + correction)[near])), shares)
        return Apart(apart.start_s, apart.knots_deg.detach())

    def _least(self, excess_of: Callable[[Tensor], Tensor], shares: Float[Tensor, "moments knots"]) -> None:
        """Move the knots to where correction and what is left of the overlap are least."""
        knots = self.knots_deg
        steps = torch.optim.LBFGS([knots], max_iter=ITERATIONS, line_search_fn="strong_wolfe", history_size=ITERATIONS)

        def energy() -> Tensor:
            steps.zero_grad()
            correction = shares @ knots
            excess = excess_of(correction.unflatten(-1, (5, 5))) / OVERLAP_MM
            value = excess.square().sum() + (correction / CORRECTION_DEG).square().sum()
            value = value + (knots.diff(n=2, dim=0) / BEND_DEG).square().sum()
            value.backward()
            return value

        steps.step(energy)

    def correction(self, time_s: Float[np.ndarray, "moments"]) -> Float[np.ndarray, "moments 5 5"]:
        return (self._shares(time_s) @ self.knots_deg).unflatten(-1, (5, 5)).numpy()

    def _shares(self, time_s: Float[np.ndarray, "moments"]) -> Float[Tensor, "moments knots"]:
        """What each knot's spline is at each moment; the first lies one step before the motion."""
        at = (torch.from_numpy(np.asarray(time_s)) - self.start_s) / KNOT_S + 1.0
        away = (at[:, None] - torch.arange(len(self.knots_deg))).abs()
        return torch.where(away < 1.0, 2.0 / 3.0 - away**2 + 0.5 * away**3, (2.0 - away).clamp_min(0.0) ** 3 / 6.0)


def excess_mm(shaped: ShapedHand, angles_deg: Float[Tensor, "moments 5 5"]) -> Float[Tensor, "moments pairs"]:
    """How much further than allowed the pairs of capsules overlap, millimetres."""
    fingers = articulate(shaped.joints, angles_deg)
    palm = torch.eye(3, dtype=fingers.dtype).expand(len(fingers), 1, 3, 3)
    posed = shaped.with_pose(torch.cat([palm, fingers], dim=1), fingers.new_zeros(len(fingers), 3))
    return (MM_PER_M * overlaps(posed) - ALLOWED_MM).clamp_min(0.0)


def within_ranges(angles_deg: Float[Tensor, "*any 5 5"]) -> Float[Tensor, "*any 5 5"]:
    return torch.clamp(angles_deg, torch.from_numpy(LOWEST_DEG), torch.from_numpy(HIGHEST_DEG))
