"""Views drawn by Open3D, in a window or without one: the only file that knows Open3D.

    with open_off_screen((1280, 800)) as canvas:        # off-screen: an EGL context, which needs no display
        rgb = canvas.picture(view)
    with open_window((1280, 800), "a clip") as window:
        while window.poll(): window.draw(view); window.events()

It is Open3D's older renderer on purpose. The newer one needs Vulkan, cannot move the vertices of a mesh in place, and
on a machine without a GPU took 18 s for its first picture and 200 ms for each further one, where this one takes 10 ms
(Open3D 0.20, 2 cores, Xvfb). What this one lacks, antialiasing off-screen and panels, is made up for here.
"""

import contextlib
import importlib.util
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from fitter.errors import InputError
from fitter.observe.native_log import native_log_muted
from fitter.visualize.viewer.events import Event
from fitter.visualize.viewer.listener import KEY_NAMES, Listener
from fitter.visualize.viewer.shapes import Drawn, Panel, Picture, View, backdrop, fitted, on_glass, paste
from fitter.visualize.viewer.viewpoint import Viewpoint

if TYPE_CHECKING:
    import open3d

MISSING = "Open3D is not installed, expected the extra `view`: pip install 'handfit[view]'"
# Where the glass and the backdrop are; nothing of a hand is nearer or farther.
NEAR_M, FAR_M = 0.01, 40.0
GLASS_M, BACKDROP_M = 2.0 * NEAR_M, 0.9 * FAR_M
CORNER_PX = (40, 40)  # of a new window on the screen
SUPERSAMPLING = 2  # off-screen contexts have no antialiasing: drawn larger, then averaged

# Two triangles, and which corners of the image theirs are.
QUAD = np.array([[0, 1, 2], [0, 2, 3]])
QUAD_UV = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])[QUAD.reshape(-1)]


class NoOpenGL(Exception):
    """Open3D could not make a window or a context; the text says what failed."""


@dataclass
class _Kept:
    """What Open3D already has under a name."""

    geometry: Any
    source: object
    """The cells or the image that it was made of: the same object needs no new one."""
    points: Float[np.ndarray, "points 3"]


class _Scene:
    """Open3D's geometries, kept in step with a `View`."""

    def __init__(self, visualizer: "open3d.visualization.Visualizer", size: tuple[int, int]) -> None:
        self.visualizer = visualizer
        self._kept: dict[str, _Kept] = {}
        self._backdrop = Picture("backdrop", np.zeros((4, 3)), backdrop(size))
        option = visualizer.get_render_option()
        option.light_on = False
        option.mesh_show_back_face = True
        option.background_color = self._backdrop.rgb[0, 0] / 255.0

    def show(self, view: View, size: tuple[int, int]) -> None:
        """Move, recolour, add and remove until Open3D has what the view has."""
        eye = view.viewpoint
        if self._backdrop.rgb.shape[:2] != (size[1], size[0]):
            self._backdrop = Picture("backdrop", np.zeros((4, 3)), backdrop(size))
        whole = Panel("backdrop", 0, 0, self._backdrop.rgb)
        pictures = [on_glass(whole, eye, size, BACKDROP_M)]
        pictures += [fitted(picture, eye, size) for picture in view.pictures]
        pictures += [on_glass(panel, eye, size, GLASS_M) for panel in view.panels]
        names = {item.name for item in (*view.drawn, *pictures)}
        for name in [name for name in self._kept if name not in names]:
            self.visualizer.remove_geometry(self._kept.pop(name).geometry, False)
        for picture in pictures:
            self._put_picture(picture)
        for drawn in view.drawn:
            self._put_drawn(drawn)
        self._look(eye, size)

    def _put_drawn(self, drawn: Drawn) -> None:
        import open3d

        kept = self._kept.get(drawn.name)
        geometry: Any = kept.geometry if kept is not None and kept.source is drawn.cells else None
        points, colours = (open3d.utility.Vector3dVector(rows) for rows in (drawn.points_m, drawn.colours))
        if drawn.cells.shape[1] == 3:
            if geometry is None:
                geometry = open3d.geometry.TriangleMesh()
                geometry.triangles = open3d.utility.Vector3iVector(drawn.cells)
            geometry.vertices, geometry.vertex_colors = points, colours
        else:
            if geometry is None:
                geometry = open3d.geometry.LineSet()
                geometry.lines = open3d.utility.Vector2iVector(drawn.cells)
            colours = open3d.utility.Vector3dVector(drawn.colours[drawn.cells[:, 0]])
            geometry.points, geometry.colors = points, colours
        self._place(drawn.name, _Kept(geometry, drawn.cells, drawn.points_m))

    def _put_picture(self, picture: Picture) -> None:
        import open3d

        kept = self._kept.get(picture.name)
        same = kept is not None and kept.source is picture.rgb
        if kept is not None and same and np.array_equal(kept.points, picture.corners_m):
            return
        geometry: Any = kept.geometry if kept is not None else open3d.geometry.TriangleMesh()
        if kept is None:
            geometry.triangles = open3d.utility.Vector3iVector(QUAD)
            geometry.triangle_uvs = open3d.utility.Vector2dVector(QUAD_UV)
            geometry.triangle_material_ids = open3d.utility.IntVector([0] * len(QUAD))
        geometry.vertices = open3d.utility.Vector3dVector(picture.corners_m)
        if not same:
            picture_bytes: Any = np.ascontiguousarray(picture.rgb)  # whose type stubs know no buffers
            geometry.textures = [open3d.geometry.Image(picture_bytes)]
        self._place(picture.name, _Kept(geometry, picture.rgb, picture.corners_m))

    def _place(self, name: str, new: _Kept) -> None:
        old = self._kept.get(name)
        if old is not None and old.geometry is new.geometry:
            self.visualizer.update_geometry(new.geometry)
        else:
            if old is not None:
                self.visualizer.remove_geometry(old.geometry, False)
            self.visualizer.add_geometry(new.geometry, not self._kept)
        self._kept[name] = new

    def _look(self, eye: Viewpoint, size: tuple[int, int]) -> None:
        import open3d

        control = self.visualizer.get_view_control()
        control.set_constant_z_near(NEAR_M)
        control.set_constant_z_far(FAR_M)
        camera = eye.camera(size)
        parameters = open3d.camera.PinholeCameraParameters()
        # Open3D counts from the first pixel's centre.
        middle = (size[0] / 2.0 - 0.5, size[1] / 2.0 - 0.5)
        parameters.intrinsic = open3d.camera.PinholeCameraIntrinsic(*size, camera.fx, camera.fy, *middle)
        parameters.extrinsic = eye.extrinsic
        control.convert_from_pinhole_camera_parameters(parameters, True)


