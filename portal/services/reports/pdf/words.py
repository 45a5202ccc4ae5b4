"""How a report writes numbers, moments and verdicts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from portal.services.reports.agreement import Agreement
from portal.services.shares import percent

RESEARCH = "Research use only, not a diagnosis. A model can be wrong with a high score."
DEMONSTRATION = "Demonstration – not a real score"
NOT_SIGNED = "NOT SIGNED"
OUTCOMES = {"scored": "Scored", "refused": "Not scored", "hidden": "Hidden until read"}
AGREEMENTS: dict[Agreement, tuple[str, str]] = {
    "agrees": ("Agrees", "good"), "same class": ("Same class", "good"), "differs": ("Differs", "bad"),
    "cannot judge": ("Cannot judge", "warn"), "by hand": ("Read by hand", "accent"), "not read": ("Not read", "quiet"),
    "hidden": ("Hidden", "quiet")}
"""Words and colour of the mark beside a reading."""
MEASURED = {"too-small": "Shorter side in pixels", "blank": "Contrast", "low-contrast": "Contrast",
            "too-dark": "Brightness", "too-bright": "Brightness", "blur": "Sharpness", "in-domain": "Likeness"}
"""What an image check measured, as the result page calls it."""


def moment(stamp: str) -> str:
    """A stamp as "21 Nov 2026, 05:04 UTC"."""
    at = datetime.fromisoformat(stamp)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def number(value: float) -> str:
    """To four digits, with a minus that is one."""
    return f"{value:.4g}".replace("-", "−")


def short_answer(prediction: dict[str, Any]) -> str:
    """The model's answer in the summary, which has no room for a score that only demonstrates."""
    if prediction["outcome"] != "scored":
        return OUTCOMES[prediction["outcome"]]
    if prediction["demonstration"]:
        return DEMONSTRATION
    beside = percent(prediction["score"]) if prediction["score"] is not None else prediction["summary"]
    return " – ".join(filter(None, (prediction["label"], beside))) or "Scored"


def reading(prediction: dict[str, Any], review: dict[str, Any]) -> str:
    """What a reader said, in a few words."""
    if review["verdict"] == "cannot-judge":
        return "Cannot be judged"
    if review["verdict"] == "agree":
        return review["label"] or "As the model says"
    scores = "; ".join(f"{title} {text}" for title, text in review["scores"][:2])
    more = f"; {len(review['scores']) - 2} more" if len(review["scores"]) > 2 else ""
    return " – ".join(filter(None, (review["label"], scores + more))) or "Own reading"
