"""Imports go only downward, what is learned stays outside, and heavy packages are loaded where they are used."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]

# From the ground up: a module imports from its own layer and from those before it.
LAYERS = (
    "errors",
    "mapped",
    "untrusted",
    "quantity",
    "rotation",
    "skeleton",
    "camera",
    "camera_motion",
    "hand",
    "clip",
    "render",
    "observe",
    "state",
    "scene",
    "appearance",
    "energy",
    "initialise",
    "solve",
    "synthesis",
    "pipeline",
    "export",
    "visualize",
    "evaluate",
    "config",
    "app",
)

# What `python -m` runs, beside every `__main__`: nobody imports it.
ENTRIES = ("batch", "report", "view")

# Slow to import, or absent from some machines: imported inside the functions that need them.
HEAVY = (
    "anny",
    "av",
    "lightning_fabric",
    "mediapipe",
    "nvdiffrast",
    "open3d",
    "plotly",
    "ray",
    "smplx",
    "tensorboard",
    "trimesh",
    "warp",
    "xatlas",
)

# Only training needs these; torch's own module imports tensorboard.
TRAINING_ONLY = ("lightning_fabric", "tensorboard", "torch.utils.tensorboard")

# A file that is nothing without its package may import it at its top. Then its importers load it too.
DEVOTED = {"fitter.export.video": "av"}
LOADS_DEVOTED = {*DEVOTED, "fitter.visualize.overlay", "fitter.app.products"}

# Of these one file alone knows how they are called, so that replacing one changes one file.
BEHIND_ONE_FILE = ("anny", "mediapipe", "nvdiffrast", "open3d", "xatlas")

ENGINE = sorted((REPOSITORY / "fitter").rglob("*.py"))
LEARNED = sorted((REPOSITORY / "priors").rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def imports(tree: ast.AST) -> Iterator[str]:
    """The dotted name of everything that is imported below `tree`, at any depth; names may be objects of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the layer"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def layer(dotted: str) -> str | None:
    """`hand` for `fitter.hand.model`; None for the package itself and for other packages.

    What `python -m fitter.export` or `fitter.report` runs belongs to the application: it is called by nobody else.
    """
    parts = dotted.split(".")
    if parts[-1] == "__main__" or dotted == "fitter.report":
        return "app"
    return parts[1] if parts[0] == "fitter" and len(parts) > 1 and not parts[1].startswith("__") else None


def upward_imports(path: Path, tree: ast.Module) -> list[str]:
    own = layer(module_name(path))
    if own in ENTRIES:
        return []
    if own is None:
        heavy = [name for name in top_level_imports(tree) if name.split(".")[0] != "typing"]
        return [f"fitter/__init__.py: imports {name} at module level" for name in heavy]
    assert own in LAYERS, f"{path}: {own} has no place in LAYERS yet"
    wrong = []
    for name in imports(tree):
        other = layer(name)
        if other is not None and (other not in LAYERS or LAYERS.index(other) > LAYERS.index(own)):
            wrong.append(f"{module_name(path)} imports {name}, which is above it")
    return wrong


def top_level_imports(tree: ast.Module) -> list[str]:
    """Imports that run when the module is imported; those for type checkers only do not."""
    names = []
    for statement in tree.body:
        for_types = isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test)
        functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        if not for_types and not isinstance(statement, functions):
            names += list(imports(statement))
    return names


@pytest.mark.parametrize("path", ENGINE, ids=module_name)
def test_imports_go_only_downward(path: Path) -> None:
    assert upward_imports(path, parse(path)) == []


@pytest.mark.parametrize("path", ENGINE, ids=module_name)
def test_only_the_app_knows_what_is_learned(path: Path) -> None:
    learned = [name for name in imports(parse(path)) if name.split(".")[0] == "priors"]
    assert learned == [] or layer(module_name(path)) == "app"


@pytest.mark.parametrize("path", [*ENGINE, *LEARNED, REPOSITORY / "fit_sequence.py"], ids=module_name)
def test_heavy_packages_are_imported_inside_functions(path: Path) -> None:
    heavy = {name.split(".")[0] for name in top_level_imports(parse(path))} & set(HEAVY)
    assert heavy <= {DEVOTED.get(module_name(path))}


def test_only_training_knows_what_trains() -> None:
    users = {
        module_name(path)
        for path in (*ENGINE, *LEARNED, REPOSITORY / "fit_sequence.py")
        for name in imports(parse(path))
        if name.startswith(TRAINING_ONLY)
    }
    assert users == {"priors.train.journal", "priors.train.learner", "priors.train.loop"}


def test_looking_with_the_network_loads_nothing_of_training() -> None:
    source = f"""
import sys
import fit_sequence, priors.learned, priors.network.checkpoint
print([name for name in {TRAINING_ONLY} if name in sys.modules])
"""
    assert run_python(source) == "[]"


@pytest.mark.parametrize("package", BEHIND_ONE_FILE)
def test_one_file_alone_knows_a_heavy_package(package: str) -> None:
    users = [module_name(path) for path in ENGINE if package in {name.split(".")[0] for name in imports(parse(path))}]
    assert len(users) <= 1


def run_python(source: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True, cwd=REPOSITORY
    ).stdout.strip()


def test_importing_the_package_loads_nothing_heavy() -> None:
    """Neither the package nor any module of the engine; torch and numpy are its ground and may be loaded."""
    modules = [name for name in map(module_name, ENGINE) if name not in LOADS_DEVOTED]
    source = f"""
import importlib, sys
import fitter
print([name for name in ("torch", "numba", "scipy", "cv2", "rich") if name in sys.modules])
for name in {modules}:
    importlib.import_module(name)
print([name for name in {HEAVY} if name in sys.modules])
"""
    assert run_python(source).splitlines() == ["[]", "[]"]


UPWARD = "from fitter.pipeline import fit_hand"
WRONG = {
    "at module level": UPWARD,
    "inside a function": f"def f():\n    {UPWARD}",
    "of a submodule": "import fitter.pipeline.windows",
    "of a module from the package": "from fitter import pipeline",
    "of an unknown layer": "from fitter import helpers",
}


@pytest.mark.parametrize("source", WRONG.values(), ids=WRONG)
def test_the_check_sees_upward_imports(source: str) -> None:
    assert len(upward_imports(REPOSITORY / "fitter" / "hand" / "model.py", ast.parse(source))) == 1


@pytest.mark.parametrize(
    "source", ["import av.video", "from open3d import visualization", "try:\n    import smplx\nfinally:\n    pass"]
)
def test_the_check_sees_heavy_imports(source: str) -> None:
    assert [name.split(".")[0] in HEAVY for name in top_level_imports(ast.parse(source))] == [True]


def test_the_check_lets_local_and_type_only_imports_pass() -> None:
    source = "if TYPE_CHECKING:\n    import av\ndef f():\n    import av\nclass C:\n    def g(self):\n        import av"
    assert top_level_imports(ast.parse(source)) == []
