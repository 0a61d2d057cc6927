"""MediaPipe Hands as a keypoint source: 21 image landmarks with relative depth, and 21 world landmarks, per hand.

Two generations of its API: 0.10.21 and older carry their models (`mediapipe.solutions`); newer releases need the
HandLandmarker bundle (`.task`) in a file that the user names.

    detections = MediaPipe().detect(open_clip(Path("hand.mp4")))
"""

import contextlib
import hashlib
import importlib.metadata
import itertools
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from fitter.clip import Clip, Frame
from fitter.errors import InputError
from fitter.observe.augment import LOOKS, MOST_LOOKS, combined, crop_around, seen_in_frame
from fitter.observe.detections import gathered
from fitter.observe.native_log import native_log_muted
from fitter.observe.observations import Detection, Side
from fitter.observe.pieces import DUPLICATE, separation
from fitter.observe.source import OnFrame

# The classic API names the side as in a mirrored (selfie) picture, and ours are not mirrored. HandLandmarker names the
# side that is seen (so in 0.10.21 and 1.2.2): the opposite word for the same hand and the same model.
CLASSIC_SIDES: dict[str, Side] = {"Left": "right", "Right": "left"}
BUNDLE_SIDES: dict[str, Side] = {"Left": "left", "Right": "right"}

# MediaPipe guesses landmarks beyond the image's edge from the rest of the hand; they count this much of the others.
OUTSIDE_TRUST = 0.3

TASK_FILE_HINT = (
    "name its HandLandmarker bundle by --observe.mediapipe.model-file hand_landmarker.task "
    "(from MediaPipe's model page), install mediapipe==0.10.21, or give --keypoints"
)

# MediaPipe wants rising time stamps but smooths nothing by them; its own classic API counts 30 frames per second too.
FRAME_STEP_MS = 33

# One frame in, its hands out; it may track them from the frame before.
Landmarker = Callable[[Frame], list[Detection]]


@dataclass(frozen=True)
class MediaPipe:
    """MediaPipe Hands; the fields are its settings.

    It gives no confidence per joint: the hand's handedness score is used, times OUTSIDE_TRUST beyond the image's edge.
    """

    model_file: Path | None = None  # HandLandmarker bundle (.task); None: the models inside mediapipe <= 0.10.21
    max_hands: int = 2
    min_detection_confidence: float = 0.3
    min_tracking_confidence: float = 0.5
    model_complexity: int = 1  # 0 lite, 1 full; a bundle has its own
    static_images: bool = False  # search every frame anew instead of tracking from the last one
    augmentations: int = 1  # looks averaged per hand, 1 to MOST_LOOKS: the frame, then flipped, turned, scaled crops

    def __post_init__(self) -> None:
        if not 1 <= self.augmentations <= MOST_LOOKS:
            raise InputError(f"mediapipe.augmentations is {self.augmentations}: expected 1 to {MOST_LOOKS}")

    @property
    def name(self) -> str:
        return "mediapipe"

    @property
    def fingerprint(self) -> str:
        bundle = "" if self.model_file is None else hashlib.sha256(_bundle(self.model_file)).hexdigest()
        try:
            release = importlib.metadata.version("mediapipe")
        except importlib.metadata.PackageNotFoundError:
            release = "missing"
        return f"{self} {release} {bundle}"

    def detect(self, clip: Clip, on_frame: OnFrame | None = None) -> Sequence[list[Detection]]:
        """The hands of every frame. Raises InputError where mediapipe or its model is missing."""
        return gathered(self._hands(clip, on_frame))

    def _hands(self, clip: Clip, on_frame: OnFrame | None) -> Iterator[list[Detection]]:
        """Frame by frame."""
        with open_landmarker(self) as landmarks_of, _open_looks(self) as look_again:
            for number, frame in enumerate(clip.frames()):
                yield [look_again(hand, frame) for hand in landmarks_of(frame)]
                if on_frame is not None:
                    on_frame(number + 1, clip.n_frames)


@contextlib.contextmanager
def open_landmarker(settings: MediaPipe) -> Iterator[Landmarker]:
    """A landmarker with its own tracking state, released at the end of the block."""
    try:
        with native_log_muted():
            import mediapipe
    except ImportError as error:
        raise InputError(
            f"the hand detector is not installed ({error}): install it by pip install 'handfit[detect]', "
            "or give detections made elsewhere with --keypoints"
        ) from None
    if settings.model_file is not None:
        landmarker = _bundled(settings.model_file, settings)
    elif hasattr(mediapipe, "solutions"):
        landmarker = _classic(settings)
    else:
        raise InputError(f"mediapipe {mediapipe.__version__} carries no models: {TASK_FILE_HINT}")
    with contextlib.ExitStack() as stack:
        stack.enter_context(_protobuf_warnings_hidden())
        with native_log_muted():  # the graph starts on threads of its own: an empty frame waits for all of them
            landmarks_of = stack.enter_context(landmarker)
            landmarks_of(np.zeros((256, 256, 3), dtype=np.uint8))
        yield _quiet_until_found(landmarks_of)


