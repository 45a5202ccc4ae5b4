"""The review form."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import RadioField, SelectChoice, SelectField, SubmitField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from portal.forms.text import strip

VERDICTS = [SelectChoice("agree", "Agree"), SelectChoice("override", "I read it differently"),
            SelectChoice("cannot-judge", "Cannot be judged")]
BY_HAND = [SelectChoice("override", "Record my reading"), SelectChoice("cannot-judge", "Cannot be judged")]


class ReviewForm(FlaskForm):
    """Agree, override with a class and a reason, or say that the image cannot be judged."""

    verdict = RadioField("Your reading", validators=[InputRequired("Choose one.")])
    label = SelectField("Class", validators=[Optional()])
    reason = TextAreaField("Reason", filters=[strip], validators=[Optional(), Length(max=2000)])
    submit = SubmitField("Save review")

    def offer(self, labels: tuple[str, ...], scored: bool) -> ReviewForm:
        """Fill the choices for one prediction."""
        self.verdict.choices = VERDICTS if scored else BY_HAND
        self.label.choices = [SelectChoice("", "Choose a class"), *(SelectChoice(label, label) for label in labels)]
        return self
