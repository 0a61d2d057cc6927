"""Chromium without a window, told what to do over a pipe: the tests' eyes and hands for pages.

    with open_browser() as browser:
        page = browser.open(path.as_uri(), PHONE)
        page.run("document.title")                        # the value of a JavaScript expression, promises awaited
        page.press("ArrowRight"); page.screenshot(); page.complaints

It speaks the DevTools protocol through two file descriptors, so that no package and no port is needed.
"""

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# The software renderer draws WebGL where there is no GPU; a container's root needs --no-sandbox.
FLAGS = (
    "--headless=new --no-sandbox --use-gl=angle --use-angle=swiftshader --enable-unsafe-swiftshader "
    "--disable-dev-shm-usage --no-first-run --disable-extensions --disable-background-networking --mute-audio "
    "--hide-scrollbars --autoplay-policy=no-user-gesture-required --remote-debugging-pipe"
).split()
PATIENCE_S = 30.0
DESKTOP, LAPTOP, PHONE = (1440, 900), (1000, 620), (390, 844)
WIDEST_PHONE = 600

Reply = dict[str, Any]


def find_chromium() -> str | None:
    """The browser's path, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@dataclass
class Browser:
    """A running Chromium; `open_browser` makes and ends it."""

    to_browser: int
    from_browser: int
    numbers: Iterator[int] = field(default_factory=itertools.count)
    unread: bytes = b""
    events: list[Reply] = field(default_factory=list)

    def send(self, method: str, values: Reply | None = None, session: str | None = None) -> Reply:
        """One command; its result. Raises RuntimeError for the browser's own errors, TimeoutError for its silence."""
        number = next(self.numbers)
        message: Reply = {"id": number, "method": method, "params": values or {}}
        if session:
            message["sessionId"] = session
        self._write(message)
        ends = time.monotonic() + PATIENCE_S
        while True:
            reply = self._read(ends)
            if reply.get("id") == number:
                if "error" in reply:
                    raise RuntimeError(f"{method}: {reply['error']['message']}")
                return reply["result"]
            self.events.append(reply)

    def open(self, address: str, size: tuple[int, int] = LAPTOP, dark: bool = False) -> "Page":
        """A new tab of this width and height in CSS pixels, loaded."""
        target = self.send("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.send("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = Page(self, session, target)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.send(f"{domain}.enable")
        phone = size[0] < WIDEST_PHONE
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
        page.send("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        page.send("Emulation.setEmulatedMedia", {"features": [scheme]})
        page.send("Page.navigate", {"url": address})
        page.wait("document.readyState === 'complete'")
        return page

    def _write(self, message: Reply) -> None:
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to_browser, data) :]

    def _read(self, ends: float) -> Reply:
        while b"\0" not in self.unread:
            ready, _, _ = select.select([self.from_browser], [], [], max(0.0, ends - time.monotonic()))
            if not ready:
                raise TimeoutError(f"no answer from the browser in {PATIENCE_S} s")
            part = os.read(self.from_browser, 1 << 20)
            if not part:
                raise RuntimeError("the browser has ended")
            self.unread += part
        message, _, self.unread = self.unread.partition(b"\0")
        return json.loads(message)


@dataclass(frozen=True)
class Page:
    """One tab."""

    browser: Browser
    session: str
    target: str

    def send(self, method: str, values: Reply | None = None) -> Reply:
        return self.browser.send(method, values, self.session)

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression; raises RuntimeError with the exception's text."""
        asked = {"expression": expression, "returnByValue": True, "awaitPromise": True, "userGesture": True}
        reply = self.send("Runtime.evaluate", asked)
        if "exceptionDetails" in reply:
            raise RuntimeError(reply["exceptionDetails"].get("exception", {}).get("description", "exception"))
        return reply["result"].get("value")

    def wait(self, condition: str, seconds: float = PATIENCE_S) -> None:
        """Until the expression is true; raises TimeoutError."""
        ends = time.monotonic() + seconds
        while not self.run(f"Boolean({condition})"):
            if time.monotonic() > ends:
                raise TimeoutError(f"not true within {seconds} s: {condition}; {self.complaints}")
            time.sleep(0.02)

    def press(self, key: str) -> None:
        """One key, by its DOM name."""
        text = {"text": key} if len(key) == 1 else {}
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", {"type": kind, "key": key, **(text if kind == "keyDown" else {})})

    def click(self, selector: str) -> None:
        """The middle of an element, scrolled to first, with a real mouse event."""
        x, y = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        self.drag([(x, y)])

    def drag(self, path: list[tuple[float, float]]) -> None:
        """Press the mouse at the first place, move over the others, let go at the last."""
        for kind, (x, y) in [
            ("mousePressed", path[0]),
            *(("mouseMoved", at) for at in path[1:]),
            ("mouseReleased", path[-1]),
        ]:
            self.send(
                "Input.dispatchMouseEvent",
                {"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1},
            )

    def screenshot(self, whole: bool = False) -> bytes:
        """A PNG of the window, or of the whole page."""
        asked = {"format": "png", "captureBeyondViewport": whole}
        return base64.b64decode(self.send("Page.captureScreenshot", asked)["data"])

    @property
    def complaints(self) -> list[str]:
        """Errors and warnings of the console, exceptions, and everything the page asked of the network or the disk."""
        found = []
        for event in self.browser.events:
            if event.get("sessionId") != self.session:
                continue
            values = event["params"] if "params" in event else {}
            if event["method"] == "Runtime.exceptionThrown":
                found.append(json.dumps(values["exceptionDetails"])[:600])
            elif event["method"] == "Runtime.consoleAPICalled" and values["type"] in ("error", "warning", "assert"):
                found.append(json.dumps(values["args"])[:600])
            elif event["method"] == "Log.entryAdded" and values["entry"]["level"] in ("error", "warning"):
                found.append(values["entry"]["text"])
        return found

    @property
    def requests(self) -> list[str]:
        """Addresses that the page asked for, but for itself and what it carries."""
        sent = [event for event in self.browser.events if event.get("sessionId") == self.session]
        urls = [event["params"]["request"]["url"] for event in sent if event["method"] == "Network.requestWillBeSent"]
        return [url for url in urls[1:] if not url.startswith(("data:", "blob:"))]

    def close(self) -> None:
        self.browser.send("Target.closeTarget", {"targetId": self.target})


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start Chromium with an empty profile; end it with the block. Raises FileNotFoundError where there is none."""
    chromium = find_chromium()
    if chromium is None:
        raise FileNotFoundError("no Chromium")
    reads, to_browser = os.pipe()
    from_browser, writes = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # Chromium reads commands from descriptor 3 and answers on 4; sh knows no descriptors of two digits.
        words = [
            "bash",
            "-c",
            f'exec "$@" 3<&{reads} 4>&{writes}',
            "bash",
            chromium,
            *FLAGS,
            f"--user-data-dir={profile}",
            "about:blank",
        ]
        process = subprocess.Popen(
            words, pass_fds=(reads, writes), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(reads)
        os.close(writes)
        browser = Browser(to_browser, from_browser)
        try:
            yield browser
        finally:
            try:
                browser.send("Browser.close")
                process.wait(PATIENCE_S)
            except (OSError, RuntimeError, TimeoutError, subprocess.TimeoutExpired):
                process.kill()
                process.wait()
            os.close(to_browser)
            os.close(from_browser)
