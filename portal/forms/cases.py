"""Forms for cases, uploads and the history's filters."""

from __future__ import annotations

from collections.abc import Iterable

from flask_wtf import FlaskForm
from flask_wtf.file import MultipleFileField
from wtforms import (
    BooleanField,
    DateField,
    Form,
    HiddenField,
    SelectChoice,
    SelectField,
    StringField,
    SubmitField,
    TextAreaField,
)
from wtforms.validators import DataRequired, Length, Optional, ValidationError

from portal.forms.days import DaysInOrder
from portal.forms.numbers import NumberField
from portal.forms.text import strip

LEAST_UM, MOST_UM = 0.01, 100.0
"""Of any microscope's pixel; a system may want it narrower."""


def is_pixel_size(_form: FlaskForm, field: NumberField) -> None:
    """Raises ValidationError for what no microscope has."""
    if field.data is None or not LEAST_UM <= field.data <= MOST_UM:
        raise ValidationError(f"A pixel of a microscope image is {LEAST_UM:g} to {MOST_UM:g} µm wide.")


class CaseForm(FlaskForm):
    """A new case."""

    patient = StringField("Patient pseudonym", filters=[strip], description="Never a name or a date of birth.",
                          validators=[DataRequired("Give a pseudonym, for example P-0117."), Length(max=80)])
    specimen = StringField("Specimen", filters=[strip], description="For example: peripheral blood, 2026-11-20.",
                           validators=[DataRequired("Say what the specimen is."), Length(max=120)])
    note = TextAreaField("Note", filters=[strip], validators=[Optional(), Length(max=2000)])
    blind = BooleanField("Read blind first")
    # The pseudonym that its writer was asked about and wants all the same.
    sure = HiddenField()
    # A box that is not ticked is not sent: only this tells it from a script that does not know of it.
    asked = HiddenField(default="yes")
    submit = SubmitField("Open case")

    @property
    def wants_blind(self) -> bool | None:
        """None where nobody was asked."""
        return bool(self.blind.data) if self.asked.raw_data else None


class UploadForm(FlaskForm):
    """Images for one model."""

    model = SelectField("Model")
    um_per_px = NumberField("Pixel size (µm per pixel), when known", validators=[Optional(), is_pixel_size])
    images = MultipleFileField("Images")
    submit = SubmitField("Upload and read")

    def offer(self, titles: Iterable[tuple[str, str]], chosen: str) -> UploadForm:
        """Fill the choices with the models' keys and titles; `chosen` stands there unless another was sent."""
        self.model.choices = [SelectChoice(key, title) for key, title in titles]
        self.model.data = self.model.data or chosen
        return self


class FolderForm(FlaskForm):
    """Images that lie in the import folder. Other names than the upload's, beside which it stands."""

    folder = SelectField("Folder")
    system = SelectField("System")
    sure = HiddenField()
    pixel = NumberField("Pixel size (µm per pixel) of all of them, when known", validators=[
        Optional(), is_pixel_size])

    def offer(self, folders: Iterable[tuple[str, int]], systems: Iterable[tuple[str, str]], usual: str) -> FolderForm:
        """Fill the choices with folders and their number of images, and with systems."""
        self.folder.choices = [SelectChoice(name, f"{name} ({number} images)") for name, number in folders]
        self.system.choices = [SelectChoice(key, title) for key, title in systems]
        self.system.data = self.system.data or usual
        return self


class CaseFilterForm(DaysInOrder, Form):
    """What to look for in the history; lives in the address, so it needs no token."""

    q = StringField("Search", filters=[strip], description="Patient, specimen, note or file name.")
    since = DateField("From", validators=[Optional()])
    until = DateField("To", validators=[Optional()])
    outcome = SelectField("Outcome", default="", choices=[SelectChoice("", "Any"), SelectChoice("scored", "Scored"),
                                              SelectChoice("refused", "Not scored")])
    model = SelectField("System", default="", choices=[SelectChoice("", "Any")])
    reviewed = SelectField("Your review", default="", choices=[
        SelectChoice("", "Any"), SelectChoice("no", "Something to review"), SelectChoice("yes", "All reviewed")])

    def offer(self, systems: Iterable[tuple[str, str]]) -> CaseFilterForm:
        """Fill the choices with the systems' keys and titles."""
        self.model.choices = [SelectChoice("", "Any"), *(SelectChoice(key, title) for key, title in systems)]
        return self
