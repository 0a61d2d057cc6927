"""Learn how hands are held: mean and covariance of all finger joints' angles, from made-up and from fitted poses.

    python -m priors.pose_prior [RESULT...]             # writes priors/weights/pose_prior.safetensors
    prior = load_pose_prior()                           # an engine's `PosePrior`, for Evidence.pose_prior

A RESULT is a result.npz or its folder; every hand in it counts as much as every other, however long its clip. A clip
that is used for scoring must not be among them.

What is in the repository is learnt from made-up poses alone: a few fitted clips hold few poses, and a fit's own errors;
given any share they made the fits of other clips worse. What the prior brings: python -m benchmarks pose_prior
"""

import argparse
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from fitter import rotation
from fitter.errors import InputError
from fitter.export.atomic import atomic_path, prepare_folder
from fitter.export.result import FitResult
from fitter.hand import HandModel
from fitter.hand.anny import load_anny
from fitter.hand.mirror import mirror_axis_angle
from fitter.hand.pose_prior import N_ANGLES, PosePrior
from fitter.untrusted import quoted
from priors.synthetic.poses import random_rotations

log = logging.getLogger(__name__)

WEIGHTS = Path(__file__).parent / "weights" / "pose_prior.safetensors"
SHAPES = {"mean_rad": (15, 3), "covariance_rad2": (N_ANGLES, N_ANGLES)}
CONTENT = "the mean and covariance of joint angles that `python -m priors.pose_prior` writes"

MADE_UP_POSES, SEED = 20000, 5
# Where fitted poses are given, what the made-up ones count for beside all of them together.
MADE_UP_SHARE = 0.85
# Added to every angle: models' axes are not people's, and no pose is known better. It is the deviation of the joints'
# hinges in the table of natural ranges.
FLOOR_DEG = 3.0


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of joint angles, radians."""

    mean_rad: Float[Tensor, "15 3"]
    covariance_rad2: Float[Tensor, "45 45"]


def load_pose_prior(path: Path = WEIGHTS) -> PosePrior:
    """The learnt prior; raises InputError, one sentence, for a file that is damaged or holds something else."""
    tensors = _read(path)
    for name, shape in SHAPES.items():
        if name not in tensors:
            raise InputError(f"{path} holds no {name}: expected {CONTENT}")
        if tuple(tensors[name].shape) != shape:
            raise InputError(f"{path}: {name} has shape {tuple(tensors[name].shape)}, expected {shape}")
        if not tensors[name].is_floating_point() or not bool(tensors[name].isfinite().all()):
            raise InputError(f"{path}: {name} holds what is no finite number, expected radians")
    covariance = tensors["covariance_rad2"].double()
    definite = bool((torch.linalg.eigvalsh(covariance) > 0).all())
    if not torch.allclose(covariance, covariance.mT) or not definite:
        raise InputError(f"{path}: covariance_rad2 is no covariance, expected a symmetric positive definite matrix")
    return PosePrior.of_moments(tensors["mean_rad"].double(), covariance)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys() if name in SHAPES}  # noqa: SIM118
    except (SafetensorError, ValueError) as error:
        raise InputError(f"{path} is damaged or no safetensors file ({quoted(error)}): expected {CONTENT}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or quoted(error)}): expected {CONTENT}") from None


def save_pose_prior(moments: Moments, path: Path, metadata: Mapping[str, str]) -> None:
    """Write what `load_pose_prior` reads, whole or not at all."""
    tensors = {name: getattr(moments, name).double().contiguous() for name in SHAPES}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, dict(metadata))


def made_up_angles(model: HandModel, count: int, seed: int) -> Float[Tensor, "count 15 3"]:
    """Joint angles of random poses, radians."""
    rotations = random_rotations(torch.Generator().manual_seed(seed), model.joints, count)
    return angles_of(model, rotation.log(rotations))


def fitted_angles(model: HandModel, result: FitResult) -> list[Float[Tensor, "poses 15 3"]]:
    """Joint angles of each hand of a result in the frames where it is present, as a right hand's, radians."""
    hands = []
    for side, pose, present in zip(result.side, result.pose, result.present, strict=True):
        vectors = torch.from_numpy(pose[present].astype(np.float64)).unflatten(-1, (16, 3))[:, 1:]
        hands.append(angles_of(model, vectors if side == "right" else mirror_axis_angle(vectors)))
    return hands


def angles_of(model: HandModel, vectors: Float[Tensor, "count 15 3"]) -> Float[Tensor, "count 15 3"]:
    """Rotation vectors of the finger joints in their anatomical axes, as `Scene.joint_angles`."""
    return torch.einsum("jca,njc->nja", model.joint_axes.to(vectors), vectors)


def moments_of(
    sets: Sequence[Float[Tensor, "_ 15 3"]], shares: Sequence[float], floor_deg: float = FLOOR_DEG
) -> Moments:
    """Mean and covariance of a mixture of sets of poses, of which set i makes up shares[i]; the shares sum to 1.

    Of 20000 made-up poses the sample's own uncertainty is nothing beside what they leave out (the intensity of Ledoit
    and Wolf 2004 is 0.0003): `floor_deg` squared is added to every variance instead.
    """
    weights = torch.cat(
        [torch.full((len(poses),), share / len(poses)) for poses, share in zip(sets, shares, strict=True)]
    ).double()
    flat = torch.cat(list(sets)).double().flatten(1)
    mean = weights @ flat
    off = flat - mean
    floor = np.radians(floor_deg) ** 2 * torch.eye(N_ANGLES, dtype=torch.float64)
    return Moments(mean.reshape(15, 3), (weights[:, None] * off).mT @ off + floor)


def learn(model: HandModel, results: Sequence[Path], count: int, seed: int) -> tuple[Moments, dict[str, str]]:
    """The moments, and how many poses made them; raises InputError for a result that cannot be read."""
    made_up = made_up_angles(model, count, seed)
    fitted = [hand for path in results for hand in fitted_angles(model, FitResult.load(path)) if len(hand)]
    share = MADE_UP_SHARE if fitted else 1.0
    moments = moments_of([made_up, *fitted], [share, *[(1.0 - share) / max(len(fitted), 1)] * len(fitted)])
    counts = {"made_up_poses": str(len(made_up)), "fitted_poses": str(sum(map(len, fitted))), "hand_model": model.name}
    return moments, counts


def main() -> None:
    """Learn from the results named, and store the moments with the command that made them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="*", type=Path, metavar="RESULT", help="never of clips used for scoring")
    parser.add_argument("--output", type=Path, default=WEIGHTS, help="(default: priors/weights/pose_prior.safetensors)")
    parser.add_argument("--poses", type=int, default=MADE_UP_POSES, help="made-up poses (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="of the made-up poses (default: %(default)s)")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    prepare_folder(options.output.parent)
    try:
        moments, counts = learn(load_anny(), options.results, options.poses, options.seed)
    except InputError as error:
        parser.error(str(error))
    save_pose_prior(
        moments, options.output, {"command": f"python -m priors.pose_prior {' '.join(sys.argv[1:])}", **counts}
    )
    log.info("%s: %s", options.output, counts)


if __name__ == "__main__":
    main()
