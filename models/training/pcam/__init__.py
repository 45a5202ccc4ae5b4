"""Fitting, export and evaluation of the PCam system."""
