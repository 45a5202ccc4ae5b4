"""The form over the list of audit events."""

from __future__ import annotations

from wtforms import Form, StringField
from wtforms.validators import Length

from portal.forms.text import strip


class AuditFilterForm(Form):
    """What to look for; lives in the address, so it needs no token."""

    q = StringField("Search", filters=[strip], description="Action, e-mail of who did it, or subject.",
                    validators=[Length(max=100)])
