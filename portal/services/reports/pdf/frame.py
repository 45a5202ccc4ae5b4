"""What stands on every page: the mark, which report this is, the research-use line, the page's number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from portal.services.reports.pdf.fonts import STRONG, TEXT
from portal.services.reports.pdf.style import BAD, BAD_SOFT, HEADER, INK, LINE, MARGIN, SOFT
from portal.services.reports.pdf.words import NOT_SIGNED, RESEARCH

VIOLET, ROSE = HexColor("#8f7ee6"), HexColor("#e58fb0")


@dataclass(frozen=True, kw_only=True)
class Masthead:
    """The texts of every page; an empty `unsigned` stands on a signed one."""

    title: str
    subject: str
    foot: str
    unsigned: str


class PagedCanvas(Canvas):
    """Keeps its pages until it knows how many there are, and then writes each one's head and foot."""

    def __init__(self, *args: Any, masthead: Masthead, **options: Any) -> None:
        super().__init__(*args, **options)
        self._masthead = masthead
        self._states: list[dict[str, Any]] = []

    def showPage(self) -> None:
        # ReportLab's name.
        self._states.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        states = self._states
        for number, state in enumerate(states, start=1):
            self.__dict__.update(state)
            draw_head(self, self._masthead)
            draw_foot(self, self._masthead, f"{number} of {len(states)}")
            super().showPage()
        super().save()


def draw_head(canvas: Canvas, masthead: Masthead) -> None:
    width, height = canvas._pagesize
    draw_mark(canvas, MARGIN, height - 19 * mm, 8 * mm)
    canvas.setFillColor(HEADER)
    canvas.setFont(STRONG, 12)
    canvas.drawString(MARGIN + 13.5 * mm, height - 14.6 * mm, "SecondRead")
    canvas.setFillColor(SOFT)
    canvas.setFont(TEXT, 7.5)
    canvas.drawString(MARGIN + 13.5 * mm, height - 18.4 * mm, "Second reading of microscope images")
    canvas.drawRightString(width - MARGIN, height - 18.4 * mm, masthead.subject)
    canvas.setFillColor(INK)
    canvas.setFont(STRONG, 9)
    canvas.drawRightString(width - MARGIN, height - 13.6 * mm, masthead.title)
    if masthead.unsigned:
        _draw_stamp(canvas, width - MARGIN - stringWidth(masthead.title, STRONG, 9) - 4 * mm, height - 15.6 * mm)
    canvas.setStrokeColor(HEADER)
    canvas.setLineWidth(1.1)
    canvas.line(MARGIN, height - 22.5 * mm, width - MARGIN, height - 22.5 * mm)


def draw_foot(canvas: Canvas, masthead: Masthead, page: str) -> None:
    width = canvas._pagesize[0]
    canvas.setStrokeColor(LINE)
    canvas.setLineWidth(0.6)
    canvas.line(MARGIN, 19 * mm, width - MARGIN, 19 * mm)
    canvas.setFillColor(INK)
    canvas.setFont(STRONG, 7.5)
    canvas.drawString(MARGIN, 15.2 * mm, RESEARCH)
    canvas.drawRightString(width - MARGIN, 15.2 * mm, page)
    canvas.setFillColor(SOFT)
    canvas.setFont(TEXT, 6.5)
    canvas.drawString(MARGIN, 11.6 * mm, masthead.foot)
    if masthead.unsigned:
        canvas.setFillColor(BAD)
        canvas.drawString(MARGIN, 8.4 * mm, masthead.unsigned)


def draw_mark(canvas: Canvas, left: float, low: float, side: float) -> None:
    """The portal's mark, as `static/img/logo.svg` has it, in colours for white paper."""
    canvas.saveState()
    canvas.translate(left - side * 0.09, low + side * 1.0)
    canvas.scale(side / 24, -side / 24)
    canvas.translate(0, -4)
    lens = canvas.beginPath()
    lens.moveTo(16, 8.6)
    lens.curveTo(20.6, 11.2, 20.6, 20.8, 16, 23.4)
    lens.curveTo(11.4, 20.8, 11.4, 11.2, 16, 8.6)
    canvas.setFillColor(ROSE)
    canvas.drawPath(lens, stroke=0, fill=1)
    canvas.setLineWidth(2.5)
    for centre, colour in ((12.5, VIOLET), (19.5, HEADER)):
        canvas.setStrokeColor(colour)
        canvas.circle(centre, 16, 9.5)
    canvas.restoreState()


def _draw_stamp(canvas: Canvas, right: float, middle: float) -> None:
    width = stringWidth(NOT_SIGNED, STRONG, 9) + 4 * mm
    canvas.setFillColor(BAD_SOFT)
    canvas.setStrokeColor(BAD)
    canvas.setLineWidth(1)
    canvas.roundRect(right - width, middle, width, 5.4 * mm, 1.2 * mm, fill=1)
    canvas.setFillColor(BAD)
    canvas.setFont(STRONG, 9)
    canvas.drawCentredString(right - width / 2, middle + 1.4 * mm, NOT_SIGNED)
