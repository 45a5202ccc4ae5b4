"""Where workers of tests write what they computed; importing this starts no worker."""

LOG = "worked.log"
