"""The first page: whose case it is, which reading counts for each image, who signed, what changed."""

from __future__ import annotations

from typing import Any

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Paragraph, Spacer, Table

from portal.services.reports.agreement import agreement_on, counting, is_open, is_split
from portal.services.reports.pdf.fonts import Ink
from portal.services.reports.pdf.style import (
    BARE,
    BODY,
    CELL,
    CELL_STRONG,
    GOOD,
    GOOD_SOFT,
    HEAD_CELL,
    HEADED_ROWS,
    HEADING,
    LABEL,
    MINOR,
    SMALL,
    TAG,
    TAG_GROUND,
    TITLE,
    WARN,
    WARN_SOFT,
    boxed,
)
from portal.services.reports.pdf.words import AGREEMENTS, DEMONSTRATION, moment, reading, short_answer

Content = dict[str, Any]
Story = list[Flowable]
_SHARES = (0.05, 0.22, 0.17, 0.19, 0.24, 0.13)


def title_block(content: Content, ink: Ink, width: float) -> Story:
    """The title, and the facts of the case in two columns."""
    case, signature = content["case"], content.get("signature")
    amended = signature["first"] if signature else None
    title = f"Addendum to report {amended['number']}" if amended else "Report on microscope images"
    left = [("Patient pseudonym", case["patient"]), ("Specimen", case["specimen"]), ("Case", case["id"])]
    right = [("Owner", case["owner"]), ("Opened", moment(case["opened_at"])),
             ("Reading", "Blind first" if case["blind"] else "With the model’s answer in view")]
    columns = Table([[_pairs(left, ink, width / 2), _pairs(right, ink, width / 2)]], colWidths=[width / 2] * 2,
                    style=BARE)
    note = [Paragraph("Note", LABEL), Paragraph(ink.text(case["note"]), BODY)] if case["note"] else []
    return [Paragraph(title, TITLE), Spacer(0, 2 * mm), columns, *note, Spacer(0, 3 * mm)]


def summary(content: Content, ink: Ink, width: float) -> Story:
    """One row per image and system: the model, the reading that counts and by whom, and whether the two agree."""
    rows: list[list[Any]] = [[Paragraph(words, HEAD_CELL) for words in
                              ("No.", "Image", "System", "Model", "Reading that counts", "Agreement")]]
    tints: list[tuple[Any, ...]] = []
    for number, image in enumerate(content["images"], start=1):
        for prediction in image["predictions"] or [None]:
            tint = TAG_GROUND[AGREEMENTS[agreement_on(prediction)][1]] if prediction else TAG_GROUND["quiet"]
            tints.append(("BACKGROUND", (5, len(rows)), (5, len(rows)), tint))
            rows.append(_summary_row(number, image, prediction, ink))
    if len(rows) == 1:
        return [Paragraph("Summary", HEADING), Paragraph("There are no images in this case yet.", BODY)]
    table = Table(rows, colWidths=[width * one for one in _SHARES], repeatRows=1, splitInRow=1,
                  style=[*HEADED_ROWS.getCommands(), *tints, ("VALIGN", (0, 1), (-1, -1), "MIDDLE")])
    return [Paragraph("Summary", HEADING), table, Spacer(0, 2 * mm)]


def signed_box(signature: Content, sha256: str, ink: Ink, width: float) -> Story:
    """Who signed what and when, the conclusion, and what it amends."""
    who = f"Signed by {ink.text(signature['by'])}, {moment(signature['at'])}"
    rows = [Paragraph(who, CELL_STRONG),
            Paragraph(f"sha256 of what report {signature['number']} says: {sha256}", SMALL),
            *(Paragraph(line, SMALL) for line in _amended(signature, ink))]
    if signature["waiting"]:
        rows.append(Paragraph(f"Signed without a reading of: {ink.text(', '.join(signature['waiting'][:12]))}"
                              f"{_and_more(signature['waiting'], 12)}.", CELL))
    story: Story = [Paragraph("Signature", HEADING), boxed(rows, width, GOOD_SOFT, GOOD)]
    if signature["comment"]:
        story += [Paragraph("Conclusion", MINOR), Paragraph(ink.text(signature["comment"]), BODY)]
    if signature["previous"]:
        story += [Paragraph(f"Changed since report {signature['previous']['number']}", MINOR),
                  *_change_lines(signature["changes"], ink)]
    return story


