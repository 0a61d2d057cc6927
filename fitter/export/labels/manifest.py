"""What an export holds, where every label came from, what was dropped and why: for programs and for people.

manifest = manifest_of(plans, gates)
write_manifest(manifest, folder)                # manifest.json, and manifest.md with the same in tables
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from fitter import __version__
from fitter.export.labels.gates import Gates
from fitter.export.labels.hand import LabelledHand, LabelledImage
from fitter.export.labels.source import Plan
from fitter.observe.observations import Side

MANIFEST, TABLE = "manifest.json", "manifest.md"

MANO_LEFT = (
    "Parameters of left hands are for MANO_LEFT with its shape basis corrected (shapedirs[:, 0, :] *= -1, "
    "github.com/vchoutas/smplx/issues/48); the published file gives another shape."
)
MIRRORED = (
    "Left hands are mirrored to right ones: their images, cameras, joints, meshes and parameters (mirrored: true)."
)
PINHOLE = "Pixels and images are undistorted: those of a pinhole camera of the given K."
NO_MANO = {
    True: "The fitted hand is handfit's free one, not MANO: joints are its own, MANO's parts of the format are left "
    "out, and the vertices are in vertices_m.npy with faces.npy, a row for each label.",
    False: "The fitted hand is handfit's free one, not MANO: joints, and vertices where there are some, are its own.",
}
SIDE_FILE = "quality.npz has a row for each label: sigma_mm, relative_sigma_mm, quality, joints_m, intrinsics, ..."


@dataclass(frozen=True)
class Label:
    """Where a label came from: `image` is its image's path in the folder, `side` what was filmed."""

    image: str
    source: int
    frame: int
    side: Side
    mirrored: bool
    quality: float | None


@dataclass(frozen=True)
class Drop:
    """A hand in a frame that became no label."""

    source: int
    frame: int
    side: Side
    reasons: tuple[str, ...]
    measures: tuple[str, ...]


@dataclass(frozen=True)
class Manifest:
    """The account of an export; `labels` are in the order of writing."""

    plans: tuple[Plan, ...]
    gates: Gates
    drops: tuple[Drop, ...]
    labels: tuple[Label, ...] = ()

    def with_labels(self, labels: Sequence[Label]) -> "Manifest":
        return replace(self, labels=tuple(labels))

    @property
    def n_kept(self) -> int:
        return sum(int(plan.kept.sum()) for plan in self.plans)

    @property
    def n_dropped(self) -> int:
        return len(self.drops)

    @property
    def dropped_by(self) -> dict[str, int]:
        """How many rows fail each gate; one may fail several."""
        return dict(Counter(measure for drop in self.drops for measure in drop.measures).most_common())

    def dropped_by_hand(self, source: int, side: Side) -> dict[str, int]:
        """The same for one hand of one result."""
        own = (drop.measures for drop in self.drops if (drop.source, drop.side) == (source, side))
        return dict(Counter(measure for measures in own for measure in measures).most_common())

    @property
    def not_judged_by(self) -> dict[str, int]:
        """How many fitted rows each gate could not look at."""
        counts: Counter[str] = Counter()
        for plan in self.plans:
            for measure in plan.verdict.measures:
                counts[measure.name] += int((plan.verdict.fitted & np.isnan(measure.values)).sum())
        return {name: count for name, count in counts.items() if count}

    @property
    def notes(self) -> tuple[str, ...]:
        """The conventions of the format, and what holds for these results."""
        kind, result = self.plans[0].format, self.plans[0].source.result
        notes = [*kind.notes]
        has_left = any("left" in plan.source.result.side for plan in self.plans)
        notes += kind.mano_notes if result.hand_model == "mano" else (NO_MANO[kind.surface],)
        if result.hand_model == "mano" and kind.mano != "no place" and has_left and not kind.right_only:
            notes.append(MANO_LEFT)
        if has_left and kind.right_only:
            notes.append(MIRRORED)
        if any(plan.source.result.distortion.size for plan in self.plans):
            notes.append(PINHOLE)
        if any(not plan.source.result.K_known for plan in self.plans):
            notes.append("Where K is not known, distances and sizes scale with the assumed focal length.")
        if self.plans[0].images == "none":
            notes.append("No images were written: paths are where they would be.")
        return (*notes,) if kind.own_quality else (*notes, SIDE_FILE)

    def summary_of_drops(self) -> str:
        """`quality 12, not present 3`."""
        return ", ".join(f"{name} {count}" for name, count in self.dropped_by.items())