@contextlib.contextmanager
def _open_looks(settings: MediaPipe) -> Iterator[Callable[[Detection, Frame], Detection]]:
    """What improves a hand found in a frame by further looks at it; one tracker sees all plain crops, one all mirrored.

    A look that finds something else than the hand is left out.
    """
    looks = LOOKS[: settings.augmentations - 1]
    one_hand = replace(settings, max_hands=1, static_images=False)
    with contextlib.ExitStack() as stack:
        trackers = {flip: stack.enter_context(open_landmarker(one_hand)) for flip in {look.flip for look in looks}}

        def look_again(hand: Detection, frame: Frame) -> Detection:
            seen = []
            for look in looks:
                crop, matrix_crop_frame = crop_around(hand, frame, look)
                seen += [seen_in_frame(found, matrix_crop_frame) for found in trackers[look.flip](crop)]
            return combined(hand, [look for look in seen if separation(hand, look) < DUPLICATE])

        yield look_again


@contextlib.contextmanager
def _classic(settings: MediaPipe) -> Iterator[Landmarker]:
    from mediapipe.python.solutions.hands import Hands

    hands = Hands(
        static_image_mode=settings.static_images,
        max_num_hands=settings.max_hands,
        model_complexity=settings.model_complexity,
        min_detection_confidence=settings.min_detection_confidence,
        min_tracking_confidence=settings.min_tracking_confidence,
    )

    def landmarks_of(frame: Frame) -> list[Detection]:
        result: Any = hands.process(frame)  # a named tuple made at run time
        found = zip(
            result.multi_hand_landmarks or (),
            result.multi_hand_world_landmarks or (),
            result.multi_handedness or (),
            strict=True,
        )
        return [
            detection(image.landmark, world.landmark, CLASSIC_SIDES[best.label], best.score, frame)
            for image, world, best in ((image, world, side.classification[0]) for image, world, side in found)
        ]

    with contextlib.closing(hands):
        yield landmarks_of


@contextlib.contextmanager
def _bundled(model_file: Path, settings: MediaPipe) -> Iterator[Landmarker]:
    import mediapipe
    from mediapipe.tasks import python as tasks
    from mediapipe.tasks.python import vision

    mode = vision.RunningMode.IMAGE if settings.static_images else vision.RunningMode.VIDEO
    options = vision.HandLandmarkerOptions(
        base_options=tasks.BaseOptions(model_asset_buffer=_bundle(model_file)),
        running_mode=mode,
        num_hands=settings.max_hands,
        min_hand_detection_confidence=settings.min_detection_confidence,
        min_tracking_confidence=settings.min_tracking_confidence,
    )
    try:
        hands = vision.HandLandmarker.create_from_options(options)
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{model_file} is no HandLandmarker bundle that this mediapipe reads: {reason}") from None

    clock_ms = itertools.count(step=FRAME_STEP_MS)

    def landmarks_of(frame: Frame) -> list[Detection]:
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=frame)
        result = hands.detect(image) if settings.static_images else hands.detect_for_video(image, next(clock_ms))
        found = zip(result.hand_landmarks, result.hand_world_landmarks, result.handedness, strict=True)
        return [
            detection(points, world, BUNDLE_SIDES[str(best.category_name)], float(best.score or 0.0), frame)
            for points, world, best in ((points, world, sides[0]) for points, world, sides in found)
        ]

    with contextlib.closing(hands):
        yield landmarks_of


@runtime_checkable
class _Landmark(Protocol):
    @property
    def x(self) -> Any: ...
    @property
    def y(self) -> Any: ...
    @property
    def z(self) -> Any: ...


def detection(
    image: Sequence[_Landmark], world: Sequence[_Landmark], side: Side, score: float, frame: Frame
) -> Detection:
    """MediaPipe's numbers in our units: x and y are shares of the width and height, z is in the scale of x."""
    height, width = frame.shape[:2]
    points = np.array([(mark.x * width, mark.y * height, mark.z * width) for mark in image], dtype=np.float64)
    landmarks_m = np.array([(mark.x, mark.y, mark.z) for mark in world], dtype=np.float64)
    inside = ((points[:, :2] >= 0) & (points[:, :2] <= [width, height])).all(axis=1)
    trust = np.clip(score, 0.0, 1.0)
    return Detection(
        keypoints_px=points[:, :2],
        confidence=np.where(inside, trust, trust * OUTSIDE_TRUST),
        side=side,
        side_score=float(trust),
        depth_px=points[:, 2] - points[0, 2],
        landmarks_m=landmarks_m - landmarks_m[0],
    )


def _bundle(model_file: Path) -> bytes:
    try:
        return model_file.read_bytes()
    except OSError as error:
        raise InputError(f"the hand model {model_file} cannot be read ({error.strerror}): {TASK_FILE_HINT}") from None


def _quiet_until_found(landmarks_of: Landmarker) -> Landmarker:
    """Mute the native log until the first hand: MediaPipe's calculators chat when each runs for the first time."""
    started = False

    def quietly(frame: Frame) -> list[Detection]:
        nonlocal started
        if started:
            return landmarks_of(frame)
        with native_log_muted():
            found = landmarks_of(frame)
        started = bool(found)
        return found

    return quietly


@contextlib.contextmanager
def _protobuf_warnings_hidden() -> Iterator[None]:
    """MediaPipe calls a deprecated protobuf function in every frame; its users can do nothing about it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="SymbolDatabase.GetPrototype", category=UserWarning)
        yield
