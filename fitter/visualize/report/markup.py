"""Text from outside made harmless: the only three ways by which anything gets into a page.

fill(template, {"title": text("<b>")})      # {{title}} -> &lt;b&gt;, in one pass: no value is read as a template
embed_json({"name": "</script>"})           # no character that could end the element
data_uri(png, "image/png")
"""

import base64
import json
import re
from collections.abc import Mapping
from html import escape
from importlib.resources import files

PLACE = re.compile(r"\{\{(\w+)\}\}")
# Inside <script> an HTML parser looks for these; in JSON they occur in strings only, where \\u says the same.
DANGEROUS = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def text(words: str) -> str:
    """Words as they may stand in an element or a quoted attribute; lone surrogates of odd file names are shown as ?."""
    return escape(words.encode("utf-8", "replace").decode("utf-8"), quote=True)


def fill(template: str, values: Mapping[str, str]) -> str:
    """Put markup into the places of a template; raises KeyError where a place has no value."""
    return PLACE.sub(lambda place: values[place[1]], template)


def embed_json(value: object) -> str:
    """JSON for a <script type="application/json">; raises ValueError for NaN."""
    words = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return words.translate(str.maketrans(DANGEROUS))


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def data_uri(content: bytes, kind: str) -> str:
    """The content in the page itself."""
    return f"data:{kind};base64,{base64_of(content)}"


def template(name: str) -> str:
    """A file of this package: .html, .css or .js."""
    return (files("fitter.visualize.report") / name).read_text(encoding="utf-8")
