"""Letters for paper: Noto Sans from npm (Latin, Greek, Cyrillic); Vera, which ReportLab brings, for a few signs."""

from __future__ import annotations

import logging
import re
from functools import cache
from xml.sax.saxutils import escape

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from config import ROOT

log = logging.getLogger("portal.reports")

FOLDER = ROOT / "static" / "vendor" / "noto-sans"
TEXT, STRONG, SIGNS = "ReportText", "ReportStrong", "ReportSigns"
NOTO = {TEXT: "NotoSans_400Regular.ttf", STRONG: "NotoSans_600SemiBold.ttf"}
VERA = {TEXT: "Vera.ttf", STRONG: "VeraBd.ttf", SIGNS: "Vera.ttf"}
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")


@cache
def register() -> None:
    """Once per process. A portal whose front-end parts were not fetched still prints, in fewer alphabets."""
    for name, fallback in VERA.items():
        path = FOLDER / NOTO.get(name, "none")
        if name in NOTO and not path.is_file():
            log.warning("%s is missing: reports print only western European letters; run ./run.sh once", path.name)
        pdfmetrics.registerFont(TTFont(name, str(path) if path.is_file() else fallback))
    pdfmetrics.registerFontFamily(TEXT, normal=TEXT, bold=STRONG, italic=TEXT, boldItalic=STRONG)


class Ink:
    """Turns texts into ReportLab's markup, and remembers which characters no font here can draw."""

    def __init__(self) -> None:
        register()
        self.missing: dict[str, None] = {}

    def text(self, words: object) -> str:
        """Markup for a plain text: escaped, line breaks kept, a mark for every character without a glyph."""
        return "".join(self._marked(one) for one in _CONTROL.sub("", str(words).replace("\r\n", "\n")))

    def plain(self, words: object) -> str:
        """For a canvas, which knows no markup and one font only."""
        return "".join(one if _has(TEXT, one) else self._replaced(one)
                       for one in _CONTROL.sub("", str(words)).replace("\n", " "))

    def _marked(self, one: str) -> str:
        if one == "\n":
            return "<br/>"
        if _has(TEXT, one):
            return escape(one)
        return f'<font name="{SIGNS}">{escape(one)}</font>' if _has(SIGNS, one) else self._replaced(one)

    def _replaced(self, one: str) -> str:
        """ReportLab draws nothing at all for such a character, and a name would be another name."""
        self.missing[one] = None
        return REPLACEMENT if _has(TEXT, REPLACEMENT) else "?"


def _has(font: str, one: str) -> bool:
    return one in "\t " or ord(one) in pdfmetrics.getFont(font).face.charToGlyph
