"""What `python -m models.training` can do with the PCam system."""

from __future__ import annotations

from models.training.pcam.benchmark import benchmark
from models.training.pcam.evaluate import describe, evaluate
from models.training.pcam.export import export
from models.training.pcam.fit import fit
from models.training.pcam.own import TUNING
from models.training.protocol.course import Course
from models.training.protocol.plan import Plan


def run_benchmark(plan: Plan) -> None:
    """Speed and size to `benchmark.json`, and to the card where there is an evaluation."""
    benchmark(plan)
    if (plan.out / "evaluation.json").exists():
        describe(plan)


COURSES = {"pcam": Course(fit=fit, export=export, benchmark=run_benchmark, evaluate=evaluate, tuning=TUNING)}
