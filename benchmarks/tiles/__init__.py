"""How fast tiles of a kept slide come over HTTP."""
