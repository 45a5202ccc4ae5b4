"""Pictures on paper: drawn only when their page is, with a scale bar where the pixel size is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.platypus import Flowable

from portal.services.reports.pdf.fonts import STRONG, TEXT, Ink
from portal.services.reports.pdf.scale_bar import scale_bar
from portal.services.reports.pdf.style import INK, LINE, RAISED, SOFT, WHITE

Draw = Callable[[], bytes | None]
HEAT = [HexColor(one) for one in ("#140b34", "#540f6d", "#9f2a63", "#dd513a", "#fca50a", "#fcffa4")]
BAR_HEIGHT = 1.2 * mm
TALLEST = 86 * mm


class Jpeg(ImageReader):
    """A JPEG that goes into the document as it is. ReportLab's own reader decodes it to name it, and keeps the pixels
    alive through a method of its own: two hundred pictures would be a gigabyte.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(BytesIO(data))
        del self.jpeg_fh
        self._data, self._dataA = data, None

    def jpeg_fh(self) -> BytesIO:
        return BytesIO(self._data)

    def getRGBData(self) -> bytes:
        """What the picture is told apart by."""
        return self._data


class Figure(Flowable):
    """One picture, at most `room` wide. `draw` is asked for its JPEG when the page is made, and not before."""

    def __init__(self, draw: Draw, width: int, height: int, room: float, um_per_px: float | None) -> None:
        super().__init__()
        self._draw, self._pixels, self._um_per_px = draw, width, um_per_px
        shrink = min(room / width, TALLEST / height)
        self.width, self.height = width * shrink, height * shrink

    def wrap(self, *_room: float) -> tuple[float, float]:
        return self.width, self.height

    def draw(self) -> None:
        jpeg = self._draw()
        if jpeg is None:
            self._draw_gap()
            return
        self.canv.drawImage(Jpeg(jpeg), 0, 0, self.width, self.height)
        self.canv.setStrokeColor(LINE)
        self.canv.setLineWidth(0.5)
        self.canv.rect(0, 0, self.width, self.height)
        if self._um_per_px:
            self._draw_bar(self._um_per_px)

    def _draw_gap(self) -> None:
        self.canv.setFillColor(RAISED)
        self.canv.rect(0, 0, self.width, self.height, stroke=0, fill=1)
        self.canv.setFillColor(SOFT)
        self.canv.setFont(TEXT, 7.5)
        self.canv.drawCentredString(self.width / 2, self.height / 2, "This picture cannot be shown.")

    def _draw_bar(self, um_per_px: float) -> None:
        """Black on a white plate in the lower right corner: legible on every stain."""
        bar = scale_bar(self._pixels, um_per_px)
        length, size = bar.share * self.width, 7
        plate = max(length, stringWidth(bar.text, STRONG, size)) + 2 * mm
        tall = BAR_HEIGHT + size + 2 * mm
        left, low = self.width - plate - 1.5 * mm, 1.5 * mm
        self.canv.setFillColor(WHITE)
        self.canv.rect(left, low, plate, tall, stroke=0, fill=1)
        self.canv.setFillColor(Color(0, 0, 0))
        self.canv.rect(left + (plate - length) / 2, low + 0.8 * mm, length, BAR_HEIGHT, stroke=0, fill=1)
        self.canv.setFont(STRONG, size)
        self.canv.drawCentredString(left + plate / 2, low + BAR_HEIGHT + 1.5 * mm, bar.text)


class HeatLegend(Flowable):
    """From less to more, in the colours of a heat map."""

    def wrap(self, *_room: float) -> tuple[float, float]:
        return 40 * mm, 3.2 * mm

    def draw(self) -> None:
        self.canv.setFillColor(SOFT)
        self.canv.setFont(TEXT, 6.5)
        self.canv.drawString(0, 0.7 * mm, "less")
        for index, colour in enumerate(HEAT):
            self.canv.setFillColor(colour)
            self.canv.rect((6 + 3.4 * index) * mm, 0.6 * mm, 3.4 * mm, 1.8 * mm, stroke=0, fill=1)
        self.canv.setFillColor(SOFT)
        self.canv.drawString(27.4 * mm, 0.7 * mm, "more")


class ClassLegend(Flowable):
    """The classes of a map with their colours, as many beside each other as there is room for."""

    row, size = 3.6 * mm, 6.5

    def __init__(self, legend: Sequence[Any], nuclei: dict[str, int], ink: Ink) -> None:
        super().__init__()
        self._entries = [(colour, ink.plain(f"{label}, {nuclei[label]} nuclei" if label in nuclei else label))
                         for label, colour in legend if tuple(colour) != (0, 0, 0)]
        self._places: list[tuple[float, int]] = []

    def wrap(self, room: float, _height: float) -> tuple[float, float]:
        left, line, self._places = 0.0, 0, []
        for _colour, words in self._entries:
            width = stringWidth(words, TEXT, self.size) + 6 * mm
            if left and left + width > room:
                left, line = 0.0, line + 1
            self._places.append((left, line))
            left += width
        return room, self.row * (line + 1)

    def draw(self) -> None:
        lines = max((line for _left, line in self._places), default=0)
        for ((red, green, blue), words), (left, line) in zip(self._entries, self._places, strict=True):
            low = (lines - line) * self.row
            self.canv.setFillColor(Color(red / 255, green / 255, blue / 255))
            self.canv.setStrokeColor(SOFT)
            self.canv.setLineWidth(0.3)
            self.canv.rect(left, low + 0.6 * mm, 2.2 * mm, 2.2 * mm, fill=1)
            self.canv.setFillColor(INK)
            self.canv.setFont(TEXT, self.size)
            self.canv.drawString(left + 3.2 * mm, low + 0.9 * mm, words)


class Bar(Flowable):
    """A share of 0 to 1 as a bar."""

    def __init__(self, share: float, width: float, track: Color, colour: Color) -> None:
        super().__init__()
        self.width, self.height = width, 2 * mm
        self._share, self._track, self._colour = min(1.0, max(0.0, share)), track, colour

    def wrap(self, *_room: float) -> tuple[float, float]:
        return self.width, self.height + 1 * mm

    def draw(self) -> None:
        for share, colour in ((1.0, self._track), (self._share, self._colour)):
            self.canv.setFillColor(colour)
            self.canv.rect(0, 0, self.width * share, self.height, stroke=0, fill=1)
