"""Name, dependencies and extras. Exact versions are in constraints.txt; tools are configured in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

DETECT = [
    "mediapipe==0.10.21",  # its wheel carries the hand models; later ones need a .task file that the user names
]
VIEW = [
    "open3d>=0.19",
]
EVALUATE = [
    "matplotlib",  # PCK plots; the benchmarks' plots
]
BATCH = [
    "ray>=2.40",  # many clips, on many machines
    "fsspec>=2024.2",  # results on object storage: with its driver, such as s3fs
    "grpcio",  # ray:// addresses
]
GPU = [
    # The rasterizer on CUDA is nvdiffrast, which no registry has: it is built against the torch that is installed, with
    # a CUDA toolkit of torch's version, after this extra (licence: non-commercial, see its LICENSE.txt):
    #   pip install git+https://github.com/NVlabs/nvdiffrast.git --no-build-isolation
    # Without it the CPU decides what is visible, and says so.
    "ninja",
    "setuptools",
]
TRAIN = [
    "lightning-fabric>=2.4",
    "tensorboard>=2.17",
]
DOCS = [
    "mkdocs-material>=9.5",
    "mkdocstrings-python>=1.16",
]
DEVELOP = [
    "basedpyright",
    "beartype",
    "pre-commit",
    "pycocotools",  # reads COCO as its users do, in the tests of labels
    "pytest",
    "pytest-xdist",
    "ruff",
    "scipy-stubs",
    "types-PyYAML",
]

setup(
    name="handfit",
    version=re.findall(r'__version__ = "(.+)"', (HERE / "fitter" / "__init__.py").read_text())[0],
    description="Fit one steady 3D hand, with one shape, to a whole video clip",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.13",
    packages=find_packages(include=["fitter", "fitter.*", "priors", "priors.*"]),
    package_data={
        "fitter": [
            "observe/landmark_offsets.json",
            "solve/calibration.json",
            *(f"visualize/report/*.{kind}" for kind in ("html", "css", "js")),
        ],
        "priors": ["synthetic/detector_errors.npz", "weights/*.safetensors"],
    },
    py_modules=["fit_sequence"],
    entry_points={"console_scripts": ["handfit = fit_sequence:main"]},
    install_requires=[
        "annotated-types",
        "anny>=0.6",  # the free hand model
        "av>=12",  # H.264 that browsers play
        "jaxtyping>=0.2.30",
        "numba>=0.59",  # CPU kernels
        "numpy>=1.26",
        "opencv-python>=4.8",
        "pillow>=10.1",  # textures, and the viewer's letters
        "pydantic>=2.6",
        "pyyaml>=6",
        "rich>=13",
        "roma>=1.5",  # rotations
        "safetensors>=0.4",  # what is learnt
        "scikit-image>=0.22",  # SSIM
        "scipy>=1.11",
        "smplx>=0.1.28",  # MANO, where the user has its files
        "threadpoolctl>=3",
        "torch>=2.2",
        "trimesh>=4",
        "tyro>=0.9",
        "xatlas>=0.0.9",  # texture coordinates for MANO
    ],
    extras_require={
        "detect": DETECT,
        "view": VIEW,
        "evaluate": EVALUATE,
        "batch": BATCH,
        "gpu": GPU,
        "train": TRAIN,
        "docs": DOCS,
        "dev": DETECT + VIEW + EVALUATE + BATCH + TRAIN + DOCS + DEVELOP,
    },
)
