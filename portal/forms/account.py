"""The form on one's own account page."""

from __future__ import annotations

from wtforms import PasswordField
from wtforms.validators import InputRequired

from portal.forms.auth import NewPasswordForm


class PasswordForm(NewPasswordForm):
    """A new password, and the one that it replaces."""

    current = PasswordField("Current password", validators=[InputRequired("Give your current password.")])
