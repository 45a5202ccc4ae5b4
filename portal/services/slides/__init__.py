"""Whole slides: how they come in, are kept, seen and drawn on."""
