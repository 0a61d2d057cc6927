"""What the pixels brought to one hand's fit, in figures: before is after the keypoint stages, after is the result."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class PhotometricReport:
    """Means over the frames compared; NaN where a figure has no meaning.

    psnr_db, ssim, *_before   rendering against picture where both states cover it, sRGB values
                              (`fitter.render.picture_metrics`)
    iou, iou_before           mesh against mask, intersection over union; None where there are no masks
    masks_used, masks_dropped frames whose mask was believed, and whose mask disagrees with the keypoints
    frames_used               frames that were compared; PSNR and SSIM are means over at most 60 of them, spread evenly
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
    frames_used: int
    frame_iou: Float[np.ndarray, "frames"]


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
        frames_used=sum(used),
        frame_iou=np.concatenate(overlaps),
    )
