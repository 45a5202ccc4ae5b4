"""iSight learns from readers' answers: only what they answered, only options with images, a fair comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

import torch

from models.spec import Reading
from models.training.isight.own import UNKNOWN, Answers, Part, taught_questions
from models.training.isight.table import OPTIONS, read_table
from models.training.protocol.compare_answers import better_than_the_commonest, of_answers
from models.training.protocol.own import Example
from models.training.protocol.pairs import Pair
from models.training.protocol.rates import relative
from models.training.protocol.table import LEAST_IMAGES, TableError
from models.training.protocol.trainer import Pace, Trainer
from models.zoo._isight.network import build_network
from models.zoo.isight import SPEC

HEAD = "file,intensity,location,quantity,tissue,malignancy,group"


def write(folder: Path, lines: Sequence[str]) -> None:
    for number in range(len(lines)):
        Image.fromarray(np.full((4, 5, 3), number, np.uint8)).save(folder / f"{number}.png")
    (folder / "answers.csv").write_text("\n".join([HEAD, *lines]), encoding="utf-8")


def test_answers_are_read_and_images_without_one_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f'{n}.png,weak,"cytoplasmic/membranous,nuclear",,,,p{n}' for n in range(LEAST_IMAGES)]
    write(tmp_path, [*lines, f"{LEAST_IMAGES}.png,,,,breast,cancer,p1"])
    found = read_table(tmp_path)
    assert len(found) == LEAST_IMAGES
    assert found[0].answers == {"intensity": "weak", "location": "cytoplasmic/membranous,nuclear"}
    assert "1 images without an answer to intensity, location, quantity are left out" in capsys.readouterr().out


def test_a_wrong_answer_is_named_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, ["0.png,weak,,,,,p1", "1.png,brown,,,,,p1"])
    with pytest.raises(TableError, match="line 3: intensity must be one of negative; weak; moderate; strong, or empty"):
        read_table(tmp_path)


def example(number: int, role: str = "train", **answers: str) -> Example:
    return Example(path=Path(f"{number}.png"), group=f"g{number}", stratum=0, role=role, answers=answers)  # type: ignore[arg-type]


def test_only_questions_with_images_of_every_option_are_taught(capsys: pytest.CaptureFixture[str]) -> None:
    every = [example(n, intensity=OPTIONS["intensity"][n % 4], quantity="none") for n in range(12)]
    assert taught_questions(every) == ("intensity",)
    assert "quantity is not taught: too few groups of images with <25% or" in capsys.readouterr().out
    with pytest.raises(TableError, match="There is no question to learn"):
        taught_questions([example(n, intensity="weak") for n in range(12)])


@pytest.mark.parametrize("attended", [False, True])
def test_the_heads_learn_what_was_answered_and_nothing_else_moves(tmp_path: Path, attended: bool) -> None:
    torch.manual_seed(2)
    network = build_network(torch.nn.Identity(), 16)
    answers = torch.tensor([[n % 4] if n % 7 else [UNKNOWN] for n in range(48)])
    tokens = [torch.eye(16)[n % 4].expand(1 + n % 3, 5, 16) * 3 for n in range(48)]
    part = Part(tokens=tokens, answers=answers)
    with torch.no_grad():
        task = Answers({"train": part, "validation": part}, ("intensity",), attended=attended, network=network)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    taught = ("classifiers.0.", "attention_net") if attended else ("classifiers.0.",)
    pace = Pace(epochs=12, average=0.5, decay=0.0, start_competes=True)
    trainer = Trainer(network, task, pace, relative(network.named_parameters(), taught, 0.2), tmp_path)
    network = trainer.run()
    assert trainer.best_epoch > 0
    assert task.worth(network)["accuracy"] > 0.9
    moved = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert {"classifiers.0.weight", "classifiers.0.bias"} <= moved
    assert all(name.startswith(taught) for name in moved)


def reading(**answers: str) -> Reading:
    scores = {one.key: {option: float(option == answers.get(one.key)) for option in one.options}
              if one.key in OPTIONS else None for one in SPEC.questions}
    return Reading(outcome="scored", scores=scores)


def pairs(candidate: int, base: int, count: int = 80) -> list[Pair]:
    """Answers of all options in turn; every `candidate`-th and `base`-th image is read wrongly, 0 meaning none."""
    made = []
    for number in range(count):
        true = {key: options[number % 4] for key, options in OPTIONS.items()}
        wrong = {key: options[(number + 1) % 4] for key, options in OPTIONS.items()}
        known = {"intensity": true["intensity"]} if number % 5 == 0 else true
        one = Example(path=Path("x.png"), group=f"g{number // 4}", stratum=0, role="test", answers=known)
        said = [reading(**(wrong if every and number % every == 0 else true)) for every in (candidate, base)]
        made.append(Pair(example=one, candidate=said[0], base=said[1]))
    return made


def test_accuracy_counts_answered_questions_only() -> None:
    found = of_answers(SPEC, pairs(0, 3), seed=1)
    rows = {row["name"]: row for row in found["rows"]}
    assert found["verdict"] == "better"
    assert rows["Accuracy, all answers"]["candidate"]["value"] == 1
    assert rows["Accuracy, Staining intensity"]["active"]["value"] == pytest.approx(53 / 80)
    assert "Accuracy, Tissue" not in rows
    assert found["notes"] == ["Answers compared: Staining intensity 80, Where in the cell 64, "
                              "Share of stained cells 64."]


def test_a_demonstration_ends_only_where_every_question_beats_the_commonest_answer() -> None:
    learnt = [example(n, **{key: options[n % 4] for key, options in OPTIONS.items()}) for n in range(8)]
    assert better_than_the_commonest(SPEC, pairs(0, 0), learnt, seed=1)
    assert not better_than_the_commonest(SPEC, pairs(1, 0), learnt, seed=1)
    assert not better_than_the_commonest(SPEC, pairs(0, 0, count=20), learnt, seed=1), "too few groups"
    unasked = [example(n, intensity=OPTIONS["intensity"][n % 4]) for n in range(8)]
    assert not better_than_the_commonest(SPEC, pairs(0, 0), unasked, seed=1)
