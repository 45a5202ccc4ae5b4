"""Forms behind the links that work once."""

from __future__ import annotations

from wtforms import HiddenField

from portal.forms.auth import NewPasswordForm, RegisterForm


class SetupForm(RegisterForm):
    """The first administrator."""

    token = HiddenField(default="")


class ResetForm(NewPasswordForm):
    """A new password, for whoever holds the link."""

    token = HiddenField(default="")
