"""Thousands of uploads, good and bad, to one real server: what it answers, and what its memory does."""
