"""The playback as markup: the 3D view, the overlay video, and what moves them.

markup = stage(page)
"""

from fitter.visualize.report.markup import text
from fitter.visualize.report.page import Page

# From certain to uncertain: brightness falls steadily, so that it reads in grey and for the colour-blind. sRGB.
SIGMA_COLOURS = ((243, 239, 224), (246, 210, 139), (240, 160, 75), (217, 86, 58), (142, 31, 63), (74, 16, 52))
COLOURINGS = (("plain", "Plain"), ("texture", "Texture"), ("uncertainty", "Uncertainty"), ("skeleton", "Skeleton"))
VIEWS = (("camera", "Camera"), ("front", "Front"), ("side", "Side"), ("top", "Top"))
SPEEDS = ("0.1", "0.25", "0.5", "1", "2")
KEYS = (
    '<span class="keys"><kbd>space</kbd> play&ensp;<kbd>←</kbd> <kbd>→</kbd> frame&ensp;'
    "<kbd>1</kbd>–<kbd>4</kbd> colour&ensp;<kbd>c</kbd> camera</span>"
)
TEXTURE_ID = "texture-{}"
ICONS = {
    "go": '<path d="M4 2.3v11.4c0 .6.7 1 1.2.7l8.6-5.7c.4-.3.4-1 0-1.3L5.2 1.6C4.7 1.3 4 1.7 4 2.3z"/>',
    "pause": '<path d="M3.5 2h3v12h-3zM9.5 2h3v12h-3z"/>',
    "back": '<path d="M3 2.5h2v11H3zM13 3.2v9.6c0 .5-.6.8-1 .5L6 8.5a.6.6 0 0 1 0-1l6-4.8c.4-.3 1 0 1 .5z"/>',
    "forward": '<path d="M11 2.5h2v11h-2zM3 3.2v9.6c0 .5.6.8 1 .5l6-4.8a.6.6 0 0 0 0-1L4 2.7c-.4-.3-1 0-1 .5z"/>',
}


def stage(page: Page) -> str:
    """Both panels and the transport; a sentence stands for a panel that has nothing to show."""
    panels = [panel for panel in (scene(page), film(page)) if panel]
    upright = " upright" if page.image_size[1] > page.image_size[0] and len(panels) > 1 else ""
    shown = "scene" if page.motion else "film"
    notes = "".join(f'<p class="note">{text(page.gaps[gap])}</p>' for gap in ("motion", "film") if gap in page.gaps)
    box = f'<div class="panels{upright}" id="panels" data-shown="{shown}">{"".join(panels)}</div>' if panels else ""
    return box + notes + transport(page)


def scene(page: Page) -> str:
    """The 3D view, if there is anything to see."""
    if page.motion is None:
        return ""
    hands = " and ".join(hand.side for hand in page.hands)
    label = f"3D view of the {hands} hand; drag to turn, pinch or wheel to zoom"
    return f"""<div class="panel scene">
<div class="tools">
<div class="segments" role="group" aria-label="Colour of the hand">{buttons("colouring", COLOURINGS)}</div>
<div class="segments views" role="group" aria-label="View">{buttons("view", VIEWS)}</div>
</div>
<canvas id="scene" tabindex="0" role="img" aria-label="{text(label)}"></canvas>
<p class="legend" id="legend" hidden><span>0</span><i style="background:linear-gradient(90deg,{gradient()})"></i><span>{
        page.full_sigma_mm:.3g} mm, sigma</span></p>
<p class="note" id="scene-note" hidden>This browser shows no 3D view: it lacks WebGL 2 or DecompressionStream.</p>
</div>"""


def buttons(kind: str, named: tuple[tuple[str, str], ...]) -> str:
    return "".join(
        f'<button type="button" data-{kind}="{name}" aria-pressed="false">{label}</button>' for name, label in named
    )


def gradient() -> str:
    return ",".join(f"rgb({red} {green} {blue})" for red, green, blue in SIGMA_COLOURS)


def film(page: Page) -> str:
    """The overlay video, if there is one; the script gives it its source, from the page itself."""
    if page.film is None:
        return ""
    return """<div class="panel film">
<video id="video" muted playsinline preload="auto" aria-label="The fitted hand drawn over the input video"></video>
<p class="note" id="video-note" hidden>This browser does not play the overlay video (H.264).</p>
</div>"""


def transport(page: Page) -> str:
    """Play, step, slide."""
    last = max(0, page.frames - 1)
    places = [page.shown(worst.frame) / max(1, last) for worst in page.worst]
    marks = "".join(
        f'<span class="worst" style="left:calc(7px + (100% - 14px) * {place:.5f})"></span>' for place in places
    )
    speeds = "".join(
        f'<option value="{speed}"{" selected" if speed == "1" else ""}>{speed}×</option>' for speed in SPEEDS
    )
    switch = ""
    if page.motion and page.film:
        switch = (
            '<span class="segments switch" role="group" aria-label="Shown above">'
            '<button type="button" data-panel="scene" aria-pressed="true">3D</button>'
            '<button type="button" data-panel="film" aria-pressed="false">Video</button></span>'
        )
    return f"""<div class="transport" role="group" aria-label="Playback controls">
<div class="buttons">
<button type="button" id="back" aria-label="One frame back">{icon("back")}</button>
<button type="button" id="play" aria-label="Play">{icon("go")}{icon("pause")}</button>
<button type="button" id="forward" aria-label="One frame on">{icon("forward")}</button>
</div>
<div class="scrub">
<svg id="tracks" preserveAspectRatio="none" aria-hidden="true"></svg>{marks}
<input type="range" id="frame" min="0" max="{last}" step="1" value="0" aria-label="Frame">
</div>
<div class="counter"><b id="number">0</b><span class="of"> of {last * page.step}</span><br>
<span id="time">0.00 s</span></div>
<div class="under"><span id="seen"></span>{switch}
{KEYS}
<label>speed <select id="speed">{speeds}</select></label></div>
</div>"""


def icon(name: str) -> str:
    return f'<svg class="{name}" viewBox="0 0 16 16" aria-hidden="true">{ICONS[name]}</svg>'
