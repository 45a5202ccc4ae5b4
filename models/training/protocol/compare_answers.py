"""Two versions of a system that answers several questions, beside a reader's answers, where there are any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.spec import ModelSpec, Question, Reading
from models.training.protocol.own import Example
from models.training.protocol.pairs import Indexes, Pair, both, conclusion, few, rows_of, surely_less


def of_answers(spec: ModelSpec, pairs: Sequence[Pair], seed: int) -> dict[str, Any]:
    """Accuracy per question and of all answers together, and which version is better by the latter.

    Raises ValueError where no kept-out image has an answer to a question that both versions answer.
    """
    asked = answered(spec, pairs)
    if not asked:
        raise ValueError("no kept-out image has an answer to compare with")
    sides = [np.stack([rights(asked, pair.example, one) for pair, one in zip(pairs, side, strict=True)])
             for side in ([pair.candidate for pair in pairs], [pair.base for pair in pairs])]
    figures = [both("Accuracy, all answers", "higher", lambda side, i: _mean(sides[side][i]))]
    figures += [both(f"Accuracy, {one.title}", "higher", _accuracy(sides, index)) for index, one in enumerate(asked)]
    rows = rows_of(figures, pairs, seed)
    counts = ", ".join(f"{one.title} {int(np.isfinite(sides[0][:, index]).sum())}" for index, one in enumerate(asked))
    return {"rows": rows, "labels": [], "candidate_matrix": [], "active_matrix": [], **conclusion(rows[0], pairs),
            "warnings": few(pairs), "notes": [f"Answers compared: {counts}."]}


def answered(spec: ModelSpec, pairs: Sequence[Pair]) -> tuple[Question, ...]:
    """The questions that the system answers, and at least one reader did."""
    return tuple(one for one in spec.questions
                 if pairs[0].candidate.scores.get(one.key) and any(_answer(pair.example, one) for pair in pairs))


def rights(asked: Sequence[Question], example: Example, said: Reading) -> NDArray[np.float64]:
    """Per question (n,) 1 where the likeliest option is the reader's, 0 where it is not, nan where nobody answered."""
    found = np.full(len(asked), np.nan)
    for index, one in enumerate(asked):
        if _answer(example, one):
            scores = said.scores[one.key]
            found[index] = max(one.options, key=lambda option: float(scores[option])) == _answer(example, one)
    return found


def better_than_the_commonest(
    spec: ModelSpec, pairs: Sequence[Pair], examples: Sequence[Example], seed: int
) -> bool:
    """Whether the candidate is surely right more often, in every question it answers, than the answer that is the
    commonest in what it learnt from.
    """
    for one in (one for one in spec.questions if pairs[0].candidate.scores.get(one.key)):
        learnt = Counter(answer for some in examples if some.role != "test" and (answer := _answer(some, one)))
        mine = [pair for pair in pairs if _answer(pair.example, one)]
        if not learnt or not mine:
            return False
        commonest = max(one.options, key=lambda option: learnt[option])
        always = np.array([_answer(pair.example, one) == commonest for pair in mine], float)
        right = np.array([rights([one], pair.example, pair.candidate)[0] for pair in mine])
        if not surely_less(always - right, mine, seed):
            return False
    return True


def _answer(example: Example, question: Question) -> str | None:
    return (example.answers or {}).get(question.key)


def _mean(some: NDArray[np.float64]) -> float:
    known = some[np.isfinite(some)]
    return float(known.mean()) if len(known) else float("nan")


def _accuracy(sides: Sequence[NDArray[np.float64]], index: int) -> Callable[[int, Indexes], float]:
    return lambda side, i: _mean(sides[side][i, index])
