"""Fits the pancreas scores, from images that experts scored or, without any, from drawn ones."""
