"""Windows: they tile the clip, share one shape, join without a seam, and a hand that comes back is the same hand."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from fitter.energy import Energy
from fitter.errors import InputError
from fitter.initialise import initial_states
from fitter.observe.evidence import Evidence
from fitter.pipeline import FitInput, HandFit, Known, fit_hands, with_known
from fitter.pipeline.long_clip import ClipHands, WindowFit, Work, fit_windows, pieces, windows
from fitter.pipeline.part import combined_status, joined, part_of
from fitter.pipeline.settings import TimeWindows
from fitter.scene import Scene
from fitter.solve.schedule import Schedule
from fitter.state import State
from fitter.synthesis.report import PhotometricReport
from tests.test_pipeline import truth_of, unseen
from tests.toy_problem import evidence_of

SCHEDULE = Schedule(stages=Schedule().keypoint_stages)
SETTINGS = TimeWindows(whole=60, frames=40, lookahead=15, held=6, person_pieces=3, person_frames=12)
T = 110


def frames_of(evidence: Evidence, frames: np.ndarray) -> Evidence:
    rows = torch.from_numpy(frames)
    names = ("keypoints_px", "confidence", "depth_px", "depth_weight", "bone_directions", "bone_weight", "time_s")
    return replace(evidence, **{name: getattr(evidence, name)[rows] for name in names})


def hands_of(scene: Scene, evidences: Sequence[Evidence], asked: list[tuple[int, int]] | None = None) -> ClipHands:
    """Toy hands as a clip; `asked` takes down which frames were wanted."""

    def begin(frames: np.ndarray, hands: Sequence[int]) -> list[FitInput]:
        if asked is not None:
            asked.append((int(frames[0]), int(frames[-1])))
        inputs = []
        for hand in hands:
            evidence = frames_of(evidences[hand], frames)
            starts = tuple(initial_states(scene.model, scene.camera, evidence))
            inputs.append(FitInput(scene.model, scene.landmarks, scene.camera, evidence, starts))
        return inputs

    seen = np.stack([evidence.confidence.mean(1).numpy() for evidence in evidences])
    return ClipHands(evidences[0].time_s.numpy(), seen, begin)


def work(fit: Callable[[Sequence[FitInput]], list[HandFit]] | None = None) -> Work:
    return Work(fit or (lambda inputs: fit_hands(inputs, Energy(), SCHEDULE)))


@pytest.fixture(scope="module")
def clip() -> tuple[Scene, Evidence]:
    scene = truth_of(T)
    return scene, evidence_of(scene, seed=1)


@pytest.fixture(scope="module")
def both(clip: tuple[Scene, Evidence]) -> tuple[HandFit, list[WindowFit]]:
    """The clip as one and in windows."""
    scene, evidence = clip
    hands = hands_of(scene, [evidence])
    (whole,) = fit_windows(hands, replace(SETTINGS, whole=T), work())
    return whole.fits[0], list(fit_windows(hands, SETTINGS, work()))


def test_windows_tile_the_clip() -> None:
    for n_frames, most in ((1201, 300), (600, 300), (601, 300), (7, 3), (1, 5)):
        found = windows(n_frames, most)
        assert [frame for window in found for frame in window] == list(range(n_frames))
        assert max(map(len, found)) <= most and max(map(len, found)) - min(map(len, found)) <= 1


def test_a_short_clip_is_solved_as_one(clip: tuple[Scene, Evidence]) -> None:
    scene, evidence = clip
    hands = hands_of(scene, [evidence])
    (window,) = fit_windows(hands, TimeWindows(), work())
    (alone,) = fit_hands(hands.begin(np.arange(T), [0]), Energy(), SCHEDULE)
    assert window.first == 0
    assert torch.equal(window.fits[0].state.rotations, alone.state.rotations)
    assert torch.equal(window.fits[0].state.betas, alone.state.betas)
    np.testing.assert_array_equal(window.fits[0].posterior.joints_sigma_mm, alone.posterior.joints_sigma_mm)


def test_one_shape_for_all_windows(both: tuple[HandFit, list[WindowFit]]) -> None:
    parts = both[1]
    assert [part.first for part in parts] == [0, 37, 73]
    first = parts[0].fits[0].state
    for part in parts:
        state = part.fits[0].state
        assert torch.equal(state.betas, first.betas) and torch.equal(state.log_focal, first.log_focal)
        assert len(part.fits[0].present) == state.n_frames == len(part.fits[0].posterior.joints_sigma_mm)
    assert sum(part.fits[0].state.n_frames for part in parts) == T


def test_joins_are_below_the_jitter(both: tuple[HandFit, list[WindowFit]]) -> None:
    """What the windows change over a join is less than what the joints' motion changes in any frame."""
    whole, parts = both
    together = joined([part.fits[0] for part in parts])
    joints = [1000.0 * fit.scene.posed.joints.numpy() for fit in (whole, together)]
    change = np.linalg.norm(np.diff(joints[1] - joints[0], axis=0), axis=-1).mean(axis=1)
    jitter = np.linalg.norm(np.diff(joints[0], n=2, axis=0), axis=-1).mean()
    joins = [part.first for part in parts[1:]]
    assert change[[join - 1 for join in joins]].max() < 0.5 * jitter


