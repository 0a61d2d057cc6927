"""The page of the result folder: its files, and the arrays of result.npz by `FitResult`'s own annotations.

write_result_files()
"""

import dataclasses
from typing import Literal, get_args, get_origin, get_type_hints

from jaxtyping import AbstractArray

from docs.writers.members import class_text, field_texts
from docs.writers.table import code, table
from fitter.config.expected import UNITS
from fitter.export.diagnostics import DIAGNOSTICS_FILE, Diagnostics
from fitter.export.result import FORMAT_VERSION, RESULT_FILE, FitResult

INTRODUCTION = """# Result files

<!-- written by docs/writers/result_files.py from FitResult's annotations -->

Files appear under their final names only when they are complete. Axes, orders and signs are drawn on
the page of [conventions](../conventions.md).

"""

FILES = (
    ("`result.npz`", "the arrays below"),
    ("`config.yaml`", "every setting of this run; `--config` takes it"),
    ("`detections.npz`", "what the detector saw, for the next run of the same clip"),
    ("`diagnostics.npz`", "how the fit explains each frame, arrays below"),
    (
        "`run.json`",
        "input, command, warnings, the start that each hand grew from; written last: the folder is complete",
    ),
    ("`report.html`", "all of it in one page: playback in 3D, overlay, worst frames, charts, warnings"),
    ("`overlay.mp4`", "the mesh over the input, H.264, plays in a browser"),
    ("`comparison.mp4`", "input, rendering, difference and overlay side by side"),
    ("`texture_SIDE.png`", "the albedo in sRGB; both sides use the same UVs"),
    ("`coverage_SIDE.png`", "how well each texel was seen; black where its colour is guessed from its neighbours"),
    ("`turntable_SIDE.png`", "the textured hand from eight sides under a neutral light"),
    ("`meshes/`", "each hand at rest as GLB and OBJ, with its texture if it has one; on request one mesh per frame"),
    ("`truth.npz`", "the truth of the `demo` clip"),
)

READING = """`comparison.mp4`, textures, coverage and turntable are of hands that were fitted with pixels.

```python
import numpy as np
from fitter import FitResult

arrays = np.load("results/clip/result.npz", allow_pickle=False)     # plain numpy, anywhere
result = FitResult.load("results/clip")                             # checked and typed
```

"""

_KINDS = {"bool": "true or false", "str": "text", "float": "number", "int": "whole number"}


def write_result_files() -> str:
    """The page, as Markdown."""
    parts = [INTRODUCTION, table(("file", "content"), FILES), READING, f"## {RESULT_FILE}\n", class_text(FitResult), ""]
    parts.append(f"Its `format_version` is {FORMAT_VERSION}; files of another version are refused.\n")
    parts += [write_arrays(FitResult), f"## {DIAGNOSTICS_FILE}\n", class_text(Diagnostics), ""]
    return "\n".join([*parts, write_arrays(Diagnostics)])


def write_arrays(cls: type) -> str:
    """A table of the arrays that `cls` annotates: type and shape, unit, meaning."""
    hints, texts = get_type_hints(cls, include_extras=True), field_texts(cls)
    rows = []
    for field in dataclasses.fields(cls):
        unit = UNITS.get(field.name.rpartition("_")[2], "") if "_" in field.name else ""
        rows.append((code(field.name), _shape(hints[field.name]), unit, texts.get(field.name, "")))
    return table(("array", "type and shape", "unit", "meaning"), rows)


def _shape(hint: object) -> str:
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        return code(f"{hint.dtypes[0].rstrip('_')} ({hint.dim_str.replace(' ', ', ')})")
    if get_origin(hint) is Literal:
        return " or ".join(map(code, get_args(hint)))
    if get_origin(hint) is tuple:
        return "a list of " + " or ".join(dict.fromkeys(_shape(item) for item in get_args(hint) if item is not ...))
    return _KINDS.get(getattr(hint, "__name__", ""), str(hint))
