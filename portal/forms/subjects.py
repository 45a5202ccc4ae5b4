"""One pseudonym, looked for exactly as it is written."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from portal.forms.text import strip


class SubjectForm(FlaskForm):
    """Sent in the body, for addresses end in logs."""

    patient = StringField("Patient pseudonym", filters=[strip], validators=[
        DataRequired("Give the pseudonym."), Length(max=80)])


class SubjectDeletionForm(SubjectForm):
    """The same, and why all its cases are to be deleted."""

    reason = TextAreaField("Reason", filters=[strip], validators=[
        DataRequired("Say why."), Length(max=500, message="Say it in at most 500 characters.")])
