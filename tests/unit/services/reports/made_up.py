"""Contents of reports that no database has seen."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

Content = dict[str, Any]
MOMENT = "2026-11-21T04:05:06Z"


def review(number: int = 1, **changes: Any) -> Content:
    return {"id": number, "reader_id": 7, "reader": "Dr. Ünal", "verdict": "agree", "label": "Pre", "scores": [],
            "notes": [], "reason": "", "blind": False, "created_at": MOMENT, **changes}


def prediction(number: int = 1, **changes: Any) -> Content:
    return {"id": number, "model": "leukemia", "title": "Leukemia", "version": "1", "weights_sha256": "a1" * 32,
            "preprocessing": "Squashed.", "created_at": MOMENT, "outcome": "scored", "reason": "", "label": "Pre",
            "demonstration": "", "notice": "Research use only.", "reviews": [], "answer": "Similar to Pre.",
            "meaning": "A pattern.", "score_name": "probability", "score": 0.934, "summary": "",
            "bars": [{"label": "Benign", "value": 0.066, "chosen": False},
                     {"label": "Pre", "value": 0.934, "chosen": True}],
            "measures": [], "questions": [], "facts": [], "findings": [], "ms": 12.5, "notes": [], "um_per_px": None,
            "nuclei": {}, "layers": [], **changes}


def image(number: int = 1, **changes: Any) -> Content:
    return {"id": number, "name": f"field-{number}.png", "sha256": f"{number:064x}", "stored_as": f"{number}.png",
            "format": "png", "width": 400, "height": 300, "um_per_px": None, "serial": "", "group": "",
            "drawn": False, "uploaded_at": MOMENT, "added_by": "Dr. Ünal", "predictions": [prediction(number)],
            **changes}


def content(*images: Content, **case: Any) -> Content:
    return {"format": 1, "portal": "9.9", "images": list(images),
            "case": {"id": 3, "patient": "P-0117", "specimen": "blood", "note": "", "owner": "Dr. Ünal",
                     "opened_at": MOMENT, "blind": False, **case}}


def signature(number: int = 1, **changes: Any) -> Content:
    return {"number": number, "by": "Dr. Ünal", "by_id": 7, "at": MOMENT, "comment": "", "waiting": [],
            "first": None, "previous": None, "changes": [], **changes}


def paint(image: Content, *_rest: Any) -> bytes:
    """A grey picture of the image's size."""
    buffer = io.BytesIO()
    Image.new("RGB", (image["width"], image["height"]), (150, 150, 150)).save(buffer, "JPEG")
    return buffer.getvalue()