def test_the_windows_are_as_sure_as_the_clip(both: tuple[HandFit, list[WindowFit]]) -> None:
    """Within a tenth: a window knows six frames of those before it and fifteen of those behind it."""
    whole, parts = both
    together = joined([part.fits[0] for part in parts])
    for name in ("joints_sigma_mm", "relative_sigma_mm"):
        ratio = getattr(together.posterior, name) / getattr(whole.posterior, name)
        assert 0.9 < ratio.mean() < 1.1


def test_held_frames_stay_and_the_next_ones_continue_them(clip: tuple[Scene, Evidence]) -> None:
    scene, evidence = clip
    given = hands_of(scene, [evidence]).begin(np.arange(30), [0])[0]
    truth = scene.state
    held = truth.at(slice(0, 4))
    known = Known(truth.betas, truth.log_focal, held=held)
    (fit,) = fit_hands([with_known(given, known)], Energy(), SCHEDULE)
    assert torch.equal(fit.state.betas, truth.betas)
    assert torch.allclose(fit.state.rotations[:4], held.rotations, rtol=0.0, atol=1e-12)  # made orthonormal again
    assert torch.equal(fit.state.trajectory[:4], held.trajectory)
    assert not torch.equal(fit.state.rotations[4], with_known(given, known).starts[0].state.rotations[4])


def test_a_start_is_brought_to_the_known_shape_and_looks_as_large(clip: tuple[Scene, Evidence]) -> None:
    scene, evidence = clip
    given = hands_of(scene, [evidence]).begin(np.arange(10), [0])[0]
    larger = scene.state.betas + 1.0
    start = with_known(given, Known(larger, torch.tensor(0.1).double())).starts[0].state
    spans = [
        torch.linalg.norm(each.keypoints[:, 9] - each.keypoints[:, 0], dim=-1)
        for each in (Scene(given.model, given.landmarks, given.camera, s) for s in (given.starts[0].state, start))
    ]
    assert torch.equal(start.betas, larger)
    # The bones' directions are the same but their proportions are not.
    assert torch.allclose(spans[0], spans[1], rtol=0.1)


def test_a_hand_that_leaves_and_returns_is_the_same_hand(clip: tuple[Scene, Evidence]) -> None:
    scene, evidence = clip
    away = unseen(evidence, range(30, 90))
    asked: list[tuple[int, int]] = []
    settings = replace(SETTINGS, frames=20, lookahead=5, held=4)
    parts = list(fit_windows(hands_of(scene, [away], asked), settings, work()))
    together = joined([part.fits[0] for part in parts])
    assert together.present[:30].all() and together.present[90:].all()
    assert not together.present[60:70].any()
    assert not any(start >= 36 and end <= 85 for start, end in asked[1:])  # windows that show nothing are not fitted
    betas = {tuple(part.fits[0].state.betas.tolist()) for part in parts}
    assert len(betas) == 1
    errors = (together.scene.posed.joints - scene.posed.joints).norm(dim=-1)
    aligned = errors - (together.scene.posed.joints[:, :1] - scene.posed.joints[:, :1]).norm(dim=-1)
    assert float(aligned[90:].mean()) < 0.01  # metres: the returned hand is fitted, not bridged


