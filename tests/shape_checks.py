"""The run-time checker for annotated arrays: beartype on the hints that name an array; all others are pyright's work.

(beartype alone refuses protocols that are not meant for isinstance, such as `Clip`.)
"""

from collections.abc import Callable
from types import FunctionType
from typing import TypeVar, get_args

from beartype import beartype
from jaxtyping import AbstractArray

F = TypeVar("F", bound=Callable[..., object])


def checked(function: F) -> F:
    """`function` with its array hints checked at every call."""
    bare: object = function
    if isinstance(bare, FunctionType):
        bare.__annotations__ = {name: hint for name, hint in bare.__annotations__.items() if names_array(hint)}
    return beartype(function)


def names_array(hint: object) -> bool:
    """Whether a jaxtyping hint stands in `hint`, at any depth."""
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        return True
    return any(names_array(argument) for argument in get_args(hint))
