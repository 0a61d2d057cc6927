"""A report's values as one HTML file that needs nothing else: no network, no other file, no library.

    html = render(page)

plotly would add 4 MB of script to every page for charts that must share one cursor with a slider, a video and a 3D
view; the scripts here are 45 kB together. A content security policy lets the browser run these scripts, by their
digest, and load nothing.
"""

import base64
import hashlib
from collections.abc import Mapping

from fitter.skeleton import POINT_PARENTS
from fitter.visualize.overlay import TINTS
from fitter.visualize.report import sections
from fitter.visualize.report.markup import base64_of, embed_json, fill, template, text
from fitter.visualize.report.page import HandEnergies, Page
from fitter.visualize.report.stage import SIGMA_COLOURS, TEXTURE_ID, stage
from fitter.visualize.skeleton import FINGER_COLOURS, WRIST_COLOUR

SCRIPTS = tuple(f"{name}.js" for name in "motion space shaders buffers viewer charts player page".split())
LEVEL_WORDS = {"good": "Good", "fair": "Fair", "poor": "Poor", "failed": "Failed"}
BYTE = 255.0


def render(page: Page) -> str:
    """The whole page."""
    script = "\n".join(template(name) for name in SCRIPTS)
    return fill(
        template("page.html"),
        {
            "title": text(page.title),
            "version": text(page.version),
            "script": script,
            "script_hash": digest(script),
            "style": template("page.css"),
            "level": page.verdict.level,
            "level_word": LEVEL_WORDS[page.verdict.level],
            "verdict": text(page.verdict.sentence),
            "facts": "".join(f"<li>{text(fact)}</li>" for fact in page.facts),
            "stage": stage(page),
            "sections": sections.all_sections(page),
            "data": embed_json(data_of(page)),
            "payloads": payloads(page),
        },
    )


def digest(script: str) -> str:
    """As a content security policy names a script: the page runs this one and no other."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def payloads(page: Page) -> str:
    """The large parts as base64 in elements that no parser looks into."""
    found = {"motion-data": page.motion and page.motion.blob, "video-data": page.film and page.film.mp4}
    return "\n".join(
        f'<script type="text/plain" id="{name}">{base64_of(content)}</script>'
        for name, content in found.items()
        if content
    )


def data_of(page: Page) -> dict[str, object]:
    """What the scripts read: the names are theirs."""
    return {
        "frames": page.frames,
        "fps": page.fps,
        "step": page.step,
        "videoFps": page.film.fps if page.film else page.fps,
        "first": page.first_frame,
        "hands": [
            {
                "side": hand.side,
                "present": [int(flag) for flag in hand.present],
                "observed": [int(flag) for flag in hand.observed],
                "texture": TEXTURE_ID.format(number) if number in page.textures else None,
            }
            for number, hand in enumerate(page.hands)
        ],
        "motion": motion_of(page),
        "look": look_of(page),
        "charts": [
            {
                "title": chart.title,
                "unit": chart.unit,
                "meaning": chart.meaning,
                "digits": chart.digits,
                "top": chart.top,
                "last": chart is page.charts[-1],
                "series": [
                    {"label": row.label, "hand": row.hand, "values": row.values, "low": row.low, "high": row.high}
                    for row in chart.series
                ],
            }
            for chart in page.charts
        ],
        "worst": [{"frame": page.shown(worst.frame), "hand": worst.hand} for worst in page.worst],
        "energies": [energies_of(hand) for hand in page.energies],
    }


def motion_of(page: Page) -> dict[str, object] | None:
    if page.motion is None:
        return None
    hands = [
        {"side": hand.side, "present": hand.present, "observed": hand.observed, "stepM": step}
        for hand, step in zip(page.hands, page.motion.step_m, strict=True)
    ]
    layout = {
        name: {"offset": place.offset, "length": place.length, "kind": place.kind}
        for name, place in page.motion.layout.items()
    }
    return {"frames": page.frames, "vertices": page.motion.vertices, "layout": layout, "hands": hands}


def look_of(page: Page) -> Mapping[str, object]:
    """Colours as the overlay video has them, and the camera."""
    fingers = [[level / BYTE for level in colour] for colour in (*FINGER_COLOURS, WRIST_COLOUR)]
    lens = page.lens
    return {
        "tints": {side: list(tint) for side, tint in TINTS.items()},
        "fingers": fingers,
        "scale": [[level / BYTE for level in colour] for colour in SIGMA_COLOURS],
        "fullSigmaMm": page.full_sigma_mm,
        "parents": [int(parent) for parent in POINT_PARENTS],
        "K": {"fx": lens.fx, "fy": lens.fy, "cx": lens.cx, "cy": lens.cy},
        "imageSize": list(page.image_size),
    }


def energies_of(hand: HandEnergies) -> dict[str, object]:
    return {
        "side": hand.side,
        "terms": [{"name": term.name, "rank": term.rank, "values": term.values} for term in hand.terms],
        "stages": [{"name": stage.name, "energies": stage.energies} for stage in hand.stages],
    }
