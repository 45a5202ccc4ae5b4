"""What the command line calls for iSight."""

from __future__ import annotations

from models.training.isight.benchmark import benchmark
from models.training.isight.evaluate import evaluate
from models.training.isight.export import export
from models.training.isight.fit import fit
from models.training.isight.own import TUNING
from models.training.protocol.course import Course

COURSES = {"isight": Course(fit=fit, export=export, benchmark=benchmark, evaluate=evaluate, tuning=TUNING)}
