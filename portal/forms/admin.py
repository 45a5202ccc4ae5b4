"""The form over the list of audit events."""

from __future__ import annotations

from collections.abc import Iterable

from wtforms import DateField, Form, SelectChoice, SelectField, StringField
from wtforms.validators import Length, Optional

from portal.forms.days import DaysInOrder
from portal.forms.text import strip


class AuditFilterForm(DaysInOrder, Form):
    """What to look for; lives in the address, so it needs no token."""

    q = StringField("Search", filters=[strip], description="A part of an action, a subject, an address, or of a "
                                                           "person’s name or e-mail.",
                    validators=[Length(max=100)])
    person = SelectField("Who", default="")
    action = SelectField("What", default="")
    subject = StringField("Of what", filters=[strip], description="Exactly, such as case:12 or user:3.",
                          validators=[Length(max=80)])
    since = DateField("From", validators=[Optional()])
    until = DateField("To", validators=[Optional()])

    def offer(self, people: Iterable[tuple[int, str]], actions: Iterable[str]) -> AuditFilterForm:
        """Fill the choices: ids and names, actions."""
        self.person.choices = [SelectChoice("", "Anybody or nobody"),
                               *(SelectChoice(str(one), name) for one, name in people)]
        self.action.choices = [SelectChoice("", "Anything"), *(SelectChoice(one, one) for one in actions)]
        return self
