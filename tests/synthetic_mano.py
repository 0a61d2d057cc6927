"""MANO files with invented numbers: the real file's keys, shapes, types and pickle, and a mitten instead of a hand.

write_python2_pickle(path, chumpy_content(synthetic_mano("right")))
write_plain_pickle(path, synthetic_mano("left"))        # for smplx, which cannot do without chumpy otherwise
"""

import io
import pickle
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
import scipy.sparse

from fitter.skeleton import FINGERTIPS, MANO_FINGERS, POINT_OF_ROTATION, ROTATION_PARENTS

TIPS = [744, 320, 443, 554, 671]
RINGS, AROUND = 48, 16  # 48 rings of 16 vertices, closed by 9 + 1 vertices at the far end: 778 and 1538 faces
LENGTH_M, HALF_WIDTH_M, HALF_THICKNESS_M = 0.20, 0.045, 0.015
WRIST_X_M = 0.11


@dataclass(frozen=True)
class ManoNumbers:
    """What a MANO file holds, as plain dense arrays; metres."""

    v_template: np.ndarray
    shapedirs: np.ndarray
    posedirs: np.ndarray
    J_regressor: np.ndarray
    weights: np.ndarray
    f: np.ndarray
    kintree_table: np.ndarray

    def plain_content(self) -> dict[str, Any]:
        """The dictionary of the file, with numpy arrays only."""
        rng = np.random.default_rng(3)
        return {
            "v_template": self.v_template,
            "shapedirs": self.shapedirs,
            "posedirs": self.posedirs,
            "J_regressor": self.J_regressor,
            "weights": self.weights,
            "f": self.f,
            "kintree_table": self.kintree_table,
            "J": self.J_regressor @ self.v_template,
            "hands_components": rng.normal(size=(45, 45)),
            "hands_mean": rng.normal(scale=0.3, size=45),
            "hands_coeffs": rng.normal(size=(1554, 45)),
            "bs_type": "lrotmin",
            "bs_style": "lbs",
        }


def synthetic_mano(side: Literal["right", "left"], *, published_left: bool = False) -> ManoNumbers:
    """A right hand, or its exact mirror image; `published_left` keeps the right hand's shape basis as the real file."""
    right = _right_hand()
    if side == "right":
        return right
    mirror = np.array([-1.0, 1.0, 1.0])
    feature_sign = np.tile(np.outer(mirror, mirror).ravel(), 15)
    return ManoNumbers(
        v_template=right.v_template * mirror,
        shapedirs=right.shapedirs if published_left else right.shapedirs * mirror[:, None],
        posedirs=right.posedirs * mirror[:, None] * feature_sign,
        J_regressor=right.J_regressor,
        weights=right.weights,
        f=right.f[:, ::-1].copy(),
        kintree_table=right.kintree_table,
    )


def _right_hand() -> ManoNumbers:
    rng = np.random.default_rng(1)
    template, faces = _mitten()
    joints, tips = _joints_and_tips()
    template, faces = _relabel_tips(template, faces, tips)
    distance = np.linalg.norm(template[:, None] - joints, axis=-1)
    nearness = np.exp(-((distance / 0.02) ** 2)) + 1e-9 * rng.uniform(size=distance.shape)
    regressor = np.zeros((16, 778))
    for row, near in zip(regressor, np.argsort(distance, axis=0).T, strict=True):
        row[near[:12]] = rng.dirichlet(np.ones(12))
    parents = np.where(ROTATION_PARENTS < 0, 2**32 - 1, ROTATION_PARENTS)
    smooth = np.stack([np.sin(template @ rng.normal(scale=40, size=(3, 3)) + rng.uniform(0, 6, 3)) for _ in range(145)])
    fields = np.moveaxis(smooth, 0, -1)  # (778, 3, 145)
    return ManoNumbers(
        v_template=template,
        shapedirs=fields[..., :10] * np.linspace(5e-3, 1e-3, 10),
        posedirs=fields[..., 10:] * 1e-3,
        J_regressor=regressor,
        weights=nearness / nearness.sum(axis=1, keepdims=True),
        f=faces.astype(np.uint32),
        kintree_table=np.stack([parents, np.arange(16)]).astype(np.uint32),
    )


