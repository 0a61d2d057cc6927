"""SO(3): the logarithm inverts the exponential, and its derivative is what finite steps say, near identity too."""

import pytest
import torch

from fitter.rotation import exp, inverse_right_jacobian, log, skew

BATCHES = [(), (1,), (3, 1, 2)]
# Radians: zero, within and just above the series' range, ordinary, and close to the cut at pi.
ANGLES = [0.0, 1e-9, 9e-5, 1.1e-4, 0.7, 3.0]


def vectors(batch: tuple[int, ...], angle: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    direction = torch.randn(*batch, 3, generator=generator, dtype=torch.float64)
    return angle * direction / direction.norm(dim=-1, keepdim=True)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("angle", ANGLES)
def test_log_inverts_exp(batch: tuple[int, ...], angle: float) -> None:
    vector = vectors(batch, angle)
    assert torch.allclose(log(exp(vector)), vector, atol=1e-9)


@pytest.mark.parametrize("batch", BATCHES)
def test_skew_is_the_cross_product(batch: tuple[int, ...]) -> None:
    a, b = vectors(batch, 0.3), vectors(batch, 1.7).flip(-1)
    assert torch.allclose((skew(a) @ b.unsqueeze(-1)).squeeze(-1), torch.linalg.cross(a, b))


@pytest.mark.parametrize("angle", ANGLES)
def test_inverse_right_jacobian_is_the_derivative_of_log(angle: float) -> None:
    vector = vectors((), angle)
    step = 1e-6
    numeric = torch.stack(
        [
            (log(exp(vector) @ exp(step * axis)) - log(exp(vector) @ exp(-step * axis))) / (2 * step)
            for axis in torch.eye(3, dtype=torch.float64)
        ],
        dim=-1,
    )
    # Central differences err by step^2 and by rounding over step: 1e-12 and 1e-10, times the curvature near pi.
    assert torch.allclose(inverse_right_jacobian(vector), numeric, atol=2e-8)
