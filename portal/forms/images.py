"""What a reader corrects of an image."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField, SubmitField

from portal.forms.text import strip


class ImageFieldsForm(FlaskForm):
    """Serial and group; what may stand there is the service's rule."""

    serial = StringField("Serial", filters=[strip], description="Which field of the specimen, for example S-3602-01.")
    specimen_group = StringField("Group", filters=[strip], description="The specimen, for example S-3602.")
    sure = HiddenField()
    submit = SubmitField("Save")