def _mitten() -> tuple[np.ndarray, np.ndarray]:
    """An elliptic tube along -x, open at the wrist with 16 edges as MANO, closed at the far end."""
    angle = np.arange(AROUND) * 2 * np.pi / AROUND
    rings = []
    for i in range(RINGS):
        x = WRIST_X_M - LENGTH_M * i / RINGS
        swell = 0.6 + 0.4 * np.sin(np.pi * (i + 4) / (RINGS + 8))
        y, z = HALF_THICKNESS_M * swell * np.sin(angle), HALF_WIDTH_M * swell * np.cos(angle)
        rings.append(np.stack([np.full(AROUND, x), y, z], axis=1))
    inner = np.arange(9) * 2 * np.pi / 9
    x_end = WRIST_X_M - LENGTH_M
    small = np.stack([np.full(9, x_end), 0.3 * HALF_THICKNESS_M * np.sin(inner), 0.3 * HALF_WIDTH_M * np.cos(inner)], 1)
    template = np.concatenate([*rings, small, [[x_end - 0.003, 0.0, 0.0]]])
    faces = []
    for i in range(RINGS - 1):
        for j in range(AROUND):
            a, b = i * AROUND + j, i * AROUND + (j + 1) % AROUND
            faces += [(a, b, a + AROUND), (b, b + AROUND, a + AROUND)]
    faces += _strip(list(range((RINGS - 1) * AROUND, RINGS * AROUND)), list(range(768, 777)))
    faces += [(768 + j, 768 + (j + 1) % 9, 777) for j in range(9)]
    return template, np.array(faces)


def _strip(outer: list[int], inner: list[int]) -> list[tuple[int, int, int]]:
    """Triangles between two closed rings of different lengths, advancing on whichever ring is behind."""
    faces, i, j = [], 0, 0
    while i < len(outer) or j < len(inner):
        here, there = outer[i % len(outer)], inner[j % len(inner)]
        if j == len(inner) or (i < len(outer) and (i + 1) / len(outer) <= (j + 1) / len(inner)):
            i += 1
            faces.append((here, outer[i % len(outer)], there))
        else:
            j += 1
            faces.append((here, inner[j % len(inner)], there))
    return faces


def _joints_and_tips() -> tuple[np.ndarray, np.ndarray]:
    """16 joints in MANO order and 5 tips, thumb to pinky, laid out inside the mitten."""
    joints, tips = np.zeros((16, 3)), np.zeros((5, 3))
    joints[0] = [0.095, 0.0, 0.0]
    across = {"thumb": 0.035, "index": 0.02, "middle": 0.005, "ring": -0.012, "pinky": -0.028}
    for finger, first in zip(MANO_FINGERS, range(1, 16, 3), strict=True):
        base, bone = (0.06, 0.025) if finger == "thumb" else (0.01, 0.026)
        for link in range(3):
            joints[first + link] = [base - bone * link, 0.002 * link, across[finger]]
        order = ("thumb", "index", "middle", "ring", "pinky").index(finger)
        tips[order] = [base - bone * 3, 0.0, across[finger] * 1.2]
    return joints, tips