def test_two_hands_of_which_one_is_away(clip: tuple[Scene, Evidence]) -> None:
    scene, evidence = clip
    other = unseen(evidence_of(scene, seed=2), range(50, T))
    counts: list[int] = []

    def fit(inputs: Sequence[FitInput]) -> list[HandFit]:
        counts.append(len(inputs))
        return fit_hands(inputs, Energy(), SCHEDULE)

    parts = list(fit_windows(hands_of(scene, [evidence, other]), SETTINGS, work(fit)))
    assert counts == [2, 2, 2, 1]  # the person, then the windows
    assert all(len(part.fits) == 2 for part in parts)
    assert parts[0].fits[1].present.all() and not parts[2].fits[1].present.any()
    assert np.isnan(parts[2].fits[1].posterior.joints_sigma_mm).all()
    assert torch.isfinite(parts[2].fits[1].state.rotations).all()


def test_pieces_are_where_the_hand_is_seen() -> None:
    seen = np.zeros((1, 100))
    seen[0, 20:40], seen[0, 60:62], seen[0, 70:90] = 0.5, 0.9, 0.8
    chosen = pieces(seen, 4, 10)
    assert chosen.tolist() == [*range(15, 35), *range(65, 85)]  # of each quarter ten frames
    nothing = seen.copy()
    nothing[0, 50:75] = 0.0
    assert pieces(nothing, 4, 10).tolist() == [*range(15, 35), *range(75, 85)]


def test_pieces_show_every_hand() -> None:
    seen = np.zeros((2, 100))
    seen[0], seen[1, 55] = 1.0, 0.2
    assert (seen[:, pieces(seen, 1, 10)] > 0).any(axis=1).all()


def test_a_part_counts_its_own_frames() -> None:
    """Held frames and those of the lookahead are compared, but are another window's."""
    overlaps = np.where(np.arange(T) < T - 5, 0.9, np.nan)
    report = PhotometricReport(20.0, 0.9, 19.0, 0.8, 0.9, 0.8, T - 5, 3, np.arange(T) < T - 2, overlaps)
    part = report.at(slice(10, T))
    assert (part.frames_used, part.masks_used, part.masks_dropped) == (T - 12, T - 15, 3)
    unmasked = replace(report, masks_used=0, masks_dropped=0, frame_iou=np.full(T, np.nan)).at(slice(10, T))
    assert (unmasked.frames_used, unmasked.masks_used, unmasked.masks_dropped) == (T - 12, 0, 0)


def test_a_part_of_a_fit_has_its_frames(both: tuple[HandFit, list[WindowFit]]) -> None:
    whole = both[0]
    part = part_of(whole, slice(10, 20))
    assert torch.equal(part.state.rotations, whole.state.rotations[10:20])
    np.testing.assert_array_equal(part.frames.reprojection_px, whole.frames.reprojection_px[10:20])
    again = joined([part_of(whole, slice(0, 50)), part_of(whole, slice(50, T))])
    assert torch.equal(again.state.trajectory, whole.state.trajectory)
    np.testing.assert_array_equal(again.posterior.relative_sigma_mm, whole.posterior.relative_sigma_mm)
    for term, energies in whole.frames.energies.items():
        np.testing.assert_array_equal(again.frames.energies[term], energies)


def test_statuses_become_one_sentence() -> None:
    assert combined_status(["converged"] * 3) == "converged"
    assert combined_status(["converged", "stuck", "stuck"]) == "stuck (in 2 of 3 windows)"


@pytest.mark.parametrize("held", [1, 151])
def test_held_frames_that_cannot_be(held: int) -> None:
    with pytest.raises(InputError, match=f"windows.held: expected 2 frames or more .* got {held}"):
        TimeWindows(held=held)


def test_state_rows_are_copies(clip: tuple[Scene, Evidence]) -> None:
    state: State = clip[0].state
    assert state.at(slice(0, 2)).rotations.data_ptr() != state.rotations.data_ptr()
