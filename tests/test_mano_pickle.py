"""The restricted unpickler: the real file's layout is read, everything else is refused and never run."""

import os
import pickle
import pickletools
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from fitter.errors import InputError
from fitter.hand import mano_pickle
from fitter.hand.mano_pickle import read_mano_pickle
from fitter.hand.mano_records import Record
from tests.synthetic_mano import (
    FAKE_CHUMPY,
    chumpy_content,
    chumpy_modules,
    python2_pickle,
    synthetic_mano,
)

KEYS = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "f", "kintree_table", "hands_coeffs")


def read_bytes(tmp_path: Path, data: bytes, keys: tuple[str, ...] = ("a",)) -> dict[str, np.ndarray]:
    path = tmp_path / "X.pkl"
    path.write_bytes(data)
    return read_mano_pickle(path, keys)


def test_the_real_files_layout_is_read_exactly(tmp_path):
    numbers = synthetic_mano("right")
    data = python2_pickle(chumpy_content(numbers))
    # The seven names of MANO_RIGHT.pkl v1.2, no more and no fewer.
    names = {a for o, a, _ in pickletools.genops(data) if o.name == "GLOBAL"}
    assert names == {
        *("__builtin__ set", "chumpy.ch Ch", "chumpy.reordering Select", "numpy dtype", "numpy ndarray"),
        *("numpy.core.multiarray _reconstruct", "scipy.sparse.csc csc_matrix"),
    }
    arrays = read_bytes(tmp_path, data, KEYS)
    plain = numbers.plain_content()
    for key in KEYS:
        assert arrays[key].dtype == plain[key].dtype
        np.testing.assert_array_equal(arrays[key], plain[key])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_arrays_of_every_protocol(tmp_path, protocol):
    content = {
        "a": np.arange(6.0).reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big": np.arange(3, dtype=">i4"),
        "u": np.array([[2**32 - 1, 0]], dtype=np.uint32),
        "scalar": np.float64(2.5),
    }
    arrays = read_bytes(tmp_path, pickle.dumps(content, protocol), tuple(content))
    for key, value in content.items():
        np.testing.assert_array_equal(arrays[key], value)
        assert arrays[key].shape == np.shape(value)


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
@pytest.mark.parametrize("make", [scipy.sparse.csc_matrix, scipy.sparse.csr_matrix])
def test_sparse_matrices_under_both_module_names(tmp_path, make, protocol):
    dense = np.random.default_rng(0).normal(size=(5, 7)) * (np.random.default_rng(1).random((5, 7)) < 0.4)
    new = pickle.dumps({"a": make(dense)}, protocol)
    np.testing.assert_array_equal(read_bytes(tmp_path, new)["a"], dense)
    old = python2_pickle({"a": make(dense)})
    assert b"scipy.sparse.cs" in old and b"scipy.sparse._cs" not in old
    np.testing.assert_array_equal(read_bytes(tmp_path, old)["a"], dense)


def test_numpys_module_names_before_and_after_its_version_2(tmp_path):
    old = python2_pickle({"a": np.arange(4.0)})
    assert b"numpy.core.multiarray" in old
    new = old.replace(b"numpy.core.multiarray", b"numpy._core.multiarray")
    for data in (old, new):
        np.testing.assert_array_equal(read_bytes(tmp_path, data)["a"], np.arange(4.0))


def test_chumpy_constants_and_selects_without_preferred_shape(tmp_path):
    base, chosen = FAKE_CHUMPY["chumpy.ch"].Ch(), FAKE_CHUMPY["chumpy.reordering"].Select()
    base.x = np.arange(12.0).reshape(3, 4)
    chosen.a, chosen.idxs = base, np.array([11, 0, 5])
    arrays = read_bytes(tmp_path, python2_pickle({"a": base, "b": chosen}), ("a", "b"))
    np.testing.assert_array_equal(arrays["a"], base.x)
    np.testing.assert_array_equal(arrays["b"], [11.0, 0.0, 5.0])


