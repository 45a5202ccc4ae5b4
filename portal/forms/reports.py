"""The form under which a case is signed."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, PasswordField, SubmitField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from portal.forms.text import strip


class SignForm(FlaskForm):
    """The password once more, a conclusion, and what was seen. Its ids differ from those of the upload form."""

    seen = HiddenField(default="")
    comment = TextAreaField("Conclusion or comment", filters=[strip], validators=[Optional(), Length(max=2000)])
    although_waiting = BooleanField("I sign although these have no reading")
    password = PasswordField("Your password, once more", validators=[InputRequired("Give your password to sign.")])
    sign = SubmitField("Sign the report")
