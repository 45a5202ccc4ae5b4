"""Backups: one sealed archive of rows, files, own models and settings, and the way back."""
