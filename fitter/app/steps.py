"""The steps of a fit as the command line and the Python API take them: load, observe, initialise, optimise, export.

clip, camera, model = load(command)
seen = observe(command, config, clip, folder, progress)
source = ClipSource(clip, camera, model, seen, read_cues(command, clip, model), learned_initializer(config.initialise))
windows = optimise(source, config, command, progress)          # it initialises each window by itself
with written(windows, folder, clip, camera, terms_of(config.energy)) as fitted:
    export(fitted, clip, camera, config, folder, progress)
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from fitter.app.cues import NO_CUES, Cues
from fitter.app.demo import DEMO, look_at, make_demo, save_truth
from fitter.app.options import Command
from fitter.app.progress import Progress
from fitter.camera import Camera, assumed_camera, camera_of_lens, parse_intrinsics
from fitter.clip import Clip, Frame, open_clip
from fitter.clip.lens_metadata import focal_length_35mm
from fitter.clip.video import VideoClip
from fitter.config import Config, Export
from fitter.energy import OF_PAIRS, Energy
from fitter.energy.size import Size
from fitter.errors import InputError
from fitter.export.atomic import prepare_folder
from fitter.export.clip_writer import FittedClip, HandOfClip
from fitter.export.fitted_hand import FittedHand, FittedWindow
from fitter.export.meshes import HandMesh, write_frame_meshes, write_mesh
from fitter.export.result import FRAMES_AT_ONCE, FitResult
from fitter.export.texture import texture_of, write_texture
from fitter.hand import HandModel
from fitter.hand.load import load_hand_model
from fitter.initialise import initial_states
from fitter.initialise.settings import SHIPPED, Initialise
from fitter.mapped import release_pages
from fitter.observe.cache import cached_detections
from fitter.observe.camera_file import read_cameras
from fitter.observe.doubt import doubted
from fitter.observe.evidence import prepare_evidence
from fitter.observe.files import read_keypoints
from fitter.observe.footage import Footage
from fitter.observe.landmarks import landmarks_of
from fitter.observe.observations import Observations
from fitter.observe.tracks import track_hands
from fitter.pipeline import ClipHands, FitInput, HandFit, Keeper, NothingKept, Work, fit_hands, fit_windows, joined
from fitter.visualize.comparison import write_comparison
from fitter.visualize.dressed import DressedHand
from fitter.visualize.overlay import DrawnHand, write_overlay
from fitter.visualize.turntable import TurntableHand, write_turntable
from priors.learned import LearnedInitializer, load_learned
from priors.pose_prior import load_pose_prior
from priors.synthetic.clip import DemoClip

if TYPE_CHECKING:
    from fitter.app.clip_source import ClipSource

log = logging.getLogger(__name__)

# A length measured with a ruler or a tape, to about a millimetre.
MEASURED_SIGMA_MM = 1.0


def load(command: Command, clip: Clip | None = None) -> tuple[Clip, Camera, HandModel]:
    """Open the clip (unless it is given), its camera and the hand model; raises InputError for what cannot be used."""
    choose_device(command)  # a device that is not there is said before the work, not after it
    if clip is None:
        clip = make_demo() if command.input == DEMO else open_clip(Path(command.input))
    for warning in clip.warnings:
        log.warning("%s", warning)
    return clip, camera_of(command, clip), load_hand_model(command.hand_model)


def camera_of(command: Command, clip: Clip) -> Camera:
    """The intrinsics given, by frame or for all frames, the demo's own, or likely ones; and how the camera moves."""
    size = (clip.width, clip.height)
    given = None if command.cameras is None else read_cameras(command.cameras, size, clip.n_frames)
    if given is not None and given.matrices is not None:
        if command.intrinsics:
            raise InputError(f"--intrinsics and --cameras {command.cameras} both give K; expected one of them")
        return given.of(Camera(1.0, 1.0, 0.0, 0.0, *size))
    if command.intrinsics:
        camera = parse_intrinsics(command.intrinsics, size)
    else:
        camera = clip.truth.camera if isinstance(clip, DemoClip) else unmeasured_camera(clip)
    return camera if given is None else given.of(camera)


def unmeasured_camera(clip: Clip) -> Camera:
    """By the lens that the files' metadata tell, else the assumed one."""
    size, focal_35mm = (clip.width, clip.height), focal_length_35mm(clip)
    if focal_35mm is None:
        return assumed_camera(size)
    return camera_of_lens(focal_35mm, size, video=isinstance(clip, VideoClip))


def choose_device(command: Command) -> torch.device:
    """Where the fit computes; `auto` is the CPU, whose compiled kernels do all that keypoints need.

    Raises InputError where CUDA is asked for and there is none.
    """
    if command.device != "cuda":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        built = "finds no GPU" if torch.version.cuda else "is built without CUDA"
        raise InputError(f"--device cuda: torch {torch.__version__} {built}; expected a CUDA GPU, or --device cpu")
    return torch.device("cuda")


