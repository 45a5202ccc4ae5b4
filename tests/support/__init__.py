"""What several tests need: a client that checks every page, databases, pictures."""
