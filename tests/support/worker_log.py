"""Where workers of tests write what they computed, and are told to go on; importing this starts no worker."""

LOG = "worked.log"
GO = "go"
"""While there is no file of this name, jobs are held at the part that they were asked to be `held_at`."""
