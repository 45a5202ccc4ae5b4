"""`gunicorn wsgi:app` and `flask --app wsgi …` start here."""

import sys

from config import SettingError
from portal.app import create_app

try:
    app = create_app()
except SettingError as problem:
    sys.exit(f"SecondRead cannot start. {problem}")
