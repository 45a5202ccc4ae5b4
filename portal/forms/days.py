"""Two days between which something is looked for."""

from __future__ import annotations

from wtforms import DateField
from wtforms.validators import ValidationError


class DaysInOrder:
    """For a form with the fields `since` and `until`."""

    since: DateField

    def validate_until(self, field: DateField) -> None:
        """Raises ValidationError when the days contradict each other."""
        if self.since.data and field.data and field.data < self.since.data:
            raise ValidationError(f"“{field.label.text}” lies before “{self.since.label.text}”.")
