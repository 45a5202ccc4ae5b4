"""Untrusted image bytes in, pixels and pictures out."""
