"""What stands beside the playback, as markup: readable without any script, each part absent or complete.

markup = all_sections(page)
"""

from urllib.parse import quote

from fitter.visualize.report.markup import data_uri, text
from fitter.visualize.report.page import HandEnergies, Page, PagePicture, WorstFrame
from fitter.visualize.report.stage import TEXTURE_ID

SWATCHES = 10  # colours in page.css; the smallest terms share the last, a grey
KILO = 1000.0


def all_sections(page: Page) -> str:
    """In the order in which one asks: where is it bad, how good is it on the whole, why, how was it made."""
    parts = [warnings(page), charts(page), worst(page), figures(page), energies(page), pictures(page), made(page)]
    return "\n".join(part for part in parts if part)


def part(title: str, content: str, lead: str = "") -> str:
    """One section; its heading names it for screen readers too."""
    words = f'<p class="lead">{text(lead)}</p>' if lead else ""
    return f'<section class="part" aria-label="{text(title)}"><h2>{text(title)}</h2>{words}{content}</section>'


def missing(page: Page, title: str, gap: str) -> str:
    """The sentence that stands for a section, or nothing."""
    return part(title, f'<p class="note">{text(page.gaps[gap])}</p>') if gap in page.gaps else ""


def warnings(page: Page) -> str:
    if not page.warnings:
        return ""
    items = "".join(f"<li>{text(warning)}</li>" for warning in page.warnings)
    return part("Warnings", f'<ul class="warnings">{items}</ul>')


def figures(page: Page) -> str:
    """The table; without a hand there is none."""
    if not page.figures:
        return missing(page, "In figures", "figures")
    heads = "".join(
        f'<th scope="col"><span class="key-{hand}">{track.side} hand</span></th>'
        for hand, track in enumerate(page.hands)
    )
    rows = "".join(
        f'<tr><th scope="row" title="{text(row.meaning)}">{text(row.label)}</th>'
        f"{''.join(f'<td>{text(value)}</td>' for value in row.values)}"
        f'<td class="meaning">{text(row.meaning)}</td></tr>'
        for row in page.figures
    )
    head = f'<thead><tr><th></th>{heads}<th class="meaning"></th></tr></thead>' if len(page.hands) > 1 else ""
    return part("In figures", f'<table class="figures">{head}<tbody>{rows}</tbody></table>')


def charts(page: Page) -> str:
    if not page.charts:
        return missing(page, "Frame by frame", "charts") + '<div id="charts" hidden></div>'
    lead = "Click or drag in a chart to go to a frame; circles mark the worst ones."
    gap = f'<p class="note">{text(page.gaps["charts"])}</p>' if "charts" in page.gaps else ""
    return part("Frame by frame", f'<div class="charts" id="charts"></div>{gap}', lead)


def worst(page: Page) -> str:
    if not page.worst:
        return missing(page, "Worst frames", "worst")
    items = "".join(f"<li>{worst_frame(page, frame)}</li>" for frame in page.worst)
    gap = page.gaps.get("worst", "")
    return part("Worst frames", f'<ul class="worst-frames">{items}</ul>', gap)


def worst_frame(page: Page, worst: WorstFrame) -> str:
    """A button that goes there."""
    of_hand = f"{page.hands[worst.hand].side} hand, " if len(page.hands) > 1 else ""
    picture = f'<img src="{data_uri(worst.jpeg, "image/jpeg")}" alt="" loading="lazy">' if worst.jpeg else ""
    quality = "" if worst.quality is None else f"<span>{worst.quality:.2f}</span>"
    return (
        f'<button type="button" data-frame="{page.shown(worst.frame)}">{picture}'
        f'<span class="line-1"><b>Frame {worst.frame}</b>'
        f'{quality}</span><span class="why">{text(of_hand + worst.why)}</span></button>'
    )


def energies(page: Page) -> str:
    """The stacked chart, a table for each hand, and the solver's way down."""
    if not page.energies:
        return missing(page, "Energies", "energies")
    choice = ""
    if len(page.energies) > 1:
        pressed = ("true", "false")
        buttons = "".join(
            f'<button type="button" data-energy-hand="{number}" aria-pressed="{pressed[number > 0]}">'
            f"{hand.side} hand</button>"
            for number, hand in enumerate(page.energies)
        )
        choice = f'<p><span class="segments" role="group" aria-label="Energies of">{buttons}</span></p>'
    tables = "".join(energy_table(number, hand) for number, hand in enumerate(page.energies))
    content = f'{choice}<div class="plot" id="energies"></div>{tables}'
    if any(hand.stages for hand in page.energies):
        content += '<h3>On the way: the whole energy after each step of the solver</h3><div id="trace"></div>'
    lead = "Half the squared residuals of each term, in units of its standard deviation; click a term to leave it out."
    return part("Energies", content, lead)


def energy_table(number: int, hand: HandEnergies) -> str:
    total = sum(term.total for term in hand.terms) or 1.0
    rows = "".join(
        f'<tr style="--swatch:var(--term-{min(term.rank, SWATCHES - 1)})"><th scope="row">'
        f'<button type="button" data-term="{term.rank}" aria-pressed="true">'
        f"{text(term.name.replace('_', ' '))}</button></th>"
        f"<td>{'per frame' if term.values is not None else 'once per clip'}</td>"
        f'<td class="number">{energy(term.total)}</td>'
        f'<td style="width:38%"><span class="bar">'
        f'<i style="width:{100.0 * term.total / total:.1f}%"></i></span></td></tr>'
        for term in hand.terms
    )
    hidden = " hidden" if number else ""
    return f'<table class="energy-table" data-table-hand="{number}"{hidden}><tbody>{rows}</tbody></table>'


def energy(value: float) -> str:
    """Two or more digits, thousands apart."""
    return f"{value:,.0f}".replace(",", "\u2009") if value >= 10.0 else f"{value:.2g}"


def pictures(page: Page) -> str:
    if not (page.pictures or page.textures):
        return missing(page, "Appearance", "pictures")
    shown = [picture(each, TEXTURE_ID.format(hand)) for hand, each in page.textures.items()]
    shown += [picture(each, "") for each in page.pictures]
    return part("Appearance", f'<div class="pictures">{"".join(shown)}</div>')


def picture(shown: PagePicture, identity: str) -> str:
    wide = ' class="wide"' if shown.wide else ""
    named = f' id="{identity}"' if identity else ""
    return (
        f'<figure{wide}><img{named} src="{data_uri(shown.content, shown.kind)}" alt="{text(shown.caption)}">'
        f"<figcaption>{text(shown.caption)}</figcaption></figure>"
    )


def made(page: Page) -> str:
    """The command to run again, and what lies beside the page."""
    command = ""
    if page.command:
        command = (
            f'<div class="command"><pre id="command">{text(page.command)}</pre>'
            '<button type="button" id="copy">Copy</button></div>'
        )
    items = "".join(
        f'<li><a href="{text(quote(file.name))}">{text(file.name)}</a> '
        f"<span>{size(file.size)}, {text(file.meaning)}</span></li>"
        for file in page.files
    )
    gap = f'<p class="note">{text(page.gaps["command"])}</p>' if "command" in page.gaps else ""
    return part("Made by", f'{command}{gap}<ul class="files">{items}</ul>')


def size(length: int) -> str:
    """Bytes as people say them."""
    return f"{length / KILO**2:.1f} MB" if length >= KILO**2 else f"{max(1, round(length / KILO))} kB"
