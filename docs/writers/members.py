"""What a dataclass says of its fields in the source: the text below each of them.

field_texts(Command)["hand"]                     # 'Which hand to fit.'
"""

import ast
import importlib
import inspect
from textwrap import dedent


def field_texts(cls: type) -> dict[str, str]:
    """The docstring of each annotated field of `cls` and of its bases; fields without one are absent."""
    texts: dict[str, str] = {}
    for owner in reversed(cls.__mro__):
        if owner is object:
            continue
        body = ast.parse(dedent(inspect.getsource(owner))).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, below in zip(body.body, body.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and _is_text(below):
                texts[field.target.id] = one_line(ast.literal_eval(ast.unparse(below)))
    return texts


def class_text(cls: type) -> str:
    """The docstring of `cls` as Markdown; empty for the one that `dataclass` makes up."""
    text = inspect.cleandoc(cls.__doc__ or "")
    return "" if text.startswith(f"{cls.__name__}(") else text


def first_paragraph(module_name: str) -> str:
    """The idea of a module, from the beginning of its docstring, as one line."""
    module = importlib.import_module(module_name)
    return one_line((module.__doc__ or "").partition("\n\n")[0])


def one_line(text: str) -> str:
    """The same words on one line."""
    return " ".join(text.split())


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
