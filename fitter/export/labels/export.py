"""Labels out of results: judged, written in a format, and accounted for in the manifest.

request = LabelRequest(FORMATS["freihand"], gates=Gates(min_quality=0.7))
manifest = export_labels(sources, request, Path("labels"), told=progress)
manifest.n_kept, manifest.n_dropped
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from fitter.errors import InputError
from fitter.export.atomic_folder import atomic_folder
from fitter.export.labels.format import Batch, Images, LabelFormat, LabelWriter
from fitter.export.labels.gates import Gates, judge
from fitter.export.labels.hand import LabelledImage
from fitter.export.labels.manifest import MANIFEST, Label, Manifest, label_of, manifest_of, write_manifest
from fitter.export.labels.side_file import SideFile
from fitter.export.labels.source import LabelSource, Plan, images_of, undistorted_frames

CROP_PX = 224  # side of FreiHAND's images and of what most backbones take

Told = Callable[[str, int, int], None]


@dataclass(frozen=True)
class LabelRequest:
    """What is to be written: `images` None is the format's own choice; `mean_pose` as in `Batch`."""

    format: LabelFormat
    images: Images | None = None
    crop_px: int = CROP_PX
    gates: Gates = field(default_factory=Gates)
    mean_pose: Float[np.ndarray, "45"] | None = None

    @property
    def chosen_images(self) -> Images:
        return self.images or self.format.images[0]


def check_request(request: LabelRequest, sources: Sequence[LabelSource]) -> None:
    """Raise InputError, one sentence, for what the format cannot hold."""
    kind, chosen = request.format, request.chosen_images
    if chosen not in kind.images:
        raise InputError(f"--images {chosen}: {kind.data_set} has no such images, expected {' or '.join(kind.images)}")
    if kind.crop_px is not None and request.crop_px != kind.crop_px:
        raise InputError(f"--size {request.crop_px}: the images of {kind.data_set} have {kind.crop_px} pixels")
    if not sources:
        raise InputError("no result given, expected one or more folders that fits have written")
    for source in sources:
        own, first = source.result.hand_model, sources[0].result.hand_model
        if kind.mano == "needed" and own != "mano":
            raise InputError(
                f"{source.origin.folder}: is a fit of {own}, and {kind.data_set} cannot do without MANO's parameters; "
                "fit with --hand-model PATH_TO_MANO, or choose another format"
            )
        if own != first:
            raise InputError(
                f"{source.origin.folder}: is a fit of {own}, and {sources[0].origin.folder} of {first}; expected "
                "results of one hand model in an export"
            )
        if own == "mano" and kind.zero == "mean" and request.mean_pose is None:
            raise InputError(
                f"{source.origin.folder}: {kind.data_set} counts poses from MANO's mean pose, which only MANO's file "
                "has; name it with --mano"
            )


def export_labels(
    sources: Sequence[LabelSource],
    request: LabelRequest,
    output: Path,
    told: Told = lambda source, done, total: None,
    overwrite: bool = False,
) -> Manifest:
    """Write the labels of `sources` into the folder `output`, which appears when it is complete.

    `told` hears of every frame done, by source. Raises InputError, one sentence, where the format cannot hold them, the
    folder is not free, a clip is not the result's, or no frame at all passes the gates.
    """
    check_request(request, sources)
    plans = [_plan(place, source, request) for place, source in enumerate(sources)]
    manifest = manifest_of(plans, request.gates)
    if not manifest.n_kept:
        raise InputError(f"{_named(sources)}: no frame passes the gates ({manifest.summary_of_drops()})")
    with atomic_folder(output, MANIFEST, overwrite) as folder, ExitStack() as files:
        names = tuple(source.name for source in sources)
        batch = Batch(names, sources[0].result.hand_model, request.mean_pose)
        writer = request.format.start(folder, batch, files)
        labels = _write(plans, writer, folder, told)
        write_manifest(manifest.with_labels(labels), folder)
    return manifest.with_labels(labels)


def _plan(place: int, source: LabelSource, request: LabelRequest) -> Plan:
    verdict = judge(source.result, source.diagnostics, request.gates)
    return Plan(place, source, verdict, request.format, request.chosen_images, request.crop_px)


def _named(sources: Sequence[LabelSource]) -> str:
    return sources[0].origin.folder if len(sources) == 1 else f"{len(sources)} results"


def _write(plans: Sequence[Plan], writer: LabelWriter, folder: Path, told: Told) -> list[Label]:
    kind, result = plans[0].format, plans[0].source.result
    n_hands = sum(int(plan.kept.sum()) for plan in plans)
    side_file = SideFile(folder, n_hands, kind.surface and result.hand_model != "mano")
    labels: list[Label] = []
    number = 0
    for plan in plans:
        for image, path in _written(plan, writer, number, told):
            if not kind.own_quality:
                side_file.add(image, path)
            labels += [label_of(hand, image, path) for hand in image.hands]
        number += plan.n_images
    writer.finish()
    if not kind.own_quality:
        side_file.finish()
    return labels


def _written(plan: Plan, writer: LabelWriter, first_number: int, told: Told) -> Iterator[tuple[LabelledImage, str]]:
    """Each image of a source with its path, once it is written."""
    frames = undistorted_frames(plan.source, plan.kept.any(axis=0))
    now, pixels = -1, None
    for image in images_of(plan, first_number):
        if plan.images != "none" and image.frame != now:
            now, pixels = next(frames, (-1, None))
            if pixels is None:
                raise InputError(f"{plan.source.origin.folder}: its clip ends before frame {image.frame}")
        yield image, writer.add(image, None if pixels is None else image.view.picture(pixels))
        told(plan.source.name, image.frame + 1, plan.source.n_frames)
