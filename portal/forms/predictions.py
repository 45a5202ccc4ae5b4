"""The review form; what may be scored by hand comes from the system."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import Field, HiddenField, RadioField, SelectChoice, SelectField, SubmitField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from portal.forms.numbers import NumberField
from portal.forms.text import strip

VERDICTS = [SelectChoice("agree", "Agree"), SelectChoice("override", "I read it differently"),
            SelectChoice("cannot-judge", "Cannot be judged")]
BY_HAND = [SelectChoice("override", "Record my reading"), SelectChoice("cannot-judge", "Cannot be judged")]
PREFIX = "score_"
NOT_COUNTED = "The recount could not be read. Open it again and check it."


class Entry(Protocol):
    """A score that is asked for."""

    @property
    def key(self) -> str: ...
    @property
    def title(self) -> str: ...


class Number(Entry, Protocol):
    """One that is typed."""

    @property
    def hint(self) -> str: ...


class Choice(Entry, Protocol):
    """One that is chosen."""

    @property
    def options(self) -> tuple[str, ...]: ...


class CorrectionsField(HiddenField):
    """Nuclei put into another class, as JSON: `data` is a list, empty without any."""

    def _value(self) -> str:
        return str(self.raw_data[0]) if self.raw_data else ""

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = _corrections(str(valuelist[0])) if valuelist and valuelist[0] else []


class ReviewForm(FlaskForm):
    """Agree, override with a reading and a reason, or say that the image cannot be judged."""

    verdict = RadioField("Your reading", validators=[InputRequired("Choose one.")])
    label = SelectField("Class", validators=[Optional()])
    reason = TextAreaField("Reason", filters=[strip], validators=[Optional(), Length(max=2000)])
    corrections = CorrectionsField()
    ticket = HiddenField(default="")
    """Whose form this is and since when; sealed by `portal.views.carried`."""
    submit = SubmitField("Save review")

    @property
    def score_fields(self) -> list[Field]:
        return [one for one in self if one.short_name.startswith(PREFIX)]

    @property
    def scores(self) -> dict[str, Any]:
        """What was typed and chosen, by the system's own keys."""
        return {one.short_name.removeprefix(PREFIX): one.data for one in self.score_fields}


def make_review_form(labels: Sequence[str], numbers: Sequence[Number], choices: Sequence[Choice], *,
                     may_agree: bool, known: Mapping[str, Any],
                     typed: Mapping[str, Any] | None = None) -> ReviewForm:
    """The form for one prediction; `known` are the numbers to start from, `typed` what stands in it already.

    Without `typed` it is filled from the request, when that sends a form.
    """
    fields: dict[str, Any] = {PREFIX + one.key: NumberField(one.title, description=one.hint,
                                                            validators=[Optional()]) for one in numbers}
    fields.update({PREFIX + one.key: SelectField(one.title, validators=[Optional()], choices=[
        SelectChoice("", "Not answered"), *(SelectChoice(option, option) for option in one.options)])
        for one in choices})
    data = {PREFIX + one.key: known.get(one.key) for one in numbers}
    made = type("ReviewForm", (ReviewForm,), fields)
    form: ReviewForm = made(data=data) if typed is None else made(MultiDict(typed) if typed else None, data=data)
    form.verdict.choices = VERDICTS if may_agree else BY_HAND
    form.label.choices = [SelectChoice("", "Choose a class"), *(SelectChoice(label, label) for label in labels)]
    return form


def _corrections(text: str) -> list[Any]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, list):
        raise ValueError(NOT_COUNTED)
    return given