def _relabel_tips(template: np.ndarray, faces: np.ndarray, tips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Swap vertex numbers so that MANO's tip vertices are the ones nearest to `tips`."""
    label = np.arange(len(template))
    for number, tip in zip(TIPS, tips, strict=True):
        nearest = int(np.argmin(np.linalg.norm(template - tip, axis=1)))
        a, b = int(np.flatnonzero(label == number)[0]), nearest
        label[a], label[b] = label[b], label[a]
    moved = np.empty_like(template)
    moved[label] = template
    return moved, label[faces]


def expected_points(numbers: ManoNumbers) -> np.ndarray:
    """The 21 rest points by the definitions alone, in point order."""
    points = np.zeros((21, 3))
    points[POINT_OF_ROTATION] = numbers.J_regressor @ numbers.v_template
    points[FINGERTIPS] = numbers.v_template[TIPS]
    return points


def chumpy_content(numbers: ManoNumbers) -> dict[str, Any]:
    """The dictionary of the real file: shapedirs a chumpy Select over a wider Ch, J_regressor a csc matrix.

    To be written inside `chumpy_modules()`, as `write_python2_pickle` does.
    """
    content = numbers.plain_content()
    wide = np.concatenate([numbers.shapedirs, np.full((778, 3, 10), 7.0)], axis=-1)
    index = np.arange(wide.size).reshape(wide.shape)[..., :10]
    ch, select = FAKE_CHUMPY["chumpy.ch"].Ch, FAKE_CHUMPY["chumpy.reordering"].Select
    bookkeeping = {"_dirty_vars": set(), "_itr": None, "_depends_on_deps": {}}
    base, chosen = ch(), select()
    base.__dict__.update({"x": wide, **bookkeeping})
    chosen.__dict__.update({"a": base, "idxs": index.ravel(), "preferred_shape": index.shape, **bookkeeping})
    return {**content, "shapedirs": chosen, "J_regressor": scipy.sparse.csc_matrix(numbers.J_regressor)}


def _fake_chumpy() -> dict[str, ModuleType]:
    modules = {name: ModuleType(name) for name in ("chumpy", "chumpy.ch", "chumpy.reordering")}
    for module, name in (("chumpy.ch", "Ch"), ("chumpy.reordering", "Select")):
        setattr(modules[module], name, type(name, (), {"__module__": module}))
    return modules


FAKE_CHUMPY: dict[str, Any] = _fake_chumpy()


@contextmanager
def chumpy_modules() -> Iterator[None]:
    """chumpy importable under its name, as the pickler checks, for the time of writing only."""
    sys.modules.update(FAKE_CHUMPY)
    try:
        yield
    finally:
        for name in FAKE_CHUMPY:
            del sys.modules[name]


PurePythonPickler: Any = vars(pickle)["_Pickler"]  # the one whose methods can be overridden


class Python2Pickler(PurePythonPickler):
    """Writes protocol 2 as Python 2 did: str and bytes alike are byte strings, old names of modules."""

    dispatch = dict(PurePythonPickler.dispatch)

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=2, fix_imports=True)

    def save_byte_string(self, text: str | bytes) -> None:
        data = text.encode("latin1") if isinstance(text, str) else text
        if len(data) < 256:
            self.write(pickle.SHORT_BINSTRING + struct.pack("<B", len(data)) + data)
        else:
            self.write(pickle.BINSTRING + struct.pack("<i", len(data)) + data)
        self.memoize(text)

    def save_global(self, obj: Any, name: str | None = None) -> None:
        module = getattr(obj, "__module__", None) or ""
        old = module.replace("scipy.sparse._", "scipy.sparse.").replace("numpy._core", "numpy.core")
        if old != module:
            self.write(pickle.GLOBAL + f"{old}\n{name or obj.__qualname__}\n".encode())
            self.memoize(obj)
        else:
            super().save_global(obj, name)

    dispatch[str] = save_byte_string
    dispatch[bytes] = save_byte_string
    dispatch[type] = save_global


def python2_pickle(content: Any) -> bytes:
    buffer = io.BytesIO()
    with chumpy_modules():
        Python2Pickler(buffer).dump(content)
    return buffer.getvalue()


def write_python2_pickle(path: Path, content: Any) -> Path:
    path.write_bytes(python2_pickle(content))
    return path


def write_plain_pickle(path: Path, numbers: ManoNumbers) -> Path:
    path.write_bytes(pickle.dumps(numbers.plain_content(), protocol=2))
    return path
