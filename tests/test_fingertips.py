"""Lines of fingertips are read as they stand, and refused with the line's number."""

import numpy as np
import pytest

from fitter.errors import InputError
from fitter.evaluate.readers.fingertips import read_fingertips, with_tips
from fitter.skeleton import POINT_NAMES


def test_points_of_each_line_and_nothing_behind_them(tmp_path):
    path = tmp_path / "tips.txt"
    path.write_text("1, 2, 3; 4,5,6 ;7, 8, 9; 10, 11, 12; -1.5, 0, 1e2; 99, 99, 99;\n1,2,; ,,; 1,1,1; 2,2,2; 3,3,3\n\n")
    tips = read_fingertips(path)
    np.testing.assert_array_equal(tips[0], [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12], [-1.5, 0, 100]])
    assert np.isnan(tips[1, :2]).all()
    np.testing.assert_array_equal(tips[1, 2:], [[1, 1, 1], [2, 2, 2], [3, 3, 3]])


def test_lines_with_fewer_points_where_that_is_usual(tmp_path):
    path = tmp_path / "tips.txt"
    path.write_text("1, 2, 3;\n\n4, 5, 6; 7, 8, 9\n")
    tips = read_fingertips(path, least=0)
    assert tips.shape == (3, 5, 3)
    assert np.isfinite(tips).all(axis=2).sum(axis=1).tolist() == [1, 0, 2]
    with pytest.raises(InputError, match=r"tips\.txt, line 1: 1 points, expected 5 fingertips"):
        read_fingertips(path)


def test_the_engines_points_of_tips():
    points = with_tips(np.arange(15.0).reshape(5, 3))
    named = {POINT_NAMES[row]: points[row].tolist() for row in np.flatnonzero(np.isfinite(points).all(axis=1))}
    fingers = ("thumb", "index", "middle", "ring", "pinky")
    assert named == {f"{finger}_tip": [3.0 * i, 3 * i + 1, 3 * i + 2] for i, finger in enumerate(fingers)}


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"1, 2; 3, 4; 5, 6; 7, 8; 9, 10;", "line 1: '1, 2' is no point, expected x, y, z"),
        (b"7; 1,1,1;1,1,1;1,1,1;1,1,1", "line 1: '7' is no point, expected x, y, z"),
        (b"1,1,1;1,1,1;1,1,1;1,1,1;1,1,1\n1,1,x;", "line 2: '1,1,x' is no point"),
        (b"1,1,1;1,1,1;1,1,inf;1,1,1;1,1,1", "line 1: 5 points, expected 5 fingertips"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"\n" * 100_000 + b"1,1,1", "has 100001 lines: expected"),
    ],
)
def test_what_is_no_list_of_fingertips(tmp_path, content, reason):
    path = tmp_path / "tips.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"tips\.txt.* ?{reason}") as caught:
        read_fingertips(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="cannot be read"):
        read_fingertips(tmp_path)
