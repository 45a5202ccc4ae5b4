"""Forms for deleting a case."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from portal.forms.text import strip


class ProposeForm(FlaskForm):
    """Why a case is to be deleted."""

    reason = TextAreaField("Reason", filters=[strip], validators=[
        DataRequired("Say why."), Length(max=500, message="Say it in at most 500 characters.")])


class ConfirmForm(FlaskForm):
    """The number of the case that goes, typed by whoever confirms."""

    number = StringField("Number of the case", filters=[strip], validators=[
        DataRequired("Type the number of the case."), Length(max=20)])
