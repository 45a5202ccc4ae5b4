"""What an administrator chooses for the whole portal."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import RadioField, SelectChoice, SubmitField
from wtforms.validators import InputRequired

POLICIES = [
    SelectChoice("off", "Off: a new case shows the models’ answers, unless its reader asks to read blind."),
    SelectChoice("default", "On unless switched off: a new case is read blind, unless its reader says otherwise."),
    SelectChoice("always", "Always: every new case is read blind, and nobody can switch it off."),
]


class BlindPolicyForm(FlaskForm):
    """How new cases start."""

    policy = RadioField("New cases", choices=POLICIES, validators=[InputRequired("Choose one of the three.")])
    submit = SubmitField("Save")
