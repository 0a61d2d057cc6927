"""How fast a report page opens and follows the slider, in headless Chromium.

python -m benchmarks.report_page results/clip/report.html

Without a GPU the 3D view is drawn in software (SwiftShader), and its time with the cores that it gets: `script` is what
the page itself computes for a frame, `drawn` ends when the picture is complete.
"""

import sys
from pathlib import Path

from tests.browser import DESKTOP, Browser, Page, open_browser

STEPS = 100
STRIDE = 37  # frames from step to step: no neighbour, so that nothing is decoded already
PLAYED_S = 3.0

# Milliseconds of one call, median and 95 %.
TIMES = """(async (step) => {
  const times = [];
  for (let i = 0; i < %d; i++) {
    const start = performance.now();
    await step((i * %d) %% (Number(document.getElementById("frame").max) + 1));
    times.push(performance.now() - start);
    await new Promise((resume) => setTimeout(resume, 5));
  }
  times.sort((a, b) => a - b);
  return [times[times.length >> 1], times[Math.floor(times.length * 0.95)]];
})"""
SCRIPT = "(frame) => { handfit.jump(frame); handfit.viewer.draw(); }"
DRAWN = """(frame) => {
  handfit.jump(frame);
  handfit.viewer.draw();
  const gl = document.getElementById("scene").getContext("webgl2");
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
}"""
SOUGHT = """(frame) => {
  handfit.jump(frame);
  return new Promise((resume) => document.getElementById("video").addEventListener("seeked", resume, { once: true }));
}"""
PLAYED = """(async () => {
  handfit.jump(0);
  handfit.play();
  const seen = new Set(), start = performance.now();
  while (performance.now() - start < %d) {
    await new Promise((resume) => requestAnimationFrame(resume));
    seen.add(handfit.state.frame);
  }
  handfit.pause();
  return seen.size;
})()"""


def main(paths: list[str]) -> None:
    """Measure each page in a tab of its own, after one that warms the browser up."""
    with open_browser() as browser:
        opened(browser, Path(paths[0])).close()
        for path in map(Path, paths):
            page = opened(browser, path)
            report(path, page)
            page.close()


def opened(browser: Browser, path: Path) -> Page:
    page = browser.open(path.resolve().as_uri(), DESKTOP)
    page.wait("window.handfit")
    return page


def report(path: Path, page: Page) -> None:
    """One line per figure on stdout."""
    sys.stdout.write(f"{path}: {path.stat().st_size / 1e6:.2f} MB\n")
    sys.stdout.write(f"  first frame drawn after {page.run('handfit.readyAfterMs'):.0f} ms\n")
    for name, step in (("script", SCRIPT), ("drawn", DRAWN), ("video sought", SOUGHT)):
        median, most = page.run(f"{TIMES % (STEPS, STRIDE)}({step})")
        sys.stdout.write(f"  {name}: median {median:.1f} ms, 95 % within {most:.1f} ms\n")
    shown = page.run(PLAYED % (1000 * PLAYED_S))
    sys.stdout.write(f"  playing: {shown / PLAYED_S:.1f} different frames a second\n")


if __name__ == "__main__":
    main(sys.argv[1:])