def unsigned_box(content: Content, ink: Ink, width: float) -> Story:
    """That this is only a preview, what is missing, and what changed since the last signature."""
    waiting = [f"{image['name']} ({one['title']})" for image in content["images"] for one in image["predictions"]
               if one["outcome"] != "hidden" and is_open(one)]
    hidden = sum(one["outcome"] == "hidden" for image in content["images"] for one in image["predictions"])
    rows = [Paragraph("This is a preview. Nobody has signed it.", CELL_STRONG)]
    if waiting:
        rows.append(Paragraph(f"Without a reading: {ink.text(', '.join(waiting[:12]))}{_and_more(waiting, 12)}.", CELL))
    if hidden:
        rows.append(Paragraph(f"Read blind: {hidden} {'answer is' if hidden == 1 else 'answers are'} hidden until "
                              "you have given your own reading.", CELL))
    story: Story = [Paragraph("Signature", HEADING), boxed(rows, width, WARN_SOFT, WARN)]
    since = content.get("since")
    if since:
        story.append(Paragraph(f"Changed since report {since['number']} was signed by {ink.text(since['by'])}, "
                               f"{moment(since['at'])}", MINOR))
        story += _change_lines(since["changes"], ink) if not hidden else [
            Paragraph("Shown when nothing is hidden from you any more.", BODY)]
    return story


def _pairs(pairs: list[tuple[str, Any]], ink: Ink, width: float) -> Table:
    rows = [[Paragraph(name, LABEL), Paragraph(ink.text(value), CELL_STRONG)] for name, value in pairs]
    return Table(rows, colWidths=[30 * mm, width - 33 * mm], style=BARE, hAlign="LEFT")


def _summary_row(number: int, image: Content, prediction: Content | None, ink: Ink) -> list[Any]:
    name = [Paragraph(ink.text(image["name"]), CELL)]
    if image["drawn"]:
        name.append(Paragraph("Drawn sample", SMALL))
    start = [Paragraph(str(number), CELL), name]
    if prediction is None:
        return [*start, Paragraph("–", CELL), Paragraph("No answer", CELL), Paragraph("–", CELL),
                Paragraph("No answer", TAG["quiet"])]
    agreement, mark = agreement_on(prediction), [Paragraph("", CELL)]
    words, colour = AGREEMENTS[agreement]
    mark = [Paragraph(words, TAG[colour])]
    if agreement != "hidden" and is_split(prediction):
        mark.append(Paragraph("Readers differ", TAG["bad"]))
    answer = short_answer(prediction)
    style = SMALL if answer == DEMONSTRATION else CELL
    return [*start, Paragraph(ink.text(prediction["title"]), CELL), Paragraph(ink.text(answer), style),
            _counting_cell(prediction, ink), mark]


def _counting_cell(prediction: Content, ink: Ink) -> list[Paragraph]:
    cell = []
    for review in counting(prediction):
        blind = ", read blind" if review["blind"] else ""
        cell += [Paragraph(ink.text(reading(prediction, review)), CELL_STRONG),
                 Paragraph(f"{ink.text(review['reader'])}{blind}", SMALL)]
    return cell or [Paragraph("–", CELL)]


def _amended(signature: Content, ink: Ink) -> list[str]:
    """The reports that an addendum follows, each with its hash."""
    before = [one for one in (signature["first"], signature["previous"]) if one]
    words = ("Addendum to", "Follows") if len({one["number"] for one in before}) > 1 else ("Addendum to",)
    return [f"{word} report {one['number']}, signed by {ink.text(one['by'])}, {moment(one['at'])}, "
            f"sha256 {one['sha256']}" for word, one in zip(words, before, strict=False)]


def _change_lines(changes: list[Content], ink: Ink) -> Story:
    lines: Story = [Paragraph(f"– {ink.text(one['what'])}"
                              f"{' · ' + ink.text(one['by']) if one['by'] else ''}"
                              f"{' · ' + moment(one['at']) if one['at'] else ''}", BODY) for one in changes]
    return lines or [Paragraph("Nothing.", BODY)]


def _and_more(items: list[str], shown: int) -> str:
    return f" and {len(items) - shown} more" if len(items) > shown else ""


