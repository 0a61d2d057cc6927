"""What the pixels brought to one hand's fit, in figures: before is after the keypoint stages, after is the result."""

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