def observe(command: Command, config: Config, clip: Clip, folder: Path, progress: Progress) -> list[Observations]:
    """The hands seen in the clip, from the user's detections or the detector's (kept in `folder`)."""
    if command.keypoints is not None:
        source, detections = read_keypoints(command.keypoints, (clip.width, clip.height), clip.n_frames)
    elif isinstance(clip, DemoClip):
        source, detections = look_at(clip, config.observe.mediapipe, progress)
    else:
        detector = config.observe.mediapipe
        found = (
            cached_detections(folder, detector, clip, progress.frame)
            if clip.files
            else detector.detect(clip, progress.frame)
        )
        source, detections = detector.name, found
    hands = track_hands(detections, clip, source, command.hand)
    # Of other sources it is not known how steady they are, nor what their confidence means.
    return [doubted(hand) for hand in hands] if source == config.observe.mediapipe.name else hands


def initialise(
    clip: Clip,
    camera: Camera,
    model: HandModel,
    seen: Sequence[Observations],
    cues: Cues = NO_CUES,
    learned: LearnedInitializer | None = None,
) -> list[FitInput]:
    """Every hand as a right hand (a left one in the mirrored frames), with its cues and the states to start from."""
    inputs = []
    for hand in seen:
        left = hand.side == "left"
        as_right, its_camera = (hand.mirrored(), camera.mirrored()) if left else (hand, camera)
        footage = Footage(clip, its_camera, left, cues.masks)
        evidence = prepare_evidence(as_right, its_camera, model)
        given = FitInput(model, landmarks_of(model, hand.source), its_camera, evidence, (), footage, mirrored=left)
        if learned is not None:
            given = learned.begin(given)
        if not given.starts:
            given = replace(given, starts=tuple(initial_states(model, its_camera, evidence)))
        if given.advice is not None:
            log.warning(
                "%s hand: the keypoints tell no depth; how its fingers are bent is the network's guess", hand.side
            )
        inputs.append(cues.add_to(given, hand.side, alone=len(seen) == 1))
    return inputs


def learned_initializer(settings: Initialise) -> LearnedInitializer | None:
    """The network that the settings name; raises InputError for a file that is none."""
    if settings.network is None:
        return None
    learned = load_learned() if settings.network == SHIPPED else load_learned(Path(settings.network))
    return replace(learned, pictures=settings.pictures)


def optimise(
    source: "ClipSource", config: Config, command: Command, progress: Progress, keeper: Keeper | None = None
) -> Iterator[FittedWindow]:
    """Fit every hand over the whole clip, window by window; a short clip is one. `keeper` keeps finished windows.

    Each window is initialised when its turn comes; of the first one that is told to `progress`.
    """
    energy = with_length(config.energy, command.hand_length_mm)
    if command.hand_length_mm is None:
        log.warning("hand length not known: distances and sizes scale with it; give --hand-length-mm if you know it")
    device, begun = choose_device(command), False

    def fit(inputs: Sequence[FitInput]) -> list[HandFit]:
        nonlocal begun
        if not begun:
            progress.begin("optimise")
            begun = True
        given = [with_pose_prior(hand, energy).to(device) for hand in inputs]
        settings = (config.presence, progress.step, config.synthesis)
        return fit_hands(given, energy, config.schedule, *settings, same_person=command.same_person)

    seen, n_frames = source.seen, source.clip.n_frames
    hands = ClipHands(source.clip.time_s, source.confidence, source.inputs)
    work = Work(fit, config.presence, keeper or NothingKept())
    for window in fit_windows(hands, config.windows, work):
        frames = np.arange(window.first, window.first + window.fits[0].state.n_frames)
        parts = seen if len(frames) == n_frames else [hand.at(frames) for hand in seen]
        if len(frames) < n_frames:
            progress.frame(int(frames[-1]) + 1, n_frames)
        yield FittedWindow(window.first, [FittedHand(*both) for both in zip(parts, window.fits, strict=True)])


def joined_hands(windows: Iterable[FittedWindow], seen: Sequence[Observations]) -> list[FittedHand]:
    """All windows of a clip as one, in memory; `seen` are its hands."""
    fits = zip(*([hand.fit for hand in window.hands] for window in windows), strict=True)
    return [FittedHand(hand, joined(parts)) for hand, parts in zip(seen, fits, strict=True)]


def terms_of(energy: Energy) -> list[str]:
    """Names of the terms of one hand that are on."""
    names = (field.name for field in fields(energy) if field.name not in OF_PAIRS)
    return [name for name in names if getattr(energy, name) is not None]


