"""The filters of the agreement page; they live in the address, so they need no token."""

from __future__ import annotations

from collections.abc import Iterable

from wtforms import DateField, Form, SelectChoice, SelectField
from wtforms.validators import Optional, ValidationError

READINGS = [SelectChoice("latest", "The latest of each reader"), SelectChoice("first", "The first of each reader"),
            SelectChoice("blind", "Only blind readings")]


class AgreementForm(Form):
    """Which system, which readings, of which days."""

    system = SelectField("System", validate_choice=False, default="")
    readings = SelectField("Readings", choices=READINGS, default="latest")
    since = DateField("From", validators=[Optional()])
    until = DateField("To", validators=[Optional()])

    def offer(self, systems: Iterable[tuple[str, str]], chosen: str) -> AgreementForm:
        """Fill the systems with addresses' values and titles."""
        self.system.choices = [SelectChoice(value, title) for value, title in systems] or [SelectChoice("", "None yet")]
        self.system.data = chosen
        return self

    def validate_until(self, field: DateField) -> None:
        """Raises ValidationError when the days contradict each other."""
        if self.since.data and field.data and field.data < self.since.data:
            raise ValidationError("“To” lies before “From”.")
