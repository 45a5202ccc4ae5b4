"""The filters of the agreement page; they live in the address, so they need no token."""

from __future__ import annotations

from collections.abc import Iterable

from wtforms import DateField, Form, SelectChoice, SelectField
from wtforms.validators import Optional

from portal.forms.days import DaysInOrder

READINGS = [SelectChoice("latest", "The latest of each reader"), SelectChoice("first", "The first of each reader"),
            SelectChoice("blind", "Only blind readings")]


class AgreementForm(DaysInOrder, Form):
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
