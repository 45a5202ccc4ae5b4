"""Everything that a report says, as plain JSON: what is signed is this, and what is printed comes from it alone.

The shape is `FORMAT` 1. A reader's own name for a thing is kept as text, so that a system that is renamed or gone
next year changes no report that was signed.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from models.engine import Engine
from models.spec import ModelSpec
from portal.services.blind import HIDDEN, is_veiled
from portal.services.by_hand import notes_of
from portal.services.samples import is_drawn
from portal.services.scores import Bar, bars_of, facts_of, lines_of, measures_of, questions_of, summary_of
from portal.services.system import VERSION
from portal.storage import reports
from portal.storage.tables.cases import Case, Image
from portal.storage.tables.readings import Prediction, Review

FORMAT = 1
Content = dict[str, Any]


def take(engine: Engine, case: Case, images: Sequence[Image], reader_id: int | None, *,
         uploaders: Mapping[int, str], whole: bool = True) -> Content:
    """The case as this reader may see it; for None, as it is: only to be compared or signed, never to be shown.

    Without `whole`, scores are left out and no evidence is loaded: enough to tell what changed.
    """
    return {
        "format": FORMAT, "portal": VERSION,
        "case": {"id": case.id, "patient": case.patient, "specimen": case.specimen, "note": case.note,
                 "owner": case.owner.name, "opened_at": stamp(case.created_at), "blind": case.blind},
        "images": [{**_image(image, uploaders.get(image.id, "")),
                    "predictions": [_prediction(engine, case, one, reader_id, whole=whole)
                                    for one in image.predictions]} for image in images],
    }


def canonical(content: Content) -> bytes:
    """The one way in which a content is written down to be hashed."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False,
                      allow_nan=False).encode("utf-8")


def digest_of(content: Content) -> str:
    return hashlib.sha256(canonical(content)).hexdigest()


def stamp(moment: datetime) -> str:
    """A UTC time of the tables as a report keeps it."""
    return f"{moment.replace(microsecond=0, tzinfo=None).isoformat()}Z"


def _image(image: Image, added_by: str) -> Content:
    return {"id": image.id, "name": image.name, "sha256": image.sha256, "stored_as": image.stored_as,
            "kind": image.kind, "format": image.format, "width": image.width, "height": image.height,
            "um_per_px": image.um_per_px, "serial": image.serial, "group": image.specimen_group,
            "drawn": is_drawn(image.name), "uploaded_at": stamp(image.uploaded_at), "added_by": added_by}


def _prediction(engine: Engine, case: Case, prediction: Prediction, reader_id: int | None, *,
                whole: bool) -> Content:
    spec = engine.recorded_spec(prediction.model, prediction.version)
    made = {"id": prediction.id, "model": prediction.model, "title": spec.title, "version": prediction.version,
            "weights_sha256": prediction.weights_sha256, "preprocessing": spec.preprocessing,
            "created_at": stamp(prediction.created_at)}
    if reader_id is not None and is_veiled(case, prediction, reader_id):
        return {**made, "outcome": HIDDEN, "demonstration": "", "reviews": []}
    said = {**made, "outcome": prediction.outcome, "reason": prediction.reason, "label": prediction.label,
            "demonstration": prediction.demonstration, "notice": spec.notice,
            "reviews": [_review(spec, one, whole=whole) for one in prediction.reviews]}
    return {**said, **_scores(spec, prediction), **_evidence(prediction)} if whole else said


def _scores(spec: ModelSpec, prediction: Prediction) -> Content:
    scores, label = prediction.scores, prediction.label
    answered = prediction.outcome == "scored" and not (label is None and "{label}" in spec.answer)
    score = scores.get(label) if label else None
    return {
        "answer": spec.answer.format(label=label) if answered else "", "meaning": spec.meaning(label),
        "score_name": "probability" if spec.calibrated else "model score",
        "score": score if isinstance(score, float) else None, "summary": summary_of(spec, label, scores),
        "bars": _bars(bars_of(spec, scores, label)),
        "measures": [{"title": one.title, "text": one.text, "meaning": one.meaning}
                     for one in measures_of(spec, scores)],
        "questions": [{"title": one.title, "answer": one.answer, "left_out": one.left_out, "bars": _bars(one.bars)}
                      for one in questions_of(spec, scores)],
        "facts": [list(one) for one in facts_of(spec, scores)],
        "findings": [{name: one.get(name) for name in ("code", "message", "refuses", "value", "limit")}
                     for one in prediction.findings],
        "ms": prediction.ms,
    }


def _bars(bars: Sequence[Bar]) -> list[Content]:
    return [{"label": one.label, "value": one.value, "chosen": one.chosen} for one in bars]


def _evidence(prediction: Prediction) -> Content:
    """Of layers the hash: the pixels stay in the prediction's row, which nobody can change."""
    layers, evidence = reports.find_shown(prediction.id)
    return {
        "notes": list(evidence.get("notes", ())), "um_per_px": evidence.get("um_per_px"),
        "nuclei": dict(Counter(label for _x, _y, label in evidence.get("nuclei", ()))),
        "layers": [{"name": one["name"], "title": one["title"], "kind": one["kind"], "legend": one["legend"],
                    "sha256": hashlib.sha256(b64decode(one["png"])).hexdigest()} for one in layers],
    }


def _review(spec: ModelSpec, review: Review, *, whole: bool) -> Content:
    said = {"id": review.id, "reader_id": review.reader_id, "reader": review.reader.name, "verdict": review.verdict,
            "label": review.label, "reason": review.reason, "blind": review.blind,
            "created_at": stamp(review.created_at)}
    if not whole:
        return said
    scores = review.scores or {}
    return {**said, "scores": [list(one) for one in lines_of(spec, scores)], "notes": list(notes_of(spec, scores))}
