"""The rules that turn what a network measured into the scores that clinicians use. Pure functions."""
