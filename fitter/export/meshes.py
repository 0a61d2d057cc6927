"""A hand's surface as GLB or OBJ + MTL, for Blender, game engines and browsers.

    mesh = HandMesh("right", vertices_m, faces, uv, uv_faces)
    write_glb(Path("meshes/right.glb"), mesh)
    write_frame_meshes(Path("meshes/right"), mesh, vertices_m_of_all_frames, suffix=".obj")

Axes: both formats are y-up with the viewer looking along -z (glTF 2.0, 3.4), so what is in camera axes (x right, y
down, z forward) is turned by 180 degrees about x: (x, y, z) -> (x, -y, -z). Meshes in rest axes (fingers along -x, back
of the hand +y) are y-up already and written as they are. Units are metres. A left hand's faces are reversed.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int

from fitter.export.atomic import atomic_path, prepare_folder
from fitter.export.texture import Texture, image_of, write_png
from fitter.observe.observations import Side
from fitter.render.shading import srgb_to_linear, vertex_normals

# sRGB of a medium skin, seen where there is no texture.
PLAIN_COLOUR = (0.80, 0.62, 0.52)
ROUGHNESS = 0.7  # matt: skin under a diffuse lamp
Suffix = Literal[".glb", ".obj"]


@dataclass(frozen=True)
class HandMesh:
    """One hand's surface in metres. `faces` and `uv_faces` are wound as for a right hand, whichever `side` it is.

    UVs have their own index per face corner, v pointing up; None for both where the model has none.
    """

    side: Side
    vertices_m: Float[np.ndarray, "vertices 3"]
    faces: Int[np.ndarray, "faces 3"]
    uv: Float[np.ndarray, "corners 2"] | None = None
    uv_faces: Int[np.ndarray, "faces 3"] | None = None
    axes: Literal["camera", "rest"] = "camera"

    @property
    def y_up(self) -> Float[np.ndarray, "vertices 3"]:
        """The vertices in the axes of the file, metres."""
        turn = [1.0, -1.0, -1.0] if self.axes == "camera" else [1.0, 1.0, 1.0]
        return np.asarray(self.vertices_m, dtype=np.float64) * turn

    def outward(self, faces: Int[np.ndarray, "faces 3"]) -> Int[np.ndarray, "faces 3"]:
        """`faces` or `uv_faces` with normals pointing out of this hand."""
        return faces if self.side == "right" else faces[:, ::-1]


def write_mesh(path: Path, mesh: HandMesh, texture: Texture | None = None) -> None:
    """Write `path` in the format of its suffix, .glb or .obj."""
    write = {".glb": write_glb, ".obj": write_obj}[path.suffix]
    write(path, mesh, texture)


def write_glb(path: Path, mesh: HandMesh, texture: Texture | None = None) -> None:
    """Write one binary glTF file with normals, UVs and, if given, the sRGB `texture` inside it.

    glTF has one index per vertex: along UV seams vertices are doubled, with equal positions and normals.
    """
    from trimesh import Scene, Trimesh
    from trimesh.exchange.gltf import export_glb
    from trimesh.visual import TextureVisuals
    from trimesh.visual.material import PBRMaterial

    vertices, faces = mesh.y_up, mesh.outward(mesh.faces)
    normals = smooth_normals(vertices, faces)
    source, uv = np.arange(len(vertices)), None
    if mesh.uv is not None and mesh.uv_faces is not None:
        source, faces, uv = split_seams(mesh.uv, faces, mesh.outward(mesh.uv_faces))
    material = PBRMaterial(
        name=mesh.side,
        baseColorFactor=plain_colour() if texture is None else None,
        baseColorTexture=None if texture is None else image_of(texture),
        metallicFactor=0.0,
        roughnessFactor=ROUGHNESS,
    )
    surface = Trimesh(
        vertices=vertices[source],
        faces=faces,
        vertex_normals=normals[source],
        visual=TextureVisuals(uv=uv, material=material),
        process=False,
    )
    content = export_glb(Scene({mesh.side: surface}), include_normals=True)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_obj(path: Path, mesh: HandMesh, texture: Texture | None = None) -> None:
    """Write Wavefront OBJ with normals and UVs, its MTL and, if given, the texture as PNG, all of the same stem.

    The OBJ is written last: while it exists, what it refers to exists.
    """
    vertices, faces = mesh.y_up, mesh.outward(mesh.faces)
    normals = smooth_normals(vertices, faces)
    red, green, blue = PLAIN_COLOUR if texture is None else (1.0, 1.0, 1.0)
    material = f"newmtl {mesh.side}\nKd {red:.4f} {green:.4f} {blue:.4f}\nKs 0 0 0\nillum 1\n"
    if texture is not None:
        write_png(path.with_suffix(".png"), texture)
        material += f"map_Kd {path.with_suffix('.png').name}\n"
    with atomic_path(path.with_suffix(".mtl")) as temporary:
        temporary.write_text(material)
    lines = [f"mtllib {path.with_suffix('.mtl').name}", f"o {mesh.side}", f"usemtl {mesh.side}"]
    lines += [f"v {x:.7f} {y:.7f} {z:.7f}" for x, y, z in vertices]
    lines += [f"vn {x:.5f} {y:.5f} {z:.5f}" for x, y, z in normals]
    if mesh.uv is not None and mesh.uv_faces is not None:
        lines += [f"vt {u:.6f} {v:.6f}" for u, v in mesh.uv]
        corners = np.stack([faces, mesh.outward(mesh.uv_faces), faces], axis=2) + 1
        lines += ["f " + " ".join(f"{v}/{t}/{n}" for v, t, n in face) for face in corners.tolist()]
    else:
        lines += ["f " + " ".join(f"{v}//{v}" for v in face) for face in (faces + 1).tolist()]
    with atomic_path(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n")


def write_frame_meshes(
    folder: Path,
    mesh: HandMesh,
    vertices_m: Float[np.ndarray, "frames vertices 3"],
    suffix: Suffix = ".glb",
    texture: Texture | None = None,
) -> int:
    """One file per frame in `folder`, frame_000000 and so on; frames with NaN (no hand) have none. Returns how many."""
    prepare_folder(folder)
    shown = np.flatnonzero(np.isfinite(vertices_m).all(axis=(1, 2)))
    for frame in shown:
        write_mesh(folder / f"frame_{frame:06d}{suffix}", replace(mesh, vertices_m=vertices_m[frame]), texture)
    return len(shown)


def split_seams(
    uv: Float[np.ndarray, "corners 2"], faces: Int[np.ndarray, "faces 3"], uv_faces: Int[np.ndarray, "faces 3"]
) -> tuple[Int[np.ndarray, "split"], Int[np.ndarray, "faces 3"], Float[np.ndarray, "split 2"]]:
    """One vertex per pair of vertex and UV that some corner uses: each one's vertex, the new faces, each one's UV."""
    pairs = np.stack([faces.reshape(-1), uv_faces.reshape(-1)], axis=1)
    used, index = np.unique(pairs, axis=0, return_inverse=True)
    return used[:, 0], index.reshape(-1, 3), uv[used[:, 1]]


def smooth_normals(
    vertices: Float[np.ndarray, "vertices 3"], faces: Int[np.ndarray, "faces 3"]
) -> Float[np.ndarray, "vertices 3"]:
    """Unit normals per vertex, 0 where a vertex has no face."""
    return vertex_normals(torch.from_numpy(vertices), torch.from_numpy(np.ascontiguousarray(faces))).numpy()


def plain_colour() -> list[float]:
    """The untextured colour as glTF wants it: linear RGB and alpha."""
    return [*srgb_to_linear(torch.tensor(PLAIN_COLOUR, dtype=torch.float64)).tolist(), 1.0]
