"""The pancreas scores on the command line."""

from __future__ import annotations

from models.training.pancreas.benchmark import benchmark
from models.training.pancreas.evaluate import evaluate
from models.training.pancreas.export import export
from models.training.pancreas.fit import fit
from models.training.pancreas.own import TUNING
from models.training.protocol.course import Course

COURSES = {"pancreas": Course(fit=fit, export=export, benchmark=benchmark, evaluate=evaluate, tuning=TUNING)}
