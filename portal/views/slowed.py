"""The answer to somebody who tries too often."""

from __future__ import annotations

from typing import Any

from flask import render_template
from flask_wtf import FlaskForm

from portal.services.errors import TooManyTries


def tell_slowed(template: str, form: FlaskForm, problem: TooManyTries,
                **context: Any) -> tuple[str, int, dict[str, str]]:
    """The page again, with how long to wait in words and in the header."""
    form.form_errors.append(f"Too many tries. Wait {in_words(problem.seconds)} and try again.")
    return render_template(template, form=form, **context), 429, {"Retry-After": str(problem.seconds)}


def in_words(seconds: int) -> str:
    """A wait as a person would say it, never shorter than it is."""
    if seconds <= 90:
        return "1 second" if seconds == 1 else f"{seconds} seconds"
    return f"{-(-seconds // 60)} minutes"
