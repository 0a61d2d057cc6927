"""Every block of every tutorial runs, on a few synthetic frames."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import fitter
from docs.writers.result_files import FILES
from fitter.export.video import VideoWriter
from fitter.hand import HandModel
from fitter.hand.parameters import HandParameters, pose_hand
from priors.synthetic.clip import make_demo_clip
from tests.conftest import REPOSITORY
from tests.short_clip import ShortClip
from tests.synthetic_mano import synthetic_mano, write_plain_pickle
from tests.tutorial import NOT_RUN, Block, blocks_of, check_commands, commands_of, run_blocks, run_line

TUTORIALS = sorted((REPOSITORY / "docs" / "tutorials").glob("*.md"))
# As few frames as the detector, the smoothness and the videos can do with.
FILMED, SIZE = 4, (640, 480)


@pytest.fixture(scope="module")
def films(anny: HandModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`filmed.mp4`, a drawn hand that the detector finds; `clip.mp4` of grey frames and the files that go with it."""
    folder = tmp_path_factory.mktemp("films")
    drawn = make_demo_clip(anny, seed=0, n_frames=FILMED, size=SIZE)
    with VideoWriter(folder / "filmed.mp4", 30.0, SIZE) as writer:
        for frame in drawn.frames():
            writer.write(frame)
    seen = ShortClip.make(anny, folder).seen
    points = np.concatenate([seen["keypoints_px"], seen["confidence"][..., None]], axis=-1)
    np.save(folder / "detections.npy", points)
    (folder / "openpose").mkdir()
    for index, hand in enumerate(points):
        person = {"hand_left_keypoints_2d": [0.0] * 63, "hand_right_keypoints_2d": hand.ravel().tolist()}
        (folder / "openpose" / f"clip_{index:03d}_keypoints.json").write_text(json.dumps({"people": [person]}))
    people = [
        {"image_id": index, "keypoints": [0.0] * (3 * 112) + hand.ravel().tolist(), "score": 1.0, "category_id": 1}
        for index, hand in enumerate(points)
    ]
    (folder / "wholebody.json").write_text(json.dumps(people))
    (folder / "models" / "mano").mkdir(parents=True)
    write_plain_pickle(folder / "models" / "mano" / "MANO_RIGHT.pkl", synthetic_mano("right"))
    return folder


