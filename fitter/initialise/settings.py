"""What can be chosen about the beginning of a fit."""

from dataclasses import dataclass

SHIPPED = "default"


@dataclass(frozen=True)
class Initialise:
    """Who proposes states beside the detections themselves.

    `network`: `default` is the learned initialiser that ships, a path is a checkpoint of one's own, None goes without.
    `pictures`: whether it sees the clip's pixels, too, or keypoints alone.
    """

    network: str | None = SHIPPED
    pictures: bool = False
