"""The options of the command line, one field each, and the help that tyro writes from them.

command = Command(input="clip.mp4", hand="left")
command.output_folder                               # results/clip
"""

from dataclasses import dataclass, field
from inspect import cleandoc
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Le
from tyro import cli, conf

from fitter.config import Config

# From a premature child's hand to half as much again as a large man's.
HandLength = Annotated[float, Ge(50.0), Le(320.0)]

DEFAULT_CONFIG = Path(__file__).parents[2] / "configs" / "default.yaml"


@dataclass(frozen=True)
class Command:
    """Fit one steady 3D hand, with one shape, to a whole video clip.

    Exit status: 0 a result was written; 2 the input or the configuration is unusable; 3 no hand was found; 130 stopped
    with Ctrl-C; 1 anything else.
    """

    input: conf.Positional[Annotated[str, conf.arg(metavar="INPUT")]]
    """A video file, a folder of images, or `demo`: a synthetic clip made on the spot, with its truth."""

    output: Annotated[Path | None, conf.arg(metavar="DIR", help_behavior_hint="(default: results/NAME-OF-INPUT)")] = (
        None
    )
    """Folder of the result."""

    config: Annotated[Path, conf.arg(metavar="FILE", help_behavior_hint="(default: configs/default.yaml)")] = (
        DEFAULT_CONFIG
    )
    """Configuration in YAML. Every key of it is also an option, see below; `null` switches a term off."""

    keypoints: Annotated[
        Path | None, conf.arg(metavar="FILE_OR_FOLDER", help_behavior_hint="(default: MediaPipe looks for hands)")
    ] = None
    """Detections made elsewhere: .npz, folder of OpenPose JSON, COCO-WholeBody JSON."""

    masks: Annotated[Path | None, conf.arg(metavar="FOLDER", help_behavior_hint="(default: none)")] = None
    """One PNG per frame, of its size, 0 background, 255 hand; without them masks are made from the hand's colours."""

    depth: Annotated[Path | None, conf.arg(metavar="FOLDER", help_behavior_hint="(default: none)")] = None
    """Depth images of an RGB-D camera: one 16-bit PNG per frame, of its size and aligned to it, millimetres, 0 unknown.
    Give --intrinsics with them."""

    joints: Annotated[Path | None, conf.arg(metavar="FILE", help_behavior_hint="(default: none)")] = None
    """Known 3D joints in .npz: joints_m (T, 21, 3), OpenPose order, metres, camera axes; NaN where unknown."""

    vertices: Annotated[Path | None, conf.arg(metavar="FILE", help_behavior_hint="(default: none)")] = None
    """Known vertices of the hand model in .npz: vertices_m (T, V, 3), metres, camera axes; NaN where unknown."""

    initial: Annotated[
        str | None, conf.arg(metavar="FILE_OR_FOLDER|neutral", help_behavior_hint="(default: detections alone)")
    ] = None
    """Where else to start: an earlier result of this clip, hands by HaMeR or WiLoR (.npz, .json), HaWoR's folder, or
    neutral poses; the best start is refined."""

    intrinsics: Annotated[
        str | None,
        conf.arg(metavar="FX,FY,CX,CY[,K1,K2,P1,P2[,K3]]", help_behavior_hint="(default: focal length estimated)"),
    ] = None
    """Camera, in pixels of the input frames, with OpenCV's distortion."""

    cameras: Annotated[
        Path | None,
        conf.arg(metavar="FILE_OR_FOLDER", help_behavior_hint="(default: the camera rests and does not zoom)"),
    ] = None
    """A camera that moves or zooms, in .npz or .json: K (T, 3, 3) in pixels, camera_from_world (T, 4, 4) in metres, or
    both; or the folder of COLMAP's text model, its unit a metre."""

    hand: Literal["auto", "left", "right", "both"] = "auto"
    """Which hand to fit."""

    hand_model: Annotated[str, conf.arg(metavar="anny|PATH_TO_MANO")] = "anny"
    """The free hand model, or your own MANO_RIGHT.pkl or .npz."""

    hand_length_mm: Annotated[
        HandLength | None, conf.arg(metavar="MM", help_behavior_hint="(default: unknown, as adults' hands are)")
    ] = None
    """Length of this hand, wrist to middle fingertip; gives the true scale."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto is the CPU, whose compiled kernels do all that keypoints need."""

    resume: Annotated[bool, conf.FlagCreatePairsOff] = False
    """Keep the output folder's result if it is complete and of this very run; detections are used again in any case."""

    quiet: Annotated[bool, conf.FlagCreatePairsOff] = False
    """Print errors only."""

    debug: Annotated[bool, conf.FlagCreatePairsOff] = False
    """Log on stderr, and show the traceback of an error (also with HANDFIT_DEBUG=1)."""

    @property
    def output_folder(self) -> Path:
        """Where the result goes: `--output`, or results/ with the input's name."""
        return self.output or Path("results") / (Path(self.input).resolve().stem or "clip")


@dataclass(frozen=True)
class _CommandAndKeys(Command):
    """`Command` with the configuration's keys beside it."""

    keys: conf.FlagConversionOff[Annotated[Config, conf.arg(name="")]] = field(default_factory=Config)


def print_help() -> None:
    """Print the help for all options and configuration keys on stdout; raises SystemExit(0)."""
    cli(
        _CommandAndKeys,
        prog="fit_sequence.py",
        description=cleandoc(Command.__doc__ or ""),
        args=["--help"],
        config=(conf.AvoidSubcommands,),
    )
