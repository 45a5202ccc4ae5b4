"""A program with a token, a case of its own and an image that was read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.support import pictures
from tests.support.programs import READER, Program, make_token, new_case
from tests.web.test_images import only


@pytest.fixture
def enter(app: Flask, make_user: Callable[..., int]) -> Callable[..., Program]:
    """Makes an account and a program that holds a token of it."""
    return lambda email=READER, role="clinician": Program(app, make_token(app, make_user(email, role)))


@pytest.fixture
def program(enter: Callable[..., Program]) -> Program:
    return enter()


@pytest.fixture
def case_id(program: Program) -> int:
    return new_case(program)


@pytest.fixture
def scored(program: Program, case_id: int) -> dict[str, Any]:
    """The verdict on a smear."""
    return only(program.upload(case_id, ("smear.png", pictures.smear())))
