"""The page in a real browser: it plays, scrubs, turns, fits a phone, and complains of nothing."""

import base64
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from fitter.app.report_command import ReportOptions, make_reports, write_report
from fitter.export.folder import open_result
from tests.browser import DESKTOP, LAPTOP, PHONE, Browser, Page, find_chromium, open_browser
from tests.report_folder import ABSENT, BAD, FRAMES, write_folder

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine to open the page in")

EVIL = "<img src=x onerror=window.broken=1>&.mp4"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as started:
        yield started


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results") / "wave"
    write_folder(folder, name=EVIL)
    return write_report(open_result(folder))


def opened(browser: Browser, report: Path, size: tuple[int, int] = LAPTOP) -> Page:
    page = browser.open(report.as_uri(), size)
    page.wait("window.handfit")
    return page


@pytest.fixture(scope="module")
def page(browser: Browser, report: Path) -> Page:
    return opened(browser, report)


def canvas(page: Page) -> np.ndarray:
    """What the 3D view shows, (height, width, 4); drawn now."""
    address = page.run("handfit.viewer.draw(), document.getElementById('scene').toDataURL()")
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(address.split(",")[1]), np.uint8), cv2.IMREAD_UNCHANGED)
    return np.asarray(picture)


def frame(page: Page) -> int:
    shown = int(page.run("document.getElementById('number').textContent"))
    assert shown == page.run("handfit.state.frame") == page.run("document.getElementById('frame').valueAsNumber")
    return shown


def test_the_hand_is_drawn_and_moves(page: Page) -> None:
    page.run("handfit.jump(0)")
    first = canvas(page)
    page.run("handfit.jump(10)")
    second = canvas(page)
    assert 0.005 < (first[..., 3] > 0).mean() < 0.9
    assert (np.abs(first.astype(int) - second).max(axis=2) > 30).mean() > 0.003


def test_colours_and_views_change_the_picture(page: Page) -> None:
    page.run("handfit.jump(5)")
    pictures = []
    for selector in ("plain", "texture", "uncertainty", "skeleton"):
        page.click(f'[data-colouring="{selector}"]')
        assert page.run(f"document.querySelector('[data-colouring={selector}]').getAttribute('aria-pressed')") == "true"
        pictures.append(canvas(page).astype(int))
    for view in ("camera", "side", "top", "front"):
        page.click(f'[data-view="{view}"]')
        pictures.append(canvas(page).astype(int))
    for one, other in zip(pictures[:-1], pictures[1:], strict=True):
        assert (np.abs(one - other).max(axis=2) > 10).mean() > 0.002


def test_the_camera_sees_the_hand_where_the_video_shows_it(page: Page) -> None:
    """The right hand's joints, projected by the viewer, cover the keypoints' place: left of the middle."""
    page.click('[data-colouring="plain"]')
    page.run("handfit.jump(5)")
    page.click('[data-view="camera"]')
    shown = canvas(page)[..., 3] > 0
    columns, rows = np.flatnonzero(shown.any(axis=0)), np.flatnonzero(shown.any(axis=1))
    height, width = shown.shape
    scale = min(width / 192, height / 144)
    keypoints = open_result(Path(page.run("decodeURI(location.pathname)")).parent).result.keypoints_px[:, 5]
    wanted = (keypoints - [96, 72]) * scale + [width / 2, height / 2]
    low, high = wanted.min(axis=(0, 1)), wanted.max(axis=(0, 1))
    bead = 0.009 / 0.5 * 240 * scale  # beads about the joints
    np.testing.assert_allclose([columns[0], rows[0]], low, atol=1.4 * bead)
    np.testing.assert_allclose([columns[-1], rows[-1]], high, atol=1.4 * bead)
    page.click('[data-view="front"]')


def test_dragging_turns_the_hand(page: Page) -> None:
    page.run("handfit.viewer.look('front')")
    before = canvas(page).astype(int)
    page.run("document.getElementById('scene').scrollIntoView()")
    page.drag([(300, 250), (340, 260), (420, 270)])
    assert page.run("Math.abs(handfit.viewer.state.yaw)") > 0.5
    assert (np.abs(canvas(page).astype(int) - before).max(axis=2) > 10).mean() > 0.005
    page.run("handfit.viewer.look('front')")


def test_keys_and_buttons_step_and_play(page: Page) -> None:
    page.run("handfit.jump(3)")
    for key, wanted in (("ArrowRight", 4), ("ArrowLeft", 3), ("End", FRAMES - 1), ("Home", 0)):
        page.press(key)
        assert frame(page) == wanted
    page.click("#forward")
    assert frame(page) == 1
    page.press(" ")
    page.wait("handfit.state.playing && handfit.state.frame > 4", 10)
    page.press(" ")
    stopped = frame(page)
    assert page.run("!handfit.state.playing && document.getElementById('video').paused")
    assert frame(page) == stopped


