"""What the pixels brought to one hand's fit, in figures: before is after the keypoint stages, after is the result.

report = compare(before, after, evidence, views)
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8

from fitter.appearance.picture import rendered
from fitter.observe.evidence import Evidence
from fitter.render.picture_metrics import psnr_db, ssim, window_box
from fitter.render.shading import linear_to_srgb
from fitter.render.workers import over_frames
from fitter.scene import Scene
from fitter.synthesis.views import Views

# PSNR and SSIM are means over at most so many frames, evenly spread: frames of a synthetic clip of 100 deviate by 1.6
# dB and 0.03, so the means of 60 are good to 0.2 dB and 0.004, and a long clip does not pay for more.
MOST_COMPARED = 60


@dataclass(frozen=True)
class PhotometricReport:
    """Means over the frames compared; NaN where a figure has no meaning.

    psnr_db, ssim, *_before   rendering against picture where both states cover it, sRGB values
                              (`fitter.render.picture_metrics`)
    iou, iou_before           mesh against mask, intersection over union; None where there are no masks
    masks_used, masks_dropped frames whose mask was believed, and whose mask disagrees with the keypoints
    frame_used                whether each frame was compared; PSNR and SSIM are means over at most 60, spread evenly
    frame_iou                 iou of each frame; NaN where no mask acts
    """

    psnr_db: float
    ssim: float
    psnr_before_db: float
    ssim_before: float
    iou: float | None
    iou_before: float | None
    masks_used: int
    masks_dropped: int
    frame_used: Bool[np.ndarray, "frames"]
    frame_iou: Float[np.ndarray, "frames"]

    @property
    def frames_used(self) -> int:
        return int(self.frame_used.sum())

    def at(self, rows: slice) -> "PhotometricReport":
        """Counted in some of the frames only; the means stay."""
        used, overlaps = self.frame_used[rows].copy(), self.frame_iou[rows].copy()
        masks = int(np.isfinite(overlaps).sum())
        dropped = int(used.sum()) - masks if self.masks_used + self.masks_dropped else 0
        return replace(self, masks_used=masks, masks_dropped=dropped, frame_used=used, frame_iou=overlaps)


def compare(before: Scene, after: Scene, evidence: Evidence, views: Views) -> PhotometricReport:
    """PSNR, SSIM and overlap with the masks, of two scenes in the finest windows; the first two in some frames only."""
    assert evidence.pictures is not None
    used = (views.trust > 0).numpy()
    film = evidence.pictures.rgb.cpu().numpy()
    asked = np.flatnonzero(some_of(used, MOST_COMPARED))
    light, covered = zip(*(rendered(scene, asked) for scene in (before, after)), strict=True)
    both = covered[0] & covered[1]  # a mesh that covers more, up to the very outline, is not to look worse for it
    figures = [agreement(shown, film[asked], both) for shown in light]
    overlaps = [overlap(scene, views) for scene in (before, after)]
    means = [float(np.nanmean(each)) if np.isfinite(each).any() else None for each in overlaps]
    return PhotometricReport(
        psnr_db=figures[1][0],
        psnr_before_db=figures[0][0],
        ssim=figures[1][1],
        ssim_before=figures[0][1],
        iou=means[1],
        iou_before=means[0],
        masks_used=int(views.masked.sum()),
        masks_dropped=sum(views.dropped.values()),
        frame_used=used,
        frame_iou=overlaps[1],
    )


def agreement(
    light: Float[np.ndarray, "frames size size 3"],
    film: UInt8[np.ndarray, "frames size size 3"],
    covered: Bool[np.ndarray, "frames size size"],
) -> tuple[float, float]:
    """Mean PSNR (dB) and SSIM of a rendering (linear RGB) over the frames, inside the covered pixels."""
    frames = np.flatnonzero(covered.any(axis=(1, 2)))
    if len(frames) == 0:
        return float("nan"), float("nan")
    figures = np.empty((len(frames), 2))

    def measure(chunk: slice) -> None:
        for index in range(chunk.start, chunk.stop):
            seen = covered[frames[index]]
            box = window_box(seen)
            shown = linear_to_srgb(torch.from_numpy(light[frames[index]][box])).clamp(0.0, 1.0).numpy()
            filmed, seen = film[frames[index]][box] / 255.0, seen[box]
            figures[index] = psnr_db(filmed, shown, seen), ssim(filmed, shown, seen)

    over_frames(measure, len(frames))
    psnr, similarity = figures.mean(axis=0).tolist()
    return psnr, similarity


def some_of(used: Bool[np.ndarray, "frames"], most: int) -> Bool[np.ndarray, "frames"]:
    """At most so many of the used frames, evenly spread over them."""
    frames = np.flatnonzero(used)
    if len(frames) <= most:
        return used
    kept = np.zeros_like(used)
    kept[frames[np.linspace(0, len(frames) - 1, most).round().astype(int)]] = True
    return kept


def overlap(scene: Scene, views: Views) -> Float[np.ndarray, "frames"]:
    """Intersection over union of mesh and mask, the forearm's side left out; NaN where no mask acts."""
    overlaps = views.overlaps(scene)
    nothing = np.full(len(views.masked), np.nan)
    return nothing if overlaps is None else np.where(views.masked.numpy(), overlaps, nothing)


def over_windows(reports: Sequence[PhotometricReport | None], frames: Sequence[int]) -> PhotometricReport | None:
    """The report of a clip from those of its windows of so many frames; None where no window has any."""
    seen = [report for report in reports if report is not None]
    if len(reports) == 1 or not seen:
        return reports[0]

    def mean(values: Sequence[float | None], counts: Sequence[int]) -> float | None:
        known = [(value, count) for value, count in zip(values, counts, strict=True) if value is not None and count]
        finite = [(value, count) for value, count in known if np.isfinite(value)]
        total = sum(count for _, count in finite)
        return sum(value * count for value, count in finite) / total if total else None

    used, masked = [report.frames_used for report in seen], [report.masks_used for report in seen]

    def figure(values: Sequence[float]) -> float:
        average = mean(values, used)
        return float("nan") if average is None else average

    overlaps = [
        np.full(count, np.nan) if report is None else report.frame_iou
        for report, count in zip(reports, frames, strict=True)
    ]
    return PhotometricReport(
        psnr_db=figure([report.psnr_db for report in seen]),
        ssim=figure([report.ssim for report in seen]),
        psnr_before_db=figure([report.psnr_before_db for report in seen]),
        ssim_before=figure([report.ssim_before for report in seen]),
        iou=mean([report.iou for report in seen], masked),
        iou_before=mean([report.iou_before for report in seen], masked),
        masks_used=sum(masked),
        masks_dropped=sum(report.masks_dropped for report in seen),
        frame_used=np.concatenate(
            [
                np.zeros(count, dtype=bool) if report is None else report.frame_used
                for report, count in zip(reports, frames, strict=True)
            ]
        ),
        frame_iou=np.concatenate(overlaps),
    )
