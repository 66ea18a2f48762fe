"""Templates → one HTML file, escaped everywhere, under a policy that lets nothing in.

No script, no image, no font and no frame is allowed, and of styles the one sheet of the page, by its hash: a text that
got past the escaping could still load and run nothing. So no element has a `style` of its own, and drawings say how
they look by attributes and classes.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from cotspec.page import figures
from cotspec.page.safe_text import brief, cut, seen, within

if TYPE_CHECKING:
    import jinja2

_TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, values: Mapping[str, object], *, rules: Iterable[str] = ()) -> str:
    """Fill `page/templates/<template>`; a name that it uses and `values` lacks is an error. `rules` are added to the
    style sheet: they hold no text of anybody's."""
    from markupsafe import Markup

    sheet = "\n" + (_TEMPLATES / "page.css").read_text(encoding="utf-8") + "".join(f"{rule}\n" for rule in rules)
    digest = b64encode(sha256(sheet.encode()).digest()).decode()
    style = {"sheet": Markup(sheet), "digest": digest}  # noqa: S704 - ours, whole
    return _environment().get_template(template).render(**style, **values)


@cache
def _environment() -> jinja2.Environment:
    import jinja2  # here: only who writes a page pays for it

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(cut=cut, brief=brief, span=figures.span, signed_span=figures.signed_span)
    environment.filters["within"] = within
    environment.filters.update({name: getattr(figures, name) for name in ("percent", "number", "points", "counted")})
    return environment


def _finalize(value: object) -> object:
    """Every text that is put into a page goes through here; markup was made of such texts."""
    return seen(value) if type(value) is str else value
