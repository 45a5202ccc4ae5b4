"""A PDF as a reader sees it: its pages' texts, sizes and pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pypdfium2
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page: width and height in points, its text with every run of blanks as one, its pixels, and its pictures."""

    width: float
    height: float
    text: str
    pixels: NDArray[np.uint8]
    pictures: list[NDArray[np.uint8]]


def pages(data: bytes, scale: float = 2.0) -> list[Page]:
    """All pages, drawn with so many pixels per point."""
    document = pypdfium2.PdfDocument(data)
    try:
        return [_page(document[number], scale) for number in range(len(document))]
    finally:
        document.close()


def text_of(data: bytes) -> str:
    return " ".join(page.text for page in pages(data, scale=0.1))


def _page(page: pypdfium2.PdfPage, scale: float) -> Page:
    words, drawn = page.get_textpage(), page.render(scale=scale)
    width, height = page.get_size()
    text = " ".join(words.get_text_bounded().split())
    images = page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE])
    return Page(width=width, height=height, text=text, pixels=drawn.to_numpy()[..., :3].copy(),
                pictures=[one.get_bitmap().to_numpy()[..., :3].copy() for one in images])
