"""Minimal servers of the same network, written as their own tutorials show it."""
