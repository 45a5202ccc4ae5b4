"""The filters of the worklist; they live in the address, so they need no token."""

from __future__ import annotations

from collections.abc import Iterable

from wtforms import DateField, Form, SelectChoice, SelectField, StringField
from wtforms.validators import Length, Optional

from portal.forms.days import DaysInOrder
from portal.forms.text import strip


class WorklistFilterForm(DaysInOrder, Form):
    """What to look for on the worklist."""

    q = StringField("Search", filters=[strip], description="Patient, specimen, note or file name.",
                    validators=[Length(max=120)])
    reviewed = SelectField("Your review", default="", choices=[
        SelectChoice("", "To review first"), SelectChoice("no", "Only to review"),
        SelectChoice("yes", "Only reviewed")])
    model = SelectField("System", default="")
    outcome = SelectField("Outcome", default="", choices=[
        SelectChoice("", "Any"), SelectChoice("scored", "Scored"), SelectChoice("refused", "Not scored")])
    reader = SelectField("Read by", default="")
    since = DateField("Sent from", validators=[Optional()])
    until = DateField("Sent to", validators=[Optional()])

    def offer(self, systems: Iterable[tuple[str, str]], readers: Iterable[tuple[str, str]]) -> WorklistFilterForm:
        """Fill the choices: keys and titles, ids and names."""
        self.model.choices = [SelectChoice("", "Any"), *(SelectChoice(key, title) for key, title in systems)]
        self.reader.choices = [SelectChoice("", "Anybody or nobody"),
                               *(SelectChoice(one, name) for one, name in readers)]
        return self
