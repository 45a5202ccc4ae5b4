"""The fit loop: it learns, stops at a plateau, and a fit taken up again ends as if it had never stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

import torch
from torch import Tensor, nn

from models.training.protocol.rates import relative
from models.training.protocol.trainer import Pace, Task, Trainer

Batch = tuple[Tensor, Tensor]


class Line:
    """A straight line to learn, in random batches."""

    steps = 8

    def batches(self) -> Iterator[Batch]:
        for _ in range(self.steps):
            x = torch.rand(16, 1)
            yield x, 3 * x - 1

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        return nn.functional.mse_loss(network(batch[0]), batch[1])

    def worth(self, network: nn.Module) -> dict[str, float]:
        x = torch.linspace(0, 1, 11)[:, None]
        with torch.no_grad():
            return {"loss": float(self.loss(network, (x, 3 * x - 1)))}


class Stuck(Line):
    """Nothing that is learnt here shows on validation."""

    def worth(self, network: nn.Module) -> dict[str, float]:
        return {"loss": 1.0}


def trainer(out: Path, task: Task, **pace: float) -> Trainer:
    torch.manual_seed(1)
    network = nn.Linear(1, 1)
    groups = [{"params": list(network.parameters()), "lr": 0.1}]
    return Trainer(network, task, Pace(**({"epochs": 12, "average": 0.5} | pace)), groups, out)  # type: ignore[arg-type]


def epochs(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "epochs.jsonl").read_text().splitlines()]


def test_a_fit_learns_and_writes_down_every_epoch(tmp_path: Path) -> None:
    trainer(tmp_path, Line()).run()
    told = epochs(tmp_path)
    assert [line["epoch"] for line in told] == list(range(1, 13))
    assert told[-1]["loss"] < 0.05 < told[0]["loss"]


def test_a_plateau_ends_the_fit(tmp_path: Path) -> None:
    trainer(tmp_path, Stuck(), patience=3).run()
    assert len(epochs(tmp_path)) == 4


def test_the_best_epoch_is_kept_and_not_the_last(tmp_path: Path) -> None:
    class Worsening(Line):
        seen: list[dict[str, Tensor]] = []  # noqa: RUF012  (one instance)

        def worth(self, network: nn.Module) -> dict[str, float]:
            self.seen.append({name: value.clone() for name, value in network.state_dict().items()})
            return {"loss": float(len(self.seen) != 2)}

    task = Worsening()
    kept = trainer(tmp_path, task, epochs=4).run()
    assert all(torch.equal(value, task.seen[1][name]) for name, value in kept.state_dict().items())


@pytest.mark.parametrize(("start", "kept"), [(True, 0), (False, 1)])
def test_the_start_competes_where_it_is_asked_to(tmp_path: Path, start: bool, kept: int) -> None:
    class Spoiling(Line):
        """Every epoch makes it worse."""

        seen = 0

        def worth(self, network: nn.Module) -> dict[str, float]:
            self.seen += 1
            return {"loss": float(self.seen)}

    made = trainer(tmp_path, Spoiling(), epochs=4, start_competes=start)
    first = {name: value.clone() for name, value in made.network.state_dict().items()}
    network = made.run()
    assert made.best_epoch == kept
    assert all(torch.equal(value, first[name]) for name, value in network.state_dict().items()) is start
    assert [line["epoch"] for line in epochs(tmp_path)] == list(range(0 if start else 1, 5))


def test_weights_move_in_steps_of_their_own_size(tmp_path: Path) -> None:
    network = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 1))
    with torch.no_grad():
        network[1].weight.mul_(1e-2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    groups = relative(network.named_parameters(), ("1.", "2."), 0.01)

    class Steps(Line):
        def batches(self) -> Iterator[Batch]:
            yield from [(torch.rand(16, 8), torch.rand(16, 1))] * self.steps

        def worth(self, network: nn.Module) -> dict[str, float]:
            return {"loss": 0.0}

    Trainer(network, Steps(), Pace(epochs=1, average=0.5, decay=0.0), groups, tmp_path).run()
    moved = {name: float((value - before[name]).norm() / before[name].norm())
             for name, value in network.state_dict().items()}
    assert moved["0.weight"] == moved["0.bias"] == 0
    assert all(0 < moved[name] < 0.1 for name in ("1.weight", "2.weight"))


def test_a_fit_taken_up_again_ends_where_an_unbroken_one_does(tmp_path: Path) -> None:
    whole = trainer(tmp_path / "whole", Line(), epochs=6).run()

    class Cut(Line):
        """The process is killed in the fourth epoch."""

        begun = 0

        def batches(self) -> Iterator[Batch]:
            self.begun += 1
            if self.begun == 4:
                raise KeyboardInterrupt
            return super().batches()

    with pytest.raises(KeyboardInterrupt):
        trainer(tmp_path / "cut", Cut(), epochs=6).run()
    again = trainer(tmp_path / "cut", Line(), epochs=6)
    again.resume()
    again.run()
    assert [line["epoch"] for line in epochs(tmp_path / "cut")] == [1, 2, 3, 4, 5, 6]
    pairs = zip(whole.parameters(), again.network.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_frozen_norm_keeps_its_statistics(tmp_path: Path) -> None:
    class Normed(Line):
        def loss(self, network: nn.Module, batch: Batch) -> Tensor:
            return nn.functional.mse_loss(network(batch[0][:, :, None, None])[:, :, 0, 0], batch[1])

        def worth(self, network: nn.Module) -> dict[str, float]:
            return {"loss": 0.0}

    network = nn.Sequential(nn.BatchNorm2d(1), nn.Conv2d(1, 1, 1))
    groups = [{"params": list(network.parameters()), "lr": 0.1}]
    Trainer(network, Normed(), Pace(epochs=1, frozen_norm=True), groups, tmp_path).run()
    assert float(network[0].running_mean) == 0.0


@pytest.mark.parametrize(("bf16", "taught"), [(True, torch.bfloat16), (False, torch.float32)])
def test_bfloat16_is_for_the_fit_alone(tmp_path: Path, bf16: bool, taught: torch.dtype) -> None:
    class Watched(Line):
        met: dict[bool, torch.dtype] = {}  # noqa: RUF012  (one instance)

        def loss(self, network: nn.Module, batch: Batch) -> Tensor:
            self.met[network.training] = network(batch[0]).dtype
            return super().loss(network, batch)

    task = Watched()
    kept = trainer(tmp_path, task, epochs=1, bf16=bf16).run()
    assert task.met == {True: taught, False: torch.float32}
    assert {value.dtype for value in kept.state_dict().values()} == {torch.float32}
