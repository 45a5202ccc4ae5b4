"""The form that shares a case."""

from __future__ import annotations

from collections.abc import Iterable

from flask_wtf import FlaskForm
from wtforms import SelectChoice, SelectField, SubmitField
from wtforms.validators import InputRequired


class ShareForm(FlaskForm):
    """A colleague, by account."""

    reader = SelectField("Colleague", coerce=str, validators=[InputRequired("Choose a colleague.")])
    share = SubmitField("Share")

    def offer(self, colleagues: Iterable[tuple[int, str]]) -> ShareForm:
        """Fill the choices with ids and names."""
        self.reader.choices = [SelectChoice("", "Choose a colleague"),
                               *(SelectChoice(str(number), name) for number, name in colleagues)]
        return self
