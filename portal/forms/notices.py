"""A notice to everybody."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import DateField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length

from portal.forms.text import strip


class NoticeForm(FlaskForm):
    """What everybody is told, and until when."""

    text = TextAreaField("Notice", filters=[strip], validators=[
        DataRequired("Write what everybody is to know."), Length(max=500)])
    until = DateField("Until the end of", validators=[InputRequired("Choose a day.")])
