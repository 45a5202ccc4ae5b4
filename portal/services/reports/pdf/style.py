"""Type, colours and measures of a report, as the pages of the portal have them."""

from __future__ import annotations

from typing import Any

from reportlab.lib.colors import Color, HexColor, white
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Table, TableStyle

from portal.services.reports.pdf.fonts import STRONG, TEXT

INK, SOFT, LINE = HexColor("#1c1d26"), HexColor("#555968"), HexColor("#dddbd5")
ACCENT, ACCENT_SOFT, HEADER = HexColor("#4a3c94"), HexColor("#eceaf7"), HexColor("#211c3d")
RAISED, TRACK = HexColor("#f7f6f3"), HexColor("#e9e7e1")
GOOD, GOOD_SOFT = HexColor("#0b6450"), HexColor("#dff0ea")
WARN, WARN_SOFT = HexColor("#7d4a00"), HexColor("#fbefd9")
BAD, BAD_SOFT = HexColor("#9a2828"), HexColor("#f9e5e3")
MARGIN, TOP, BOTTOM = 18 * mm, 29 * mm, 24 * mm


def _style(name: str, size: float, leading: float, colour: Color = INK, strong: bool = False,
           **more: Any) -> ParagraphStyle:
    # Long hashes, file names and words in any language break rather than run out of their cell.
    return ParagraphStyle(name, fontName=STRONG if strong else TEXT, fontSize=size, leading=leading,
                          textColor=colour, splitLongWords=True, **more)


BODY = _style("body", 9, 12.5)
SMALL = _style("small", 7.5, 10, SOFT)
LABEL = _style("label", 7.5, 10.5, SOFT)
CELL = _style("cell", 8.5, 11)
CELL_STRONG = _style("cell-strong", 8.5, 11, strong=True)
CELL_RIGHT = _style("cell-right", 8.5, 11, alignment=2)
HEAD_CELL = _style("head-cell", 7.5, 10, SOFT, strong=True)
BELOW = _style("below", 8.5, 11.5, leftIndent=4, spaceBefore=3)
TITLE = _style("title", 18, 22, HEADER, strong=True)
HEADING = _style("heading", 12.5, 16, HEADER, strong=True, spaceBefore=8, spaceAfter=4, keepWithNext=True)
IMAGE_HEADING = _style("image-heading", 12.5, 16, HEADER, strong=True, spaceBefore=18, spaceAfter=4)
SUBHEADING = _style("subheading", 10, 13, ACCENT, strong=True, spaceBefore=8, spaceAfter=3, keepWithNext=True)
MINOR = _style("minor", 8.5, 11, INK, strong=True, spaceBefore=5, spaceAfter=2, keepWithNext=True)
ANSWER = _style("answer", 10.5, 14, strong=True)
TAG = {name: _style(f"tag-{name}", 7.5, 10, colour, strong=True, alignment=1) for name, colour in
       {"good": GOOD, "warn": WARN, "bad": BAD, "quiet": SOFT, "accent": ACCENT}.items()}
TAG_GROUND = {"good": GOOD_SOFT, "warn": WARN_SOFT, "bad": BAD_SOFT, "quiet": TRACK, "accent": ACCENT_SOFT}

PLAIN_ROWS = TableStyle([
    ("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 4), ("RIGHTPADDING", (0, 0), (-1, -1), 4),
    ("TOPPADDING", (0, 0), (-1, -1), 3), ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
    ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE)])
HEADED_ROWS = TableStyle([*PLAIN_ROWS.getCommands(), ("LINEBELOW", (0, 0), (-1, 0), 0.9, ACCENT),
                          ("VALIGN", (0, 0), (-1, 0), "BOTTOM")])
BARE = TableStyle([("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 0),
                   ("TOPPADDING", (0, 0), (-1, -1), 0), ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
                   ("VALIGN", (0, 0), (-1, -1), "TOP")])


def boxed(rows: list[Any], width: float, ground: Color = RAISED, edge: Color = LINE) -> Table:
    """Rows one below the other in a box; a row may go to the next page."""
    return Table([[one] for one in rows], colWidths=[width], style=TableStyle([
        ("BACKGROUND", (0, 0), (-1, -1), ground), ("BOX", (0, 0), (-1, -1), 0.6, edge),
        ("LEFTPADDING", (0, 0), (-1, -1), 8), ("RIGHTPADDING", (0, 0), (-1, -1), 8),
        ("TOPPADDING", (0, 0), (-1, -1), 2), ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ("TOPPADDING", (0, 0), (0, 0), 7), ("BOTTOMPADDING", (0, -1), (0, -1), 8)]))


WHITE = white
