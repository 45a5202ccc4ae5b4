"""`gunicorn tests.support.hostile_app:app`: the portal with decoders that obey hostile files."""

from models.sandbox import pool
from portal.app import create_app
from tests.support import hostile_decoder

pool.POOL._module = hostile_decoder.MODULE
app = create_app()
