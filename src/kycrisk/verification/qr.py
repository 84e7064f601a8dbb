"""Links as QR codes (ISO/IEC 18004), drawn as SVG that stands in a page without a request of its own."""

from __future__ import annotations

import html
from io import BytesIO

import segno

_LONGEST = 400  # letters: a code of more is hard to read for a phone


def qr_svg(link: str, title: str) -> str:
    """A link as an `<svg>` element. `title` is what a screen reader says. Raises `ValueError` for too long a link."""
    if len(link) > _LONGEST:
        raise ValueError(f"a link of {len(link)} letters makes a code that phones cannot read")
    out = BytesIO()
    code = segno.make(link, error="m", micro=False)
    code.save(out, kind="svg", scale=4, border=4, xmldecl=False, svgns=True, nl=False, dark="#000", light="#fff",
              omitsize=True, svgclass="qr", lineclass=None, encoding="utf-8")  # fmt: skip
    drawn = out.getvalue().decode()
    head, _, rest = drawn.partition(">")
    return f'{head} role="img"><title>{html.escape(title)}</title>{rest}'