def manifest_of(plans: Sequence[Plan], gates: Gates) -> Manifest:
    """The account of what will be kept and dropped, still without labels."""
    return Manifest(tuple(plans), gates, tuple(drop for plan in plans for drop in _drops(plan)))


def _drops(plan: Plan) -> Iterator[Drop]:
    for frame in range(plan.source.n_frames):
        for row, side in enumerate(plan.source.result.side):
            if not plan.kept[row, frame]:
                reasons = plan.verdict.reasons(row, frame)
                measures = tuple(measure.name for measure in plan.verdict.failures(row, frame))
                yield Drop(plan.place, frame, side, reasons, measures or reasons)


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write both files into a folder that nobody else sees yet."""
    (folder / MANIFEST).write_text(json.dumps(content_of(manifest), indent=1) + "\n", encoding="utf-8")
    (folder / TABLE).write_text("\n".join(table_of(manifest)) + "\n", encoding="utf-8")


def content_of(manifest: Manifest) -> dict[str, object]:
    """What is in manifest.json."""
    first = manifest.plans[0]
    return {
        "handfit": __version__,
        "format": first.format.name,
        "data_set": first.format.data_set,
        "notes": manifest.notes,
        "images": first.images,
        "crop_px": first.crop_px if first.cropped else None,
        # Infinity is no JSON.
        "gates": {name: limit if np.isfinite(limit) else None for name, limit in asdict(manifest.gates).items()},
        "counts": {
            "kept": manifest.n_kept,
            "dropped": manifest.n_dropped,
            "images": sum(plan.n_images for plan in manifest.plans),
            "dropped_by": manifest.dropped_by,
            "not_judged_by": manifest.not_judged_by,
        },
        "sources": [_source(plan) for plan in manifest.plans],
        "labels": [asdict(label) for label in manifest.labels],
        "dropped": [
            {"source": drop.source, "frame": drop.frame, "side": drop.side, "reasons": drop.reasons}
            for drop in manifest.drops
        ],
    }


def _source(plan: Plan) -> dict[str, object]:
    result = plan.source.result
    return {
        "name": plan.source.name,
        "folder": plan.source.origin.folder,
        "input": plan.source.origin.input,
        "hand_model": result.hand_model,
        "sides": result.side,
        "frames": plan.source.n_frames,
        "fps": result.fps,
        "image_size": result.image_size,
        "K": result.K.tolist(),
        "K_known": result.K_known,
        "distortion": result.distortion.tolist(),
        "status": result.status,
        "kept": int(plan.kept.sum()),
    }


def label_of(hand: LabelledHand, image: LabelledImage, path: str) -> Label:
    """The entry of one hand of an image, written to `path`."""
    quality = round(hand.quality, 4) if np.isfinite(hand.quality) else None
    return Label(path, image.source, image.frame, hand.filmed_side, image.view.mirrored, quality)


def table_of(manifest: Manifest) -> Iterator[str]:
    """The lines of manifest.md."""
    first = manifest.plans[0]
    kept, dropped = manifest.n_kept, manifest.n_dropped
    yield f"# Labels for {first.format.data_set} by handfit {__version__}"
    yield ""
    yield f"{kept} hands in {sum(plan.n_images for plan in manifest.plans)} images; {dropped} dropped."
    yield ""
    yield from (f"- {note}" for note in manifest.notes)
    yield ""
    yield "| gate | limit | fail it | not judged |"
    yield "|---|---|---|---|"
    for name, limit in asdict(manifest.gates).items():
        measure = name.partition("_")[2]
        fails, unseen = manifest.dropped_by.get(measure, 0), manifest.not_judged_by.get(measure, 0)
        yield f"| {name} | {limit:g} | {fails} | {unseen} |"
    for name, count in manifest.dropped_by.items():
        if " " in name:
            yield f"| {name} | | {count} | |"
    yield ""
    yield "| result | frames | hand | kept | dropped frames |"
    yield "|---|---|---|---|---|"
    for plan in manifest.plans:
        for row, side in enumerate(plan.source.result.side):
            kept_here = plan.kept[row]
            lost = runs_of(np.flatnonzero(~kept_here).tolist())
            yield f"| {plan.source.name} | {len(kept_here)} | {side} | {int(kept_here.sum())} | {lost or '-'} |"


def runs_of(numbers: Sequence[int]) -> str:
    """`3, 7-12`: rising numbers in words."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ", ".join("-".join(str(end) for end in part) for part in parts)
