"""A fit that learnt nothing says so, and never becomes a version."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

from torch import nn

from models.training.protocol.fitted import check_learnt, finish
from models.training.protocol.plan import Plan
from models.training.protocol.table import TableError


def test_a_start_that_was_best_is_not_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = Plan(key="pcam", version="1.own-a", data=tmp_path, out=tmp_path)
    with pytest.raises(TableError, match="no finished fit"):
        check_learnt(plan)
    finish(plan, nn.Linear(1, 1), learnt=False, epoch=0)
    assert "nothing was learnt" in capsys.readouterr().out
    with pytest.raises(TableError, match="nothing was learnt, so there is no new version"):
        check_learnt(plan)
    finish(plan, nn.Linear(1, 1), learnt=True, epoch=3)
    check_learnt(plan)
    assert (tmp_path / "network.pt").is_file()
