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
    carried = HiddenField(default="")
    """What was being typed when the login before had ended; sealed by `portal.views.carried`."""


class CodeForm(FlaskForm):
    """The second half of a login."""

    code = StringField("Code", filters=[strip], validators=[InputRequired("Type the code."), Length(max=60)])
    carried = HiddenField()


class ForgottenForm(FlaskForm):
    """Who wants a link for a new password by mail."""

    email = EmailField("E-mail", filters=[strip], validators=[InputRequired("Give your e-mail address."),
                                                              Length(max=EMAIL_LENGTH)])


class ProofForm(FlaskForm):
    """The password once more, and a code; for accounts without a second factor the view takes the code's field out."""

    proof = PasswordField("Your password", validators=[InputRequired("Give your password.")])
    proof_code = StringField("Code", filters=[strip], validators=[InputRequired("Type the code."), Length(max=60)])


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