@pytest.fixture
def place(films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to work in, with the repository's configurations and the films' files."""
    shutil.copytree(films, tmp_path, dirs_exist_ok=True)  # tutorials may write over what they start from
    (tmp_path / "configs").symlink_to(REPOSITORY / "configs")
    monkeypatch.chdir(tmp_path)
    yield tmp_path


def prepare(name: str, folder: Path) -> None:
    """What a tutorial starts from beside the files that all have."""
    if name == "own_video":
        shutil.copy(folder / "filmed.mp4", folder / "clip.mp4")
    if name == "many_clips":
        (folder / "clips").mkdir()
        for clip in ("one", "two"):
            shutil.copy(folder / "filmed.mp4", folder / "clips" / f"{clip}.mp4")


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_the_tutorial_runs(page: Path, place: Path) -> None:
    if page.stem in ("own_video", "many_clips"):
        pytest.importorskip("mediapipe", reason="mediapipe, which looks for the hand in the video, is not installed")
    prepare(page.stem, place)
    run_blocks(blocks_of(page), place)
    if page.stem == "own_video":
        assert untold_files(place / "results" / "clip") == set()


def untold_files(folder: Path) -> set[str]:
    """The files of a result that the reference does not name."""
    told = {name.strip("`/") for name, _ in FILES}
    found = {path.name.replace("right", "SIDE").replace("left", "SIDE") for path in folder.iterdir()}
    assert len(found) > 8
    return found - told


KEYPOINTS_ONLY = {"schedule": {"stages": [{"name": "refine", "max_steps": 5}]}}


def test_the_conventions_hold_for_right_hands(films: Path, tmp_path: Path) -> None:
    """The code on the page gives what the result holds."""
    result = fitter.fit(films / "clip.mp4", keypoints=films / "keypoints.npz", config=KEYPOINTS_ONLY)
    names = run_blocks(blocks_of(REPOSITORY / "docs" / "conventions.md"), tmp_path, {"result": result})
    np.testing.assert_allclose(np.asarray(names["pixels"]), result.keypoints_px, atol=1e-3)
    for name in ("joints_m", "vertices_m"):
        posed = names[name]
        assert isinstance(posed, torch.Tensor)
        np.testing.assert_allclose(posed.numpy(), getattr(result, name)[0], atol=1e-6)


def test_the_conventions_hold_for_left_hands(films: Path, anny: HandModel) -> None:
    """What the page says in words: mirrored parameters give the mirrored hand, and faces are to be reversed."""
    with np.load(films / "keypoints.npz") as seen:
        keypoints = (seen["keypoints_px"] * [-1.0, 1.0] + [320.0, 0.0])[None]
    result = fitter.fit(films / "clip.mp4", keypoints=keypoints, hand="left", config=KEYPOINTS_ONLY)
    assert result.side == ("left",)
    numbers = (
        torch.tensor(array[0], dtype=torch.float64) for array in (result.pose, result.betas, result.translation_m)
    )
    posed = pose_hand(anny.to(dtype=torch.float64), HandParameters(*numbers).mirrored())
    vertices = posed.mesh().vertices.numpy() * [-1.0, 1.0, 1.0]
    np.testing.assert_allclose(vertices, result.vertices_m[0], atol=1e-6)
    assert volume(vertices[0], result.faces[:, ::-1]) > 0 > volume(vertices[0], result.faces)


def volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Signed, of the tetrahedra between the faces and the mesh's middle: positive where faces point outwards."""
    a, b, c = np.moveaxis((vertices - vertices.mean(0))[faces], 1, 0)
    return float((a * np.cross(b, c)).sum() / 6.0)


def test_there_are_tutorials_and_most_of_them_is_run() -> None:
    blocks = [block for page in TUTORIALS for block in blocks_of(page)]
    assert len(TUTORIALS) >= 5 and all(blocks_of(page) for page in TUTORIALS)
    assert sum(block.reason is None for block in blocks) > 0.75 * len(blocks)


def block(code: str, language: str = "bash", reason: str | None = None) -> Block:
    return Block(Path("page.md"), 1, language, code, reason)


def test_blocks_are_read_with_their_lines_and_reasons(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        f'# A\n\n```bash\nls\n```\n\n```text\nno code\n```\n\n```python title="{NOT_RUN}slow"\nx = 1\n```\n'
    )
    first, second = blocks_of(page)
    assert (first.language, first.line, first.code, first.reason) == ("bash", 4, "ls\n", None)
    assert (second.language, second.line, second.reason) == ("python", 12, "slow")


def test_failing_blocks_fail(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"page.md:1: false: exit status 1"):
        run_blocks([block("true\nfalse\n")], tmp_path)
    with pytest.raises(AssertionError, match="exit status 2"):
        run_blocks([block("handfit absent.mp4 --quiet\n")], tmp_path)
    with pytest.raises(NameError):
        run_blocks([block("one = 1\n", "python"), block("two = one + three\n", "python")], tmp_path)


def test_blocks_that_are_not_run_are_checked() -> None:
    check_commands(block("handfit clip.mp4 --hand left\n", reason="slow"))
    with pytest.raises(Exception, match="unknown option --hnad"):
        check_commands(block("handfit clip.mp4 --hnad left\n", reason="slow"))
    check_commands(block("python -m fitter.view results/clip --colour texture\n", reason="slow"))
    with pytest.raises(Exception, match="--colour: expected one of"):
        check_commands(block("python -m fitter.view results/clip --colour blue\n", reason="slow"))
    with pytest.raises(SyntaxError):
        check_commands(block("x = = 1\n", "python", reason="slow"))
    with pytest.raises(AssertionError, match="say why"):
        check_commands(block("ls\n", reason=""))


def test_lines_and_loops_are_told_apart(tmp_path: Path) -> None:
    assert commands_of(block("one \\\n  two\n# nothing\n\nthree\n")) == ["one    two", "three"]
    assert len(commands_of(block("for x in 1 2; do\n  echo $x > $x\ndone\n"))) == 1
    assert run_line("for x in 1 2; do\n  echo $x > $x\ndone", tmp_path) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]