class Window:
    """A window on a display. What the user does waits in `events` until it is fetched."""

    def __init__(self, visualizer: "open3d.visualization.VisualizerWithKeyCallback", size: tuple[int, int]) -> None:
        self._visualizer = visualizer
        self._scene = _Scene(visualizer, size)
        self.listener = Listener()
        self._listen()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height now: the user may have changed them."""
        intrinsic = self._visualizer.get_view_control().convert_to_pinhole_camera_parameters().intrinsic
        return intrinsic.width, intrinsic.height

    def poll(self) -> bool:
        """Let the window system speak; False once the window was closed."""
        return bool(self._visualizer.poll_events())

    def events(self) -> Sequence[Event]:
        """What has happened since the last call."""
        return self.listener.fetch()

    def draw(self, view: View) -> None:
        self._scene.show(view, self.size)
        self._visualizer.update_renderer()
        self._visualizer.poll_events()

    def picture(self) -> UInt8[np.ndarray, "height width 3"]:
        """What the window shows."""
        return to_bytes(np.asarray(self._visualizer.capture_screen_float_buffer(True)))

    def _listen(self) -> None:
        heard, visualizer = self.listener, self._visualizer
        for number in KEY_NAMES:
            visualizer.register_key_action_callback(
                number, lambda _, action, mods, number=number: heard.key(number, int(action), int(mods))
            )
        visualizer.register_mouse_button_callback(
            lambda _, number, action, mods: heard.button(int(number), int(action), int(mods))
        )
        visualizer.register_mouse_move_callback(lambda _, x, y: heard.move(float(x), float(y)))
        visualizer.register_mouse_scroll_callback(lambda _, x, y: heard.scroll(float(y)))


class OffScreen:
    """A canvas of a fixed size without a window."""

    name = "Open3D off-screen"

    def __init__(self, visualizer: "open3d.visualization.Visualizer", size: tuple[int, int]) -> None:
        self._visualizer, self.size = visualizer, size
        self._scene = _Scene(visualizer, size)

    def picture(self, view: View) -> UInt8[np.ndarray, "height width 3"]:
        width, height = self.size
        large = (width * SUPERSAMPLING, height * SUPERSAMPLING)
        self._scene.show(View(view.drawn, view.pictures, (), view.viewpoint), large)
        self._visualizer.poll_events()
        self._visualizer.update_renderer()
        seen = np.asarray(self._visualizer.capture_screen_float_buffer(True))
        rgb = to_bytes(cv2.resize(seen, (width, height), interpolation=cv2.INTER_AREA))
        return paste(rgb, view.panels)


def to_bytes(seen: Float[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "height width 3"]:
    """0..1 -> 0..255."""
    return cv2.convertScaleAbs(seen, alpha=255.0)


@contextlib.contextmanager
def open_window(size: tuple[int, int], title: str) -> Iterator[Window]:
    """A window; raises NoOpenGL where there is no display for it, InputError where Open3D is not installed."""
    open3d = _open3d()
    visualizer = open3d.visualization.VisualizerWithKeyCallback()
    said = io.StringIO()
    # Where it finds no display, Open3D 0.20 makes an off-screen context instead, which nobody sees and nobody closes;
    # that it did so is only in what it says.
    open3d.utility.set_verbosity_level(open3d.utility.VerbosityLevel.Info)
    with native_log_muted(), contextlib.redirect_stdout(said):
        made = visualizer.create_window(title, *size, *CORNER_PX)
    open3d.utility.set_verbosity_level(open3d.utility.VerbosityLevel.Error)
    if not made or "offscreen" in said.getvalue().lower():
        raise NoOpenGL("Open3D could not open a window")
    try:
        yield Window(visualizer, size)
    finally:
        visualizer.destroy_window()


@contextlib.contextmanager
def open_off_screen(size: tuple[int, int]) -> Iterator[OffScreen]:
    """A canvas that needs no display; raises NoOpenGL where Open3D makes none, InputError where it is not installed."""
    open3d = _open3d()
    visualizer = open3d.visualization.Visualizer()
    large = (size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING)
    with native_log_muted():
        made = visualizer.create_window("off-screen", *large, visible=False)
    if not made or visualizer.get_render_option() is None:
        raise NoOpenGL("Open3D could not make an off-screen context")
    try:
        yield OffScreen(visualizer, size)
    finally:
        visualizer.destroy_window()


def _open3d() -> Any:
    """The package, told to keep its chatter for itself."""
    if importlib.util.find_spec("open3d") is None:
        raise InputError(MISSING)
    try:
        import open3d
    except (ImportError, OSError) as error:  # a system library is missing
        raise NoOpenGL(f"Open3D cannot be loaded ({error})") from error

    open3d.utility.set_verbosity_level(open3d.utility.VerbosityLevel.Error)
    return open3d