def test_the_video_follows_the_slider(page: Page) -> None:
    page.run("const s = document.getElementById('frame'); s.value = 17; s.dispatchEvent(new Event('input'))")
    assert frame(page) == 17
    page.wait("Math.floor(video.currentTime * 30) === 17 && !video.seeking", 10)
    assert page.run("document.getElementById('video').error") is None


def test_charts_and_worst_frames_lead_to_their_frame(page: Page) -> None:
    page.click(f'[data-frame="{BAD}"]')
    assert frame(page) == BAD
    assert page.run("document.querySelectorAll('.chart svg path.line').length") >= 9
    box = page.run(
        "(() => { const b = document.querySelector('.chart .plot'); b.scrollIntoView({block: 'center'});"
        "const r = b.getBoundingClientRect(); return [r.x, r.y, r.width, r.height]; })()"
    )
    left, right = box[0] + 44, box[0] + box[2] - 10
    page.drag([(left + (right - left) * 0.25, box[1] + 20)])
    assert abs(frame(page) - 0.25 * (FRAMES - 1)) <= 1
    page.run("handfit.jump(0)")
    assert page.run("document.querySelector('.chart .readout').textContent").startswith("right 0.6")
    page.run(f"handfit.jump({ABSENT})")
    assert "right –" in page.run("document.querySelector('.chart .readout').textContent")


def test_terms_can_be_left_out(page: Page) -> None:
    count = "document.querySelectorAll('#energies path.area').length"
    assert page.run(count) == 3  # the shape's energy belongs to no frame
    page.click('[data-term="1"]')
    assert page.run(count) == 2
    page.click('[data-term="1"]')
    page.click('[data-energy-hand="1"]')
    assert page.run("document.querySelector('[data-table-hand=\"0\"]').hidden")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", [PHONE, (320, 640), LAPTOP, DESKTOP])
def test_nothing_sticks_out_sideways(browser: Browser, report: Path, size: tuple[int, int], dark: bool) -> None:
    page = browser.open(report.as_uri(), size, dark)
    page.wait("window.handfit")
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    wide = page.run(
        "[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1)"
        ".map((e) => e.tagName + '.' + e.className)"
    )
    assert wide == [] and page.complaints == []
    page.close()


def test_a_phone_switches_between_hand_and_video(browser: Browser, report: Path) -> None:
    page = opened(browser, report, PHONE)
    visible = "getComputedStyle(document.querySelector('.panel.{}')).visibility"
    assert page.run(visible.format("film")) == "hidden"
    page.click('[data-panel="film"]')
    assert [page.run(visible.format(name)) for name in ("scene", "film")] == ["hidden", "visible"]
    page.close()


def test_everything_that_can_be_pressed_has_a_name(page: Page) -> None:
    nameless = page.run(
        "[...document.querySelectorAll('button, input, select, canvas, video, img')].filter((e) =>"
        "!(e.getAttribute('aria-label') || e.textContent.trim() || e.closest('label') || e.hasAttribute('alt')))"
        ".map((e) => e.outerHTML)"
    )
    assert nameless == []


def test_nothing_is_asked_of_the_network_and_nothing_complained_of(page: Page) -> None:
    assert page.requests == [] and page.complaints == []
    assert page.run("window.broken") is None
    assert page.run("document.querySelector('h1').textContent") == EVIL


def test_a_page_without_video_plays_by_the_clock(browser: Browser, report: Path, tmp_path: Path) -> None:
    for name in ("result.npz", "diagnostics.npz"):
        (tmp_path / name).write_bytes((report.parent / name).read_bytes())
    page = opened(browser, write_report(open_result(tmp_path)))
    page.press(" ")
    page.wait("handfit.state.frame > 3", 10)
    assert page.complaints == []
    page.close()


def test_the_index_sorts(browser: Browser, report: Path, tmp_path: Path) -> None:
    (tmp_path / "stopped").mkdir()
    (tmp_path / "stopped" / "config.yaml").touch()
    make_reports(ReportOptions((report.parent, tmp_path / "stopped"), index=tmp_path))
    for size in (PHONE, DESKTOP):
        page = browser.open((tmp_path / "index.html").as_uri(), size)
        first = "document.querySelector('#rows tr').dataset.name"
        assert page.run(first) == "stopped"
        page.click('[data-sort="best"]')
        assert page.run(first) == EVIL
        assert page.run("document.documentElement.scrollWidth <= innerWidth") and page.complaints == []
        page.close()
