"""What schemas of the API are made of: the kinds of field, and the rules that come from the forms."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate
from wtforms.validators import DataRequired, Length

from portal.services.blind import HIDDEN
from portal.views.ids import LARGEST

OUTCOMES = ("scored", "refused")
TRUE, FALSE = {"true"}, {"false"}
NOT_BLANK = r"^[\s\x1c-\x1f\x85]*[^\s\x1c-\x1f\x85]"
"""What Python takes for blanks, in a pattern that other languages read alike."""


class Told(Schema):
    """An object of an answer: it has all its members, always."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        field_obj.required = True


class Sent(Schema):
    """An object that a program sends: what is not declared is refused."""

    class Meta:
        unknown = RAISE


class Text(fields.String):
    """A text that every database can keep: no half of a surrogate pair."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as problem:
            raise ValidationError("This is no text.") from problem
        return text


class Moment(fields.DateTime):
    """A UTC time; the tables keep it without a zone."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        if not isinstance(value, datetime):
            return None
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()


class Whether(fields.Boolean):
    """True where there is anything: of a text, whether it says something."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> bool:
        return bool(value)


class Said(Told):
    """What a model said of an image, wherever it is told."""

    model = fields.String()
    version = fields.String()
    outcome = fields.String(validate=validate.OneOf((*OUTCOMES, HIDDEN)))
    reason = fields.String()
    label = fields.String(allow_none=True)
    demonstration = Whether(dump_only=True, metadata={"description": "The scores only demonstrate: conclude nothing."})
    demonstration_note = fields.String()


class Truth(fields.Boolean):
    """A truth of JSON; neither a number nor a word is one."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Plain(fields.Field[Any]):
    """A number, a text or null, as JSON says it: true is no 1."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValidationError("Give a number or a text.")
        return Text().deserialize(value) if isinstance(value, str) else value


def identity(**kwargs: Any) -> fields.Integer:
    """A row's id in a query."""
    return fields.Integer(validate=validate.Range(1, LARGEST), **kwargs)


def truth(**kwargs: Any) -> fields.Boolean:
    """A truth in a query: “true” or “false” and no other word."""
    return fields.Boolean(truthy=TRUE, falsy=FALSE, **kwargs)


def from_form(unbound: Any, **kwargs: Any) -> Text:
    """A text under the rules of a form's field, in its words."""
    rules = unbound.kwargs.get("validators", [])
    most = next((one.max for one in rules if isinstance(one, Length)), None)
    needed = next((one.message for one in rules if isinstance(one, DataRequired)), None)
    held: list[Any] = [validate.Length(min=1 if needed else None, max=most)] if most else []
    if needed:
        kwargs = {"required": True, "error_messages": {"required": needed}, **kwargs}
        held.append(validate.Regexp(NOT_BLANK, error=needed))
    return Text(validate=held, **kwargs)
