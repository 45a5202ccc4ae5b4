"""A content on paper: the same content, paper and seal give the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any, Literal

from reportlab import rl_config
from reportlab.lib.pagesizes import A4, LETTER
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate, Paragraph, Spacer

from portal.services.reports.pdf.fonts import Ink
from portal.services.reports.pdf.frame import Masthead, PagedCanvas
from portal.services.reports.pdf.images import Painter, image_section
from portal.services.reports.pdf.opening import signed_box, summary, title_block, unsigned_box
from portal.services.reports.pdf.style import BOTTOM, MARGIN, SMALL, TOP
from portal.services.reports.pdf.words import moment

Paper = Literal["a4", "letter"]
Content = dict[str, Any]
SIZES: dict[Paper, tuple[float, float]] = {"a4": A4, "letter": LETTER}
SHARP, PLAIN, MANY = 900, 640, 20
"""Longer side of a printed picture in pixels; the plain one where there are many, for the document is in memory."""

# Pictures go into the file as they are, and not as text a quarter longer.
rl_config.useA85 = 0


@dataclass(frozen=True, kw_only=True)
class Seal:
    """When the document was made (a stamp), and for a signed one the sha256 of its content."""

    at: str
    sha256: str = ""


def render(content: Content, painter: Painter, paper: Paper, seal: Seal) -> bytes:
    """The PDF. `painter` is asked for one picture at a time, when its page is made."""
    ink, buffer = Ink(), BytesIO()
    width, height = SIZES[paper]
    masthead = _masthead(content, seal, ink)
    document = BaseDocTemplate(buffer, pagesize=(width, height), invariant=1, title=masthead.title,
                               author="SecondRead", subject=masthead.subject, lang="en",
                               pageTemplates=[PageTemplate("report", [Frame(
                                   MARGIN, BOTTOM, width - 2 * MARGIN, height - TOP - BOTTOM, 0, 0, 0, 0)])])
    document.build(_story(content, painter, seal, ink, width - 2 * MARGIN),
                   canvasmaker=partial(PagedCanvas, masthead=masthead))
    return buffer.getvalue()


def _story(content: Content, painter: Painter, seal: Seal, ink: Ink, width: float) -> list[Flowable]:
    side = SHARP if len(content["images"]) <= MANY else PLAIN
    opening = [*title_block(content, ink, width), *summary(content, ink, width)]
    signature = content.get("signature")
    opening += signed_box(signature, seal.sha256, ink, width) if signature else unsigned_box(content, ink, width)
    sections = [flowable for number, image in enumerate(content["images"], start=1)
                for flowable in image_section(number, image, painter, side, ink, width)]
    return [*opening, *_missing(ink), *sections]


def _masthead(content: Content, seal: Seal, ink: Ink) -> Masthead:
    case, signature = content["case"], content.get("signature")
    title = "Preview"
    if signature:
        title = f"Report {signature['number']}" + (" · addendum" if signature["previous"] else "")
    sealed = f"signed {moment(seal.at)} · sha256 {seal.sha256[:16]}…" if signature else f"generated {moment(seal.at)}"
    unsigned = "" if signature else "Not signed. This preview may change; only a signed report stands."
    return Masthead(title=title, subject=f"Case {case['id']} · {ink.plain(case['patient'])}",
                    foot=f"Case {case['id']} · {title} · {sealed} · SecondRead {content['portal']}", unsigned=unsigned)


def _missing(ink: Ink) -> list[Flowable]:
    """A name with a mark in it must not be taken for the name."""
    if not ink.missing:
        return []
    points = ", ".join(f"U+{ord(one):04X}" for one in list(ink.missing)[:12])
    more = f" and {len(ink.missing) - 12} more" if len(ink.missing) > 12 else ""
    return [Spacer(0, 8), Paragraph(f"Some characters cannot be printed here and stand as a mark: {points}{more}. "
                                    "The portal shows them.", SMALL)]
