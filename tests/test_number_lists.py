"""A large list of number lists is read element by element, and what is none is said in one sentence."""

import json

import numpy as np
import pytest

from fitter.errors import InputError
from fitter.evaluate.readers import number_lists
from fitter.evaluate.readers.number_lists import index_number_lists


@pytest.mark.parametrize("chunk", [1, 7, 1000, 2**24])
@pytest.mark.parametrize("indent", [None, 1])
def test_elements_come_back_whatever_the_chunks(tmp_path, monkeypatch, chunk, indent):
    monkeypatch.setattr(number_lists, "CHUNK_BYTES", chunk)
    values = np.random.default_rng(0).normal(size=(5, 4, 3)) * [1e-9, 1.0, 1e9]
    path = tmp_path / "x.json"
    path.write_text(json.dumps(values.tolist(), indent=indent) + "\n")
    lists = index_number_lists(path)
    assert len(lists) == 5
    for index, value in enumerate(values):
        np.testing.assert_array_equal(lists.array(index, (4, 3)), value)


def test_one_row_may_be_wrapped_in_a_list(tmp_path):
    path = tmp_path / "x.json"
    path.write_text("[[[1, 2, 3]], [[4, 5, 6]]]")
    np.testing.assert_array_equal(index_number_lists(path).array(1, (3,)), [4, 5, 6])


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "it is cut short"),
        ("[[1, 2], [3", "it is cut short"),
        ("[[1, 2], [3]", "it is cut short"),
        ("[]", "it holds no list"),
        ("[1, 2]", "it holds no list"),
        ('{"a": [1]}', "byte 0 belongs to no number"),
        ("[[1], [NaN]]", "byte 7 belongs to no number"),
        ("1, [[2]]", "it does not begin with a list"),
        ("[[1]]]", "its brackets do not match"),
        ("[" * 9 + "]" * 9, "its brackets do not match"),
        ("[5, [1]]", "its elements are not all lists"),
        ("[[1], 5, [1]]", "its elements are not all lists"),
        ("[[1] [1]]", "its elements are not all lists"),
        ("[[1], [1], 5]", "its elements are not all lists"),
        ("[[1]][[1]]", "its elements are not all lists"),
        ("[[1]," + " " * 100 + "[1]]", "its elements are not all lists"),
    ],
)
def test_what_is_no_list_of_lists(tmp_path, text, reason):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(InputError, match="x.json is no JSON list of lists of numbers") as caught:
        index_number_lists(path)
    assert reason in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "element, reason",
    [
        ("[1, 2]", r"has shape \(2,\), expected \(3,\)"),
        ("[[1, 2], [3]]", r"is no array of numbers, expected shape \(3,\)"),
        ("[1, , 2]", "cannot be read, expected a list of numbers"),
        ("[1, 2, --3]", "cannot be read, expected a list of numbers"),
        ("[1, 2, 1e999]", "holds a number that is not finite"),
        (f"[1, 2, 1{'0' * 400}]", r"is no array of numbers, expected shape \(3,\)"),
    ],
)
def test_broken_elements_are_named_when_they_are_read(tmp_path, element, reason):
    path = tmp_path / "x.json"
    path.write_text(f"[[1, 2, 3], {element}]")
    lists = index_number_lists(path)
    np.testing.assert_array_equal(lists.array(0, (3,)), [1, 2, 3])
    with pytest.raises(InputError, match=rf"x\.json, element 1: {reason}"):
        lists.array(1, (3,))


def test_an_element_beyond_all_measure_and_a_missing_file(tmp_path, monkeypatch):
    path = tmp_path / "x.json"
    path.write_text(f"[[{'1' * 200}]]")
    monkeypatch.setattr(number_lists, "MOST_ELEMENT_BYTES", 100)
    with pytest.raises(InputError, match="an element has more than"):
        index_number_lists(path)
    with pytest.raises(InputError, match=r"none\.json cannot be read \(No such file"):
        index_number_lists(tmp_path / "none.json")
