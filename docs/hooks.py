"""What mkdocs asks while it builds: pages written from the program, documents of the repository as pages, and links.

A page may link to any file of the repository, as the repository's own viewers follow it; on the site such a link leads
to the page that stands for the file, and where there is none it becomes the file's path.
"""

import logging
import os
import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from mkdocs.utils import get_relative_url

REPOSITORY = Path(__file__).parents[1]
if str(REPOSITORY) not in sys.path:  # mkdocs, unlike `python -m mkdocs`, does not begin where it is started
    sys.path.insert(0, str(REPOSITORY))

from docs.writers.command_line import write_command_line  # noqa: E402
from docs.writers.configuration import write_configuration  # noqa: E402
from docs.writers.result_files import write_result_files  # noqa: E402

log = logging.getLogger("mkdocs.hooks.handfit")

WRITTEN = {
    "reference/command_line.md": write_command_line,
    "reference/configuration.md": write_configuration,
    "reference/result_files.md": write_result_files,
}
# Documents that live elsewhere in the repository, and the page of each.
BORROWED = {
    "CHANGELOG.md": "reference/changelog.md",
    "CONTRIBUTING.md": "reference/contributing.md",
    "priors/weights/MODEL_CARD.md": "reference/model_card.md",
    "README.md": "index.md",
}
# Lets pages that are opened from the disk be searched; the theme's own place for it is a server.
SHIM = "https://unpkg.com/iframe-worker/shim"
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are written and borrowed."""
    for page, write in WRITTEN.items():
        files.append(File.generated(config, page, content=write()))
    for document, page in BORROWED.items():
        if page != "index.md":
            text = (REPOSITORY / document).read_text(encoding="utf-8")
            files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links out of the pages to the page of the same content, or show the path."""
    source = page.file.src_uri
    lived_at = {borrowed: document for document, borrowed in BORROWED.items() if borrowed != "index.md"}
    here = Path(lived_at.get(source, f"docs/{source}")).parent
    there = Path(source).parent
    return LINK.sub(lambda link: _followed(link, here, there, source), markdown)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Take from beside the page what the theme would fetch from the network."""
    return _without_network(output, page.url)


def on_post_template(output: str, template_name: str, config: MkDocsConfig) -> str:
    """The same for the page that is shown where there is none."""
    return _without_network(output, template_name) if template_name.endswith(".html") else output


def _without_network(html: str, url: str) -> str:
    return html.replace(SHIM, get_relative_url("assets/iframe_worker.js", url))


def _followed(link: re.Match[str], here: Path, there: Path, page: str) -> str:
    """`link`, which is told from the folder `here` of the repository, as told from the folder `there` of the pages."""
    text, address = link.groups()
    path, mark, anchor = address.partition("#")
    if "://" in address or not path:
        return link[0]
    target = os.path.normpath(here / path)
    if target in BORROWED:
        return f"[{text}]({os.path.relpath(BORROWED[target], there)}{mark}{anchor})"
    if target.startswith("docs/"):
        return f"[{text}]({os.path.relpath(target.removeprefix('docs/'), there)}{mark}{anchor})"
    if not (REPOSITORY / target).exists():
        log.warning("%s: the link to %s leads nowhere", page, address)
    return f"`{target}`" if text.strip("`/") in target else f"{text} (`{target}`)"
