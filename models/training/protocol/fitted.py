"""What a fine-tuning came to: the epoch that is kept, where the start competes as epoch 0, and that nothing worse
than the start ever becomes a version."""

from __future__ import annotations

from typing import Any

import torch

from models.training.protocol.plan import Plan, read_json, write_json
from models.training.protocol.table import TableError
from models.training.protocol.trainer import Trainer

FITTED = "fitted.json"
NOTHING = "The start was best on the images that choose the epoch; nothing was learnt, so there is no new version."


def teach(plan: Plan, trainer: Trainer) -> Any:
    """The network of the best epoch, 0 being the start; taken up where it stands if the plan says so."""
    if plan.resume and (trainer.out / "last.pt").exists():
        trainer.resume()
    return trainer.run()


def finish(plan: Plan, network: Any, *, learnt: bool, **told: object) -> None:
    """Writes `network.pt` and the record of the fit, and says where nothing was learnt."""
    torch.save(network.state_dict(), plan.out / "network.pt")
    write_json({"learnt": learnt, **told}, plan.out / FITTED)
    print(f"finished: {plan.out / 'network.pt'}" if learnt else NOTHING)


def check_learnt(plan: Plan) -> None:
    """Raises TableError where the run has no finished fit, or one that learnt nothing."""
    try:
        learnt = read_json(plan.out / FITTED)["learnt"]
    except (OSError, ValueError, KeyError):
        raise TableError(f"There is no finished fit in {plan.out}: run fit first, or take it up again.") from None
    if not learnt:
        raise TableError(NOTHING)
