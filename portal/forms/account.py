"""The forms on one's own account page."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import DataRequired, InputRequired, Length

from portal.forms.auth import NewPasswordForm
from portal.forms.text import strip


class PasswordForm(NewPasswordForm):
    """A new password, the one that it replaces, and a code; for accounts without a second factor the view takes the
    code's field out.
    """

    current = PasswordField("Current password", validators=[InputRequired("Give your current password.")])
    code = StringField("Code", filters=[strip], validators=[InputRequired("Type the code."), Length(max=60)])


class TokenForm(FlaskForm):
    """A new personal token."""

    name = StringField("What the token is for", filters=[strip], validators=[
        DataRequired("Say which program it is for, for example “nightly upload”."), Length(max=80)])


class SecondFactorForm(FlaskForm):
    """A new second factor: its key, under this portal's seal, and a code that shows that the phone has it."""

    sealed = HiddenField()
    code = StringField("Code", filters=[strip], validators=[InputRequired("Type the six digits that the app shows."),
                                                            Length(max=20)])
