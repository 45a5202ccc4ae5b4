"""ER learns from the nuclei that readers corrected: outlines stay, classes are the readers', the rest is left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch", reason="torch is not installed: the training side needs requirements.txt")

import torch
from torch import Tensor, nn

from models.spec import Micrograph, Nucleus, Reading
from models.training.er.corrected import relabelled
from models.training.er.data import VOID
from models.training.er.held import LARGEST, Held, held_of, met, window
from models.training.er.own import Corrections, padded, tiled
from models.training.er.render import Piece
from models.training.er.table import CLASSES, read_table
from models.training.er.tail import tail_of
from models.training.protocol.compare_nuclei import matched, of_nuclei
from models.training.protocol.own import Example
from models.training.protocol.pairs import Pair
from models.training.protocol.table import LEAST_IMAGES, TableError
from models.training.protocol.trainer import Pace, Trainer
from models.zoo._er.network import build_network
from models.zoo._er.tiles import EDGE, LEAD, segment
from models.zoo.er import SPEC

NAMES = ("none", *CLASSES)


def field(*squares: tuple[int, int, int, int]) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """A class map with squares of (column, row, side, class)."""
    classes = np.zeros((80, 120), np.uint8)
    for x, y, side, label in squares:
        classes[y : y + side, x : x + side] = label
    return classes


def test_each_nucleus_takes_the_class_of_the_nearest_place() -> None:
    found = field((10, 10, 12, 2), (40, 10, 12, 1), (70, 40, 12, 4), (100, 60, 3, 3))
    places = np.array([(16.5, 16.5), (46.5, 15.5)])
    labels = relabelled(found, places, np.array([4, 1], np.uint8))
    assert set(labels[10:22, 10:22].flat) == {4}
    assert set(labels[10:22, 40:52].flat) == {1}
    assert set(labels[40:52, 70:82].flat) == {0}, "taken out: background"
    assert set(labels[60:63, 100:103].flat) == {VOID}, "too small to have been shown"
    assert labels[70, 5] == 0


def test_the_gap_between_touching_nuclei_stays() -> None:
    found = field((10, 10, 14, 2), (25, 10, 14, 2))
    labels = relabelled(found, np.array([(17.0, 17.0), (32.0, 17.0)]), np.array([2, 3], np.uint8))
    assert set(labels[10:24, 24].flat) == {0}
    assert (labels[17, 17], labels[17, 32]) == (2, 3)


def test_without_places_every_nucleus_was_taken_out() -> None:
    labels = relabelled(field((10, 10, 12, 2)), np.zeros((0, 2)), np.zeros(0, np.uint8))
    assert not labels.any()


def write(folder: Path, images: int, nuclei: Sequence[str]) -> None:
    for number in range(images):
        Image.fromarray(np.full((4, 5, 3), number, np.uint8)).save(folder / f"{number}.png")
    readings = [f"{number}.png,10,20,30,5,positive,p{number // 2},0.3" for number in range(images)]
    head = "file,percent_weak,percent_moderate,percent_strong,nuclei,label,group,um_per_px"
    (folder / "readings.csv").write_text("\n".join([head, *readings]), encoding="utf-8")
    (folder / "nuclei.csv").write_text("\n".join(["file,x,y,class", *nuclei]), encoding="utf-8")


def test_images_with_nuclei_are_read_and_the_others_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, LEAST_IMAGES + 2, [f"{n}.png,{n},2,weak" for n in range(LEAST_IMAGES)] + ["0.png,3,1,strong"])
    found = read_table(tmp_path)
    assert len(found) == LEAST_IMAGES
    assert (found[0].group, found[0].um_per_px) == ("p0", 0.3)
    assert found[0].nuclei == (Nucleus(x=0, y=2, label="weak"), Nucleus(x=3, y=1, label="strong"))
    assert "2 images without nuclei in nuclei.csv are left out" in capsys.readouterr().out


@pytest.mark.parametrize(("line", "why"), [
    ("0.png,1,1,brown", "line 3: The class must be one of normal"), ("0.png,-1,1,weak", "line 3: x and y"),
    ("0.png,1.5,1,weak", "line 3: x and y"), ("0.png,1,1", "line 3: .*more or fewer values"),
    ("gone.png,1,1,weak", "nuclei of gone.png, which readings.csv does not list"),
])
def test_a_wrong_nucleus_is_named_with_its_line(tmp_path: Path, line: str, why: str) -> None:
    write(tmp_path, 2, ["1.png,1,1,weak", line])
    with pytest.raises(TableError, match=why):
        read_table(tmp_path)


def test_tiles_cover_an_image_and_small_ones_are_mirrored() -> None:
    small = Piece(pixels=np.zeros((100, 300, 3), np.uint8), labels=np.zeros((100, 300), np.uint8))
    assert [one.pixels.shape for one in tiled(padded(small))] == [(256, 256, 3)] * 2
    large = Piece(pixels=np.zeros((2600, 2600, 3), np.uint8), labels=np.zeros((2600, 2600), np.uint8))
    assert len(tiled(padded(large))) == 16


def test_every_pixel_is_learnt_and_none_where_serving_throws_away_what_is_read() -> None:
    labels = np.ones((250, 610), np.uint8)
    number = np.arange(250 * 610, dtype=np.uint32).reshape(250, 610)
    pixels = np.stack([number & 255, number >> 8 & 255, number >> 16], axis=2).astype(np.uint8)
    learnt = set()
    for one in tiled(padded(Piece(pixels=pixels, labels=labels))):
        known = one.labels != VOID
        assert not known[:EDGE].any()
        assert not known[:, -EDGE:].any()
        learnt |= set((one.pixels[known].astype(np.uint32) @ np.array([1, 256, 65536], np.uint32)).tolist())
    assert learnt == set(number.flat)


def test_the_tail_computes_what_the_network_does_and_is_part_of_it() -> None:
    torch.manual_seed(1)
    network = build_network().eval()
    rng = np.random.default_rng(1)
    piece = Piece(pixels=rng.integers(0, 255, (224, 224, 3), np.uint8), labels=np.ones((224, 224), np.uint8))
    task, tail = Corrections(network, [piece], []), tail_of(network)
    (given, labels), = task.batches()
    with torch.no_grad():
        whole = network(torch.from_numpy(padded(piece).pixels[None]).permute(0, 3, 1, 2).float() / 127.5 - 1)
        assert torch.allclose(tail.eval()(given), whole, atol=0.02 * float(whole.abs().max()))
    assert labels.shape == (1, 256, 256)
    assert {id(one) for one in tail.parameters()} < {id(one) for one in network.parameters()}


def test_a_held_image_is_segmented_from_its_tiles_as_serving_segments_it() -> None:
    torch.manual_seed(1)
    network = build_network().eval()
    pixels = np.random.default_rng(2).integers(0, 255, (200, 400, 3), np.uint8)
    held = held_of(network, Micrograph(pixels=pixels), [Nucleus(x=9, y=9, label="weak")])
    tail, waiting = tail_of(network).eval(), iter(held.given)
    with torch.no_grad():
        whole = segment(pixels, lambda batch: torch.softmax(network(torch.from_numpy(batch)), 1).numpy())
        again = segment(pixels, lambda _: torch.softmax(tail(next(waiting).float()), 1).numpy())
    assert (whole == again).mean() > 0.98, "half precision moves a few edges only"
    assert next(waiting, None) is None


def test_of_a_large_image_the_part_around_the_middle_nucleus_is_held() -> None:
    large = Micrograph(pixels=np.zeros((3000, 4000, 3), np.uint8), um_per_px=0.15)
    read = [Nucleus(x=x, y=2900, label="weak") for x in (10, 1990, 2000, 2010, 3990)]
    part, mine = window(large, read)
    assert (part.width, part.height, part.um_per_px) == (2 * LARGEST, 2 * LARGEST, 0.15)
    assert [(one.x, one.y) for one in mine] == [(at + LARGEST - 2000, 2900 - 3000 + 2 * LARGEST) for at in
                                               (1990, 2000, 2010)]
    small = Micrograph(pixels=np.zeros((90, 50, 3), np.uint8))
    part, mine = window(small, [*read[:1], Nucleus(x=40, y=80, label="strong")])
    assert (part.width, part.height) == (50, 90)
    assert [one.label for one in mine] == ["strong"]


SQUARES = ((20, 20, 2), (70, 40, 3), (120, 110, 4))
"""Column, row and class of nuclei in an image of one tile."""


def tile(*squares: tuple[int, int, int]) -> Tensor:
    """What stands for the tail's input (1, 16, 128, 128): one channel a class."""
    given = torch.zeros(1, 16, 128, 128)
    given[:, 0] = 1
    for x, y, label in squares:
        here = slice((LEAD + y) // 2, (LEAD + y) // 2 + 8), slice((LEAD + x) // 2, (LEAD + x) // 2 + 8)
        given[0, 0, *here], given[0, label, *here] = 0, 1
    return given.half()


def painter(called: Sequence[int] = (0, 1, 2, 3, 4)) -> nn.Sequential:
    """A tail that paints each class of its input as another."""
    mix = nn.Conv2d(16, 5, 1)
    with torch.no_grad():
        mix.weight.zero_()
        mix.bias.zero_()
        for into, out in enumerate(called):
            mix.weight[out, into] = 4
    return nn.Sequential(nn.Upsample(scale_factor=2), mix).eval()


def one_held() -> Held:
    pixels = np.zeros((160, 160, 3), np.uint8)
    read = tuple(Nucleus(x=x + 8, y=y + 8, label=CLASSES[label - 1]) for x, y, label in SQUARES)
    return Held(micrograph=Micrograph(pixels=pixels), pixels=pixels, given=[tile(*SQUARES)], nuclei=read)


def test_the_nuclei_of_a_held_image_are_counted_beside_the_readers() -> None:
    assert met(painter(), one_held()).diagonal().tolist() == [0, 0, 1, 1, 1]
    strong = met(painter((0, 1, 2, 4, 4)), one_held())
    assert strong[NAMES.index("moderate"), NAMES.index("strong")] == 1
    assert met(painter((0, 1, 2, 0, 4)), one_held())[NAMES.index("moderate"), 0] == 1, "not found"


def taught(out: Path, tail: nn.Sequential, labels: Tensor) -> Trainer:
    """A fit on the held image itself with these classes (256, 256)."""
    task = Corrections(None, [], [one_held()])
    task.train, task.steps = [(tile(*SQUARES)[0], labels)], 1
    pace = Pace(epochs=12, patience=12, average=0.1, decay=0.0, start_competes=True)
    trainer = Trainer(tail, task, pace, [{"params": list(tail.parameters()), "lr": 1.0}], out)
    trainer.run()
    return trainer


def test_a_start_that_counts_best_is_kept_whatever_the_loss_of_pixels_becomes(tmp_path: Path) -> None:
    nothing = torch.zeros(256, 256, dtype=torch.long)
    trainer = taught(tmp_path, painter(), nothing)
    assert trainer.best_epoch == 0
    assert met(trainer.network, one_held()).diagonal().sum() == len(SQUARES)


def test_an_epoch_that_counts_better_than_the_start_is_kept(tmp_path: Path) -> None:
    right = nn.Upsample(scale_factor=2)(tile(*SQUARES).float())[0, :5].argmax(0)
    trainer = taught(tmp_path, painter((0, 1, 3, 2, 4)), right)
    assert trainer.best_epoch > 0
    assert trainer.best == 0.0
    assert met(trainer.network, one_held()).diagonal().sum() == len(SQUARES)


def nuclei(*labels: str, off: int = 0) -> tuple[Nucleus, ...]:
    return tuple(Nucleus(x=40 * n + off, y=20, label=label) for n, label in enumerate(labels))


def test_nuclei_are_one_when_each_is_the_others_nearest() -> None:
    table = matched(nuclei("weak", "strong", "normal"), nuclei("weak", "moderate", off=4), NAMES, reach=10)
    assert table[NAMES.index("weak"), NAMES.index("weak")] == 1
    assert table[NAMES.index("strong"), NAMES.index("moderate")] == 1
    assert table[NAMES.index("normal"), 0] == 1, "not found"
    far = matched(nuclei("weak"), nuclei("weak", off=20), NAMES, reach=10)
    assert (far[NAMES.index("weak"), 0], far[0, NAMES.index("weak")], far.sum()) == (1, 1, 2)


def reading(some: tuple[Nucleus, ...]) -> Reading:
    assert SPEC.recount is not None
    counted = {one.label: sum(each.label == one.label for each in some) for one in SPEC.recount.classes}
    scores = SPEC.recount.score(counted).scores
    return Reading(outcome="scored", label="positive", scores=scores, nuclei=some)


def test_a_version_that_calls_nuclei_as_readers_do_is_better() -> None:
    pairs = []
    for number in range(60):
        true = nuclei("normal", "weak", "moderate", "strong")
        example = Example(path=Path("x.png"), group=f"g{number % 20}", stratum=0, role="test", nuclei=true)
        other = nuclei("normal", "normal", "moderate", "strong") if number % 3 else true
        pairs.append(Pair(example=example, candidate=reading(true), base=reading(other)))
    found = of_nuclei(SPEC, pairs, seed=1)
    rows = {row["name"]: row for row in found["rows"]}
    assert found["verdict"] == "better"
    assert rows["Nuclei in the reader’s class"]["candidate"]["value"] == 1.0
    assert rows["Nuclei in the reader’s class"]["active"]["value"] == pytest.approx(1 - 40 / 240)
    assert rows["Mean error, H-score"]["difference"]["value"] == pytest.approx(-25 * 2 / 3)
    assert rows["Found and called so, of weak nuclei"]["active"]["value"] == pytest.approx(1 / 3)
    assert found["labels"] == list(NAMES)
    assert found["candidate_matrix"][2][2] == 60
    assert found["active_matrix"][2] == [0, 40, 20, 0, 0]
    assert "Both favour that version" in found["notes"][0]
