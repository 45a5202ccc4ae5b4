"""What a reader says of a slide: its scale, who is to read it, and drawings by their numbers."""

from __future__ import annotations

from collections.abc import Iterable

from flask_wtf import FlaskForm
from wtforms import SelectChoice, SelectField, StringField, SubmitField
from wtforms.validators import DataRequired

from portal.forms.numbers import NumberField
from portal.forms.text import strip


class SlideForm(FlaskForm):
    """The pixel size, and which system is to read the slide."""

    um_per_px = NumberField("Pixel size (µm per pixel)")
    model = SelectField("Read by", default="")
    submit = SubmitField("Save")

    def offer(self, systems: Iterable[tuple[str, str]]) -> SlideForm:
        """Fill the choices with the systems' keys and titles."""
        self.model.choices = [SelectChoice("", "Not now"), *(SelectChoice(key, title) for key, title in systems)]
        return self


class DrawingForm(FlaskForm):
    """A drawing by its numbers, for whoever draws without a mouse or without scripts."""

    shape = SelectField("Shape", choices=[SelectChoice("point", "Point"), SelectChoice("box", "Box"),
                                          SelectChoice("polygon", "Polygon")])
    points = StringField("Corners", filters=[strip], validators=[DataRequired("Give at least one corner.")],
                         description="Pixels of the slide across and down, for example 120,80 400,300. "
                                     "A point is one place, a box two opposite corners.")
    text = StringField("Text", filters=[strip])
    submit = SubmitField("Draw")


class CutForm(FlaskForm):
    """Which box of a slide is to be cut out, and who reads it."""

    mark = SelectField("Box")
    model = SelectField("Read by", id="cut-model")
    submit = SubmitField("Cut out and read")

    def offer(self, boxes: Iterable[tuple[str, str]], systems: Iterable[tuple[str, str]]) -> CutForm:
        """Fill the choices with marks and keys, each with its title."""
        self.mark.choices = [SelectChoice(*one) for one in boxes]
        self.model.choices = [SelectChoice(*one) for one in systems]
        return self
