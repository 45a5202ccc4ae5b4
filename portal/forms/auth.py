"""Forms for logging in and asking for an account."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, HiddenField, PasswordField, StringField
from wtforms.validators import EqualTo, InputRequired, Length

from portal.forms.text import strip

EMAIL_LENGTH = 254
NAME_LENGTH = 120


class LoginForm(FlaskForm):
    """Who wants in."""

    email = EmailField("E-mail", filters=[strip], validators=[InputRequired("Give your e-mail address."),
                                                              Length(max=EMAIL_LENGTH)])
    password = PasswordField("Password", validators=[InputRequired("Give your password.")])
    remember = BooleanField("Keep me logged in on this computer")
    carried = HiddenField()
    """What was being typed when the login before had ended; sealed by `portal.views.carried`."""


class NewPasswordForm(FlaskForm):
    """A new password, typed twice; whether it is good enough is for the service to say."""

    password = PasswordField("New password", validators=[InputRequired("Choose a password.")])
    confirm = PasswordField("New password again", validators=[
        InputRequired("Type the password again."), EqualTo("password", "The two passwords differ.")])


class RegisterForm(NewPasswordForm):
    """Who asks for an account."""

    name = StringField("Name", filters=[strip], validators=[InputRequired("Give your name."),
                                                            Length(max=NAME_LENGTH)])
    email = EmailField("E-mail", filters=[strip], validators=[InputRequired("Give your e-mail address."),
                                                              Length(max=EMAIL_LENGTH)])
    password = PasswordField("Password", validators=[InputRequired("Choose a password.")])
    confirm = PasswordField("Password again", validators=[
        InputRequired("Type the password again."), EqualTo("password", "The two passwords differ.")])
