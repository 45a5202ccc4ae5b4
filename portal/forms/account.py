"""The forms on one's own account page."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import DataRequired, InputRequired, Length

from portal.forms.auth import NewPasswordForm
from portal.forms.text import strip


class PasswordForm(NewPasswordForm):
    """A new password, and the one that it replaces."""

    current = PasswordField("Current password", validators=[InputRequired("Give your current password.")])


class TokenForm(FlaskForm):
    """A new personal token."""

    name = StringField("What the token is for", filters=[strip], validators=[
        DataRequired("Say which program it is for, for example “nightly upload”."), Length(max=80)])
