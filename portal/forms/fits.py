"""What an administrator says of a version that is to be fine-tuned here."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired, Regexp

from portal.forms.text import strip


class FitForm(FlaskForm):
    """What the new version is called, and which one it starts from."""

    name = StringField("Name", filters=[strip], description="1 to 16 small letters and digits; the day unless you "
                                                            "choose another.",
                       validators=[InputRequired("Give it a name."),
                                   Regexp(r"^[0-9a-z]{1,16}\Z", message="Use 1 to 16 small letters and digits.")])
    base = SelectField("Start from version", validators=[InputRequired("Choose a version.")],
                       description="The new version is compared with this one.")