def with_length(energy: Energy, length_mm: float | None) -> Energy:
    """The energy with the hand's measured length in place of the population's."""
    if length_mm is None:
        return energy
    return replace(energy, size=replace(energy.size or Size(), length_mm=length_mm, sigma_mm=MEASURED_SIGMA_MM))


def with_pose_prior(given: FitInput, energy: Energy) -> FitInput:
    """The input with what was learnt of poses, where the energy asks for it."""
    if energy.learned_pose is None:
        return given
    return replace(given, evidence=replace(given.evidence, pose_prior=load_pose_prior()))


def export(fitted: FittedClip, clip: Clip, camera: Camera, config: Config, folder: Path, progress: Progress) -> None:
    """Write everything beside the arrays that the configuration asks for."""
    result = fitted.result
    for index, hand in enumerate(fitted.hands):
        if config.export.meshes:
            write_hand_meshes(hand, result, index, folder / "meshes", config.export.mesh_per_frame)
        write_looks(hand, config.export, folder)
    fitted_camera = camera.scaled(float(result.K[0, 0]) / camera.fx)  # the fit may have moved the focal length
    if config.export.overlay:
        frames = counted(clip, result, progress)
        write_overlay(folder / "overlay.mp4", frames, drawn_hands(result), fitted_camera, clip.fps)
    dressed = dressed_hands(fitted)
    if config.export.comparison and dressed:
        write_comparison(folder / "comparison.mp4", counted(clip, result, progress), dressed, fitted_camera, clip.fps)
    save_truth(clip, folder)


def write_hand_meshes(hand: HandOfClip, result: FitResult, index: int, folder: Path, every_frame: bool) -> None:
    """The hand at rest as GLB and OBJ with its texture, if it has one, and on request its mesh in every frame."""
    prepare_folder(folder)
    mesh, appearance = rest_mesh(hand), hand.appearance
    texture = None if appearance is None else texture_of(appearance)
    for suffix in (".glb", ".obj"):
        write_mesh(folder / f"{hand.side}{suffix}", mesh, texture)
    if every_frame:
        every = replace(mesh, axes="camera")
        write_frame_meshes(folder / hand.side, every, result.vertices_m[index], texture=texture)


def rest_mesh(hand: HandOfClip) -> HandMesh:
    """The hand at rest, of the side that was seen."""
    model = hand.model
    rest = model.with_shape(hand.betas).vertices.numpy() * ([-1.0, 1.0, 1.0] if hand.side == "left" else 1.0)
    faces, uv_faces = model.faces.numpy().astype(np.int32), model.uv_faces.numpy().astype(np.int32)
    return HandMesh(hand.side, rest, faces, model.uv.numpy(), uv_faces, axes="rest")


def write_looks(hand: HandOfClip, wanted: Export, folder: Path) -> None:
    """The still pictures of what the hand wears; nothing where it was fitted without pixels."""
    appearance, model = hand.appearance, hand.model
    if appearance is None:
        return
    if wanted.textures:
        write_texture(folder, hand.side, appearance)
    if wanted.turntable:
        mesh, uv, uv_faces = rest_mesh(hand), model.uv.numpy(), model.uv_faces.numpy()
        shown = TurntableHand(hand.side, mesh.vertices_m, mesh.faces, uv, uv_faces, appearance)
        write_turntable(folder / f"turntable_{hand.side}.png", shown)


def dressed_hands(fitted: FittedClip) -> list[DressedHand]:
    """The result's hands that wear something, as the comparison shows them: in the input's frames."""
    dressed = []
    for hand, drawn in zip(fitted.hands, drawn_hands(fitted.result), strict=True):
        appearance, model = hand.appearance, hand.model
        if appearance is not None:
            worn = appearance if hand.side == "right" else appearance.mirrored()
            dressed.append(DressedHand(drawn, worn, model.uv.numpy(), model.uv_faces.numpy()))
    return dressed


def drawn_hands(result: FitResult) -> list[DrawnHand]:
    """The result's hands as the overlay draws them."""
    return [
        DrawnHand(
            side=side,
            vertices_m=result.vertices_m[index],
            joints_m=result.joints_m[index],
            faces=result.faces,
            present=result.present[index],
            observed=result.observed[index],
        )
        for index, side in enumerate(result.side)
    ]


def counted(clip: Clip, result: FitResult, progress: Progress) -> Iterator[Frame]:
    """The clip's frames, each told to the progress; rows of the result that were drawn need no memory any more."""
    for index, frame in enumerate(clip.frames()):
        yield frame
        progress.frame(index + 1, clip.n_frames)
        if index % FRAMES_AT_ONCE == 0:
            release_pages(result.vertices_m)