class Calls:
    """Pickles as a call of `function(*arguments)`."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def in_chumpy_state(payload: Any) -> Any:
    base = FAKE_CHUMPY["chumpy.ch"].Ch()
    base.x = payload
    return base


def in_array(payload: Any) -> np.ndarray:
    array = np.empty(1, dtype=object)
    array[0] = payload
    return array


def in_sparse(payload: Any) -> Any:
    matrix: Any = scipy.sparse.csc_matrix(np.eye(2))
    matrix.__dict__["data"] = payload
    return matrix


# The proof below runs the file as it is, which names scipy's old module.
@pytest.mark.filterwarnings("ignore:Please import `csc_matrix`:DeprecationWarning")
@pytest.mark.parametrize("nest", [lambda p: p, in_chumpy_state, in_array, in_sparse, lambda p: ([{1: (p,)}],)])
@pytest.mark.parametrize("python2", [True, False])
def test_code_is_refused_by_name_and_not_run(tmp_path, nest, python2):
    target = tmp_path / "ran"
    content = {"a": nest(Calls(os.mkdir, str(target)))}
    if python2:
        data = python2_pickle(content)
    else:
        with chumpy_modules():
            data = pickle.dumps(content)
    with pytest.raises(InputError, match=r"X\.pkl: refuses to load posix\.mkdir: a MANO model holds only numpy"):
        read_bytes(tmp_path, data)
    assert not target.exists()
    with chumpy_modules():
        pickle.loads(data, encoding="latin1")  # the same bytes do harm where nobody looks
    assert target.is_dir()


@pytest.mark.parametrize(
    "module, name",
    [
        *(
            ("os", "system"),
            ("builtins", "eval"),
            ("__builtin__", "eval"),
            ("builtins", "getattr"),
            ("copy_reg", "__all__"),
        ),
        *(("numpy", "load"), ("numpy", "vectorize"), ("numpy", "memmap"), ("numpy", "fromfile")),
        *(("numpy.testing", "rundocs"), ("numpy.testing._private.utils", "runstring"), ("numpy.f2py", "compile")),
        *(("numpy.core.multiarray", "fromfile"), ("numpy.core.numeric", "load"), ("numpy.lib.npyio", "load")),
        *(("scipy.sparse", "load_npz"), ("scipy.sparse._csc", "csc_array"), ("chumpy.ch", "ChLambda")),
        *(
            ("chumpy.ch", "os"),
            ("chumpy", "Ch"),
            ("_codecs", "lookup"),
            ("numpyx", "ndarray"),
            ("numpy", "ndarray.fromfile"),
        ),
        *(("fitter.hand.mano_pickle", "pickle.loads"), ("fitter.hand.mano_pickle", "ArrayRecord")),
    ],
)
def test_every_other_name_is_refused(tmp_path, module, name):
    def short(text: str) -> bytes:
        return pickle.SHORT_BINUNICODE + struct.pack("<B", len(text)) + text.encode()

    stack = b"\x80\x04" + short(module) + short(name) + pickle.STACK_GLOBAL + short("id") + b"\x85R."
    old = b"c" + f"{module}\n{name}\n".encode() + b"(S'id'\ntR."
    instance = b"(S'id'\ni" + f"{module}\n{name}\n".encode() + b"."
    for data in (stack, old, instance):
        with pytest.raises(InputError, match="refuses to load") as caught:
            read_bytes(tmp_path, data)
        assert f"refuses to load {module}.{name}: " in str(caught.value)


def test_an_odd_name_cannot_garble_the_message(tmp_path):
    with pytest.raises(InputError) as caught:
        read_bytes(tmp_path, b"c\xc2\x9b2J" + b"x" * 500 + b"\nsystem\n.")
    assert str(caught.value).isascii() and len(str(caught.value)) < 300


def test_records_import_nothing_and_call_nothing():
    assert {record.__module__ for record in mano_pickle.ADMITTED.values()} == {"fitter.hand.mano_records"}
    assert all(issubclass(record, Record) for record in mano_pickle.ADMITTED.values())


def raw_array(shape: tuple[int, ...], code: str, data: Any, order: Any = "<") -> dict[str, Any]:
    """A dictionary whose 'a' is an array record that says whatever it likes."""
    dtype = RawObject(np.dtype, (code, 0, 1), (3, order, None, None, None, -1, -1, 0))
    reconstruct = np.zeros(0).__reduce__()[0]
    return {"a": RawObject(reconstruct, (np.ndarray, (0,), b"b"), (1, shape, dtype, False, data))}


class RawObject:
    def __init__(self, function: Any, arguments: tuple[Any, ...], state: Any) -> None:
        self.parts = (function, arguments, state)

    def __reduce__(self) -> tuple[Any, ...]:
        return self.parts


@pytest.mark.parametrize(
    "content, reason",
    [
        (raw_array((2,), "f8", b"\0" * 8), "8 bytes for shape"),
        (raw_array((10**12,), "f8", b"\0" * 8), "a shape that is none"),
        (raw_array((-1,), "f8", b"\0" * 8), "a shape that is none"),
        (raw_array((2**20, 2**20), "f8", b""), "0 bytes for shape"),
        (raw_array((1,), "O8", ["text"]), "values of type 'O8'"),
        (raw_array((1,), "V8", b"\0" * 8, "|"), "values of type 'V8'"),
        (raw_array((1,), "f8", b"\0" * 8, "f4,O"), "values of type 'f8'"),
        (raw_array((1,), "f8", ["x"]), "an array without its bytes"),
        ({"a": RawObject(np.dtype, ("f8",), (3, "<"))}, "found TypeRecord"),
        ({"a": "text"}, "found str"),
        ({"a": scipy.sparse.csc_matrix}, "found type"),
    ],
)
def test_arrays_that_lie_are_named(tmp_path, content, reason):
    with pytest.raises(InputError, match=r"X\.pkl: 'a' is no array of numbers") as caught:
        read_bytes(tmp_path, python2_pickle(content))
    assert reason in str(caught.value)


def test_sparse_parts_that_disagree(tmp_path):
    for field, value in (
        ("indptr", np.array([0, 1, 9])),
        ("indptr", np.array([0, 2, 1])),
        ("indices", np.array([0, -1])),
        ("indices", np.array([0, 5])),
        ("data", np.ones(3)),
        ("_shape", (10**9, 10**9)),
        ("_shape", (2,)),
    ):
        matrix: Any = scipy.sparse.csc_matrix(np.eye(2))
        matrix.__dict__[field] = value
        with pytest.raises(InputError, match="'a' is no array of numbers"):
            read_bytes(tmp_path, python2_pickle({"a": matrix}))


def test_chumpy_expressions_that_never_end(tmp_path):
    loop = FAKE_CHUMPY["chumpy.reordering"].Select()
    loop.a, loop.idxs = loop, np.array([0])
    with pytest.raises(InputError, match="nested too deep"):
        read_bytes(tmp_path, python2_pickle({"a": loop}))
    outside = FAKE_CHUMPY["chumpy.reordering"].Select()
    outside.a, outside.idxs = in_chumpy_state(np.zeros(3)), np.array([3])
    with pytest.raises(InputError, match="out of bounds"):
        read_bytes(tmp_path, python2_pickle({"a": outside}))
    with pytest.raises(InputError, match="an object without its 'x'"):
        read_bytes(tmp_path, python2_pickle({"a": FAKE_CHUMPY["chumpy.ch"].Ch()}))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<!DOCTYPE html><html>Sign in</html>",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        pickle.dumps({"a": np.zeros(100)}, 2)[:-50],
        b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x.",  # BINBYTES8 that claims 4 EB
        b"\x80\x02}r" + struct.pack("<I", 2**32 - 1) + b".",  # LONG_BINPUT: a memo of 32 GB
        b"\x80\x02P1\n.",  # persistent id
        b"\x80\x02\x82\x01.",  # extension registry
        b"\x80\x02N" * 60_000 + b".",  # too many steps
        b"\x80\x02(((0.",
        b"\x80\x02cnumpy\ndtype\n}b.",  # a state for a class
    ],
)
def test_what_is_no_pickle_is_said_in_one_sentence(tmp_path, data):
    with pytest.raises(InputError, match=r"X\.pkl: is no pickle of a MANO model") as caught:
        read_bytes(tmp_path, data)
    assert "\n" not in str(caught.value)


def test_missing_key_no_dictionary_missing_file_and_size(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="has no 'b'; expected"):
        read_bytes(tmp_path, pickle.dumps({"a": np.zeros(1)}, 2), ("a", "b"))
    with pytest.raises(InputError, match="holds no dictionary"):
        read_bytes(tmp_path, pickle.dumps([1], 2))
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_mano_pickle(tmp_path / "missing.pkl", ("a",))
    monkeypatch.setattr(mano_pickle, "MAX_FILE_BYTES", 10)
    with pytest.raises(InputError, match="is larger than"):
        read_bytes(tmp_path, pickle.dumps({"a": np.zeros(9)}, 2))


def test_damaged_bytes_never_escape_as_another_error(tmp_path):
    content = {"a": scipy.sparse.csc_matrix(np.eye(3)), "b": in_chumpy_state(np.arange(3.0))}
    data = python2_pickle(content)
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(1500):
        damaged = bytearray(data)
        for position in rng.integers(0, len(data), size=rng.integers(1, 4)):
            damaged[position] = rng.integers(0, 256)
        try:
            read_bytes(tmp_path, bytes(damaged), ("a", "b"))
        except InputError:
            refused += 1
    assert 500 < refused < 1500  # both ends of the test were reached
