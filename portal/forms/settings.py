"""What an administrator may change while the portal runs."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, IntegerField, StringField
from wtforms.validators import Length, NumberRange, Optional

from portal.forms.text import strip


class SettingsForm(FlaskForm):
    """An empty field means that there is no such rule."""

    registration = BooleanField("Anybody may ask for an account")
    retention = IntegerField("Retention period in months", validators=[
        Optional(), NumberRange(1, 1200, "Give 1 to 1200 months, or nothing.")])
    mask = StringField("Form of a pseudonym", filters=[strip], validators=[
        Length(max=40, message="A mask has at most 40 characters.")])
    second_factor = BooleanField("Everybody must have a second factor")
