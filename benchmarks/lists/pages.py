"""The addresses that are measured: the beginning, the depth, every filter, rare and common texts, of both lists."""

from __future__ import annotations

from benchmarks.lists.fill import COLLEAGUE, GUEST, RARE_WORD


def pages_of(predictions: int) -> dict[str, str]:
    """What is asked, in words, and its address. `deep` ones lie in the middle of what is reviewed."""
    deep = predictions // 4
    worklist = {
        "first": "", "deep, forwards": f"after=r{deep}", "deep, backwards": f"before=r{deep}",
        "only to review": "reviewed=no", "only reviewed": "reviewed=yes",
        "system, common": "model=leukemia", "system, rare and oldest": "model=pancreas",
        "outcome, common": "outcome=scored", "outcome, rare": "outcome=refused",
        "reader, who shares much": f"reader={COLLEAGUE}", "reader, who shares one old case": f"reader={GUEST}",
        "dates, all": "since=2022-01-01", "dates, the oldest week": "until=2022-01-10",
        "dates, none": "until=2000-01-01",
        "text, common": "q=slide", "text, of every fifth case": "q=marrow", "text, of the oldest two fifths": "q=P-00",
        "text, one image": f"q=slide-{deep:06}", "text, rare and oldest": f"q={RARE_WORD}", "text, none": "q=nowhere",
        "text and system and dates": "q=slide&model=er&since=2022-02-01&until=2023-02-01",
    }
    history = {
        "first": "", "deep": f"page={predictions // 200}", "text, common": "q=slide", "text, rare": f"q={RARE_WORD}",
        "text, none": "q=nowhere", "outcome, common": "outcome=scored", "outcome, rare": "outcome=refused",
        "system, rare": "model=pancreas", "something to review": "reviewed=no", "all reviewed": "reviewed=yes",
        "dates": "since=2022-02-01&until=2022-03-01",
    }
    return {**{f"worklist: {name}": f"/?{query}".rstrip("?") for name, query in worklist.items()},
            **{f"history: {name}": f"/cases?{query}".rstrip("?") for name, query in history.items()},
            "result: with its neighbours": f"/predictions/{deep}?list=&place=reviewed",
            "result: with its neighbours in a rare text": f"/predictions/{deep}?list=q%3D{RARE_WORD}&place=reviewed"}
