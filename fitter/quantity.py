"""The kinds of numbers that a configuration holds. The unit is in the key's name, the allowed range in the type.

@dataclass(frozen=True)
class Keypoints:
    sigma_px: Positive = 4.0                # `sigma_px: 0` is refused when the configuration is read
"""

from typing import Annotated

from annotated_types import Ge, Gt, Le

Positive = Annotated[float, Gt(0.0)]
NonNegative = Annotated[float, Ge(0.0)]
Fraction = Annotated[float, Ge(0.0), Le(1.0)]
Count = Annotated[int, Ge(1)]
