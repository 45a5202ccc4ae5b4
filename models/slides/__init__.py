"""Whole slides: foreign files read once, and the one form in which they are kept."""
