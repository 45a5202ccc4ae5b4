"""Reports as they come out of the printer: rendered pages, their words and their pixels."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from portal.services.reports.pdf import fonts
from portal.services.reports.pdf.document import Paper, Seal, render
from tests.support.pdf import Page, pages, text_of
from tests.unit.services.reports.made_up import MOMENT, Content, content, image, paint, prediction, review, signature

ROOT = Path(__file__).parents[4]
RESEARCH = "Research use only, not a diagnosis."
SHA = "5ea1" * 16


def preview(*images: Content, paper: Paper = "a4", **case: Any) -> bytes:
    return render(content(*images, **case), paint, paper, Seal(at=MOMENT))


def signed(*images: Content, **under: Any) -> bytes:
    return render({**content(*images), "signature": signature(**under)}, paint, "a4", Seal(at=MOMENT, sha256=SHA))


def test_every_page_says_what_it_is_and_which_page_it_is() -> None:
    shown = pages(preview(*(image(number) for number in range(1, 6))), scale=0.1)
    assert len(shown) > 2
    for number, page in enumerate(shown, start=1):
        assert RESEARCH in page.text
        assert f"{number} of {len(shown)}" in page.text
        assert "P-0117" in page.text
        assert "NOT SIGNED" in page.text
        assert "SecondRead 9.9" in page.text
        assert "21 Nov 2026, 04:05 UTC" in page.text


def test_a_signed_report_says_who_signed_when_and_its_hash_on_every_page() -> None:
    data = signed(image(1), image(2), comment="Seen twice.", waiting=["field-2.png (Leukemia)"])
    text = text_of(data)
    assert "NOT SIGNED" not in text
    assert "Signed by Dr. Ünal, 21 Nov 2026, 04:05 UTC" in text
    assert SHA in text
    assert "Seen twice." in text
    assert "Signed without a reading of: field-2.png (Leukemia)" in text
    assert all(SHA[:16] in page.text for page in pages(data, scale=0.1))


def test_an_addendum_names_the_report_it_amends_and_what_changed() -> None:
    first = {"number": 1, "sha256": "f1" * 32, "by": "Dr. One", "at": MOMENT}
    second = {"number": 2, "sha256": "f2" * 32, "by": "Dr. Two", "at": MOMENT}
    text = text_of(signed(image(1), number=3, first=first, previous=second, changes=[
        {"what": "field-1.png was reviewed", "by": "Dr. Three", "at": MOMENT}]))
    assert "Addendum to report 1" in text
    assert "f1" * 32 in text
    assert "f2" * 32 in text
    assert "field-1.png was reviewed · Dr. Three · 21 Nov 2026" in text


@pytest.mark.parametrize(("paper", "size"), [("a4", (595.3, 841.9)), ("letter", (612.0, 792.0))])
def test_paper_is_a4_or_letter(paper: Paper, size: tuple[float, float]) -> None:
    for page in pages(preview(image(1), paper=paper), scale=0.1):
        assert (page.width, page.height) == pytest.approx(size, abs=0.1)


def test_names_in_many_alphabets_are_printed() -> None:
    names = ("Ελένη Παπαδοπούλου", "Łukasz Żółć", "İnönü Ğüneş", "Анна Щербакова", "Nguyễn Thị Ánh", "≥ 20 µm")
    text = text_of(preview(image(1), note="\n".join(names)))
    assert [name for name in names if name not in text] == []
    assert "cannot be printed" not in text


def test_what_no_font_has_is_told_and_harms_nothing() -> None:
    text = text_of(preview(image(1, name="\x00<b>&漢🩸\u202e.png"), patient="P-漢字"))
    assert "U+6F22" in text
    assert "U+1FA78" in text
    assert "<b>&" in text


def test_without_the_fetched_fonts_a_report_is_still_made(tmp_path: Path) -> None:
    program = ("import sys\nfrom pathlib import Path\nfrom portal.services.reports.pdf import fonts\n"
               "fonts.FOLDER = Path(sys.argv[1])\n"
               "from tests.unit.services.reports.test_document import preview, image\n"
               "Path(sys.argv[1], 'made.pdf').write_bytes(preview(image(1), patient='Ünal Щ'))\n")
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, check=True, capture_output=True)
    text = text_of((tmp_path / "made.pdf").read_bytes())
    assert "Ünal ?" in text
    assert "U+0429" in text


def test_a_result_is_there_with_all_that_makes_it_understood() -> None:
    said = prediction(
        notes=["A note."], findings=[{"code": "blur", "message": "Soft.", "refuses": False, "value": 0.5, "limit": -2}],
        measures=[{"title": "H-score", "text": "286 of 300", "meaning": "Weighted."}],
        questions=[{"title": "Tissue", "answer": "tonsil", "left_out": 3,
                    "bars": [{"label": "tonsil", "value": 0.9999, "chosen": True}]},
                   {"title": "Quantity", "answer": "", "left_out": 0, "bars": []}],
        reviews=[review(1, verdict="override", label="Pro", reason="Nucleoli <seen> & counted"),
                 review(2, reader="Dr. Blind", reader_id=9, blind=True)])
    text = text_of(preview(image(1, predictions=[said], um_per_px=0.25, serial="S-12")))
    for words in ("Similar to Pre.", "Probability per label", "93.4 %", "> 99.9 %", "Tissue: tonsil", "not trained",
                  "286 of 300", "A note.", "Soft. Sharpness 0.5. Limit −2.", "Reason: Nucleoli <seen> & counted",
                  "read blind", "a1" * 32, "Model leukemia, version 1", "0.25 µm per pixel", "S-12",
                  "Differs", "Agrees", "Readers differ", f"{1:064x}"):
        assert words in text, words


def test_a_refusal_comes_with_its_reason_and_a_model_score_under_its_own_name() -> None:
    text = text_of(preview(
        image(1, predictions=[prediction(outcome="refused", label=None, reason="Out of focus.", bars=[], answer="")]),
        image(2, predictions=[prediction(2, score_name="model score")])))
    assert "Not scored: the model refused this image. Out of focus." in text
    assert "Model score per label" in text


def test_every_score_that_only_demonstrates_says_so_and_none_is_in_the_summary() -> None:
    said = prediction(demonstration="Fitted on drawn images.", summary="Total 5.75 of 14", label=None, score=None,
                      measures=[{"title": "Fibrosis", "text": "1.75 of 4", "meaning": ""},
                                {"title": "Total", "text": "5.75 of 14", "meaning": ""}], facts=[["Kind", "mild"]])
    text = text_of(preview(image(1, predictions=[said])))
    summary, _title, section = text.partition("Image 1: field-1.png")
    for score in ("5.75", "1.75", "93.4", "mild"):
        assert score not in summary
    assert "Demonstration – not a real score" in summary
    for score in ("1.75 of 4", "5.75 of 14", "mild"):
        assert f"{score} Demonstration – not a real score" in section
    assert "Fitted on drawn images." in section


def test_what_is_hidden_from_a_reader_is_not_on_paper() -> None:
    hidden = {name: value for name, value in prediction().items()
              if name in ("id", "model", "title", "version", "weights_sha256", "preprocessing", "created_at")}
    text = text_of(preview(image(1, predictions=[{**hidden, "outcome": "hidden", "demonstration": "",
                                                  "reviews": []}]), blind=True))
    assert "Hidden until read" in text
    assert "Pre" not in text.replace("Preview", "").replace("preview", "")


def black_runs(page: Page) -> list[int]:
    """Lengths in pixels of the black bars on a page: five rows and more of the same black run."""
    black = (page.pixels < 40).all(axis=2)
    lengths = [longest_run(row) if row.sum() > 15 else 0 for row in black]
    return [length for length, group in itertools.groupby(lengths) if length > 15 and len(list(group)) >= 5]


def longest_run(row: NDArray[np.bool_]) -> int:
    return max(len(list(group)) for is_black, group in itertools.groupby(row) if is_black)


@pytest.mark.parametrize(("width", "height", "um_per_px", "text"), [
    (400, 300, 0.25, "20 µm"), (300, 400, 0.5, "20 µm"), (2000, 500, 1.0, "500 µm")])
def test_the_scale_bar_is_as_long_as_it_says(width: int, height: int, um_per_px: float, text: str) -> None:
    shown = pages(preview(image(1, width=width, height=height, um_per_px=um_per_px)), scale=4)
    page = next(one for one in shown if text in one.text)
    grey = (np.abs(page.pixels.astype(int) - 150) < 3).all(axis=2)
    drawn = max(int(row.sum()) for row in grey)
    um = float(text.split()[0])
    bar, = black_runs(page)
    assert bar / drawn == pytest.approx(um / (width * um_per_px), rel=0.02)


def test_without_a_pixel_size_there_is_no_bar_and_that_is_said() -> None:
    shown = pages(preview(image(1)), scale=4)
    assert all(black_runs(page) == [] for page in shown)
    assert "pixel size unknown" in " ".join(page.text for page in shown)


def test_a_picture_that_cannot_be_shown_leaves_the_report_whole() -> None:
    data = render(content(image(1)), lambda *_asked: None, "a4", Seal(at=MOMENT))
    assert "This picture cannot be shown." in text_of(data)


def test_long_texts_and_many_readers_go_on_on_the_next_page() -> None:
    said = [review(number, reader_id=number, reader="Dr. " + "Long " * 20, reason="\n".join(["word " * 20] * 60))
            for number in range(1, 40)]
    data = preview(image(1, name="x" * 250, predictions=[prediction(reviews=said)]), note="line\n" * 400)
    assert len(pages(data, scale=0.1)) > 20


def test_the_same_content_gives_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    program = ("import sys\nfrom pathlib import Path\n"
               "from tests.unit.services.reports.test_document import signed, image\n"
               "Path(sys.argv[1]).write_bytes(signed(image(1), image(2), comment='Ελένη ≥ 漢'))\n")
    for seed in ("1", "2"):
        subprocess.run([sys.executable, "-c", program, str(tmp_path / seed)], cwd=ROOT, check=True,
                       capture_output=True, env={"PYTHONHASHSEED": seed})
    here = signed(image(1), image(2), comment="Ελένη ≥ 漢")
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes() == here


def test_the_fonts_are_the_fetched_ones() -> None:
    assert all((fonts.FOLDER / name).is_file() for name in fonts.NOTO.values()), "run: npm ci && npm run vendor"
