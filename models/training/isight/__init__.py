"""Teaches the iSight system on immunohistochemistry drawn with known answers, and converts published checkpoints."""
