"""The section of one image: its pictures, what each system said of it and why, and every reading."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from reportlab.lib.units import mm
from reportlab.platypus import Flowable, KeepTogether, Paragraph, Spacer, Table

from portal.services.reports.agreement import agreement_of, counting
from portal.services.reports.pdf.figures import Bar, ClassLegend, Figure, HeatLegend
from portal.services.reports.pdf.fonts import Ink
from portal.services.reports.pdf.style import (
    ACCENT,
    ANSWER,
    BARE,
    BELOW,
    BODY,
    CELL,
    CELL_RIGHT,
    CELL_STRONG,
    HEAD_CELL,
    HEADED_ROWS,
    IMAGE_HEADING,
    MINOR,
    PLAIN_ROWS,
    SMALL,
    SOFT,
    SUBHEADING,
    TAG,
    TAG_GROUND,
    TRACK,
    WARN,
    WARN_SOFT,
    boxed,
)
from portal.services.reports.pdf.words import AGREEMENTS, DEMONSTRATION, MEASURED, moment, number, reading
from portal.services.shares import percent

Content = dict[str, Any]
Story = list[Flowable]
Painter = Callable[..., bytes | None]
VERDICTS = {"agree": "Agrees with the model", "override": "Own reading", "cannot-judge": "Cannot be judged"}
GAP = 4 * mm


def image_section(place: int, image: Content, painter: Painter, side: int, ink: Ink, width: float) -> Story:
    """`painter` draws the pictures; see `Pictures.draw`."""
    heading: Story = [Paragraph(f"Image {place}: {ink.text(image['name'])}", IMAGE_HEADING)]
    if image["drawn"]:
        heading.append(Paragraph("Drawn sample – not a patient’s image", MINOR))
    heading += [Paragraph(ink.text(_facts(image)), SMALL), Paragraph(f"sha256 of the image: {image['sha256']}", SMALL),
                Spacer(0, 2 * mm)]
    first, *others = _figures(image, painter, side, ink, width)
    story: Story = [KeepTogether([*heading, first]), *others]
    if not image["predictions"]:
        story.append(Paragraph("No system could read this image. It is kept.", BODY))
    for prediction in image["predictions"]:
        story += _prediction(prediction, ink, width)
    return story


def _facts(image: Content) -> str:
    by = f" by {image['added_by']}" if image["added_by"] else ""
    names = [f"{title} {image[name]}" for name, title in (("serial", "Serial"), ("group", "group")) if image[name]]
    size = pixel_size(image)
    return " · ".join([f"{image['format'].upper()}, {image['width']} × {image['height']} pixels",
                       f"{size:.4g} µm per pixel" if size else "pixel size unknown, no scale bar", *names,
                       f"added {moment(image['uploaded_at'])}{by}"])


def pixel_size(image: Content) -> float | None:
    """What a system measured with counts before what the image came with, as on the result page."""
    used: list[float | None] = [one.get("um_per_px") for one in image["predictions"]]
    return next((size for size in [*used, image["um_per_px"]] if size), None)


def _figures(image: Content, painter: Painter, side: int, ink: Ink, width: float) -> Story:
    """The image alone, then under each layer of each system; two or three beside each other."""
    layers = [(one, layer) for one in image["predictions"] for layer in one.get("layers", ())]
    columns = 2 if len(layers) < 2 else 3
    room = (width - GAP * (columns - 1)) / columns
    several = len({one["id"] for one, _layer in layers}) > 1

    def figure(prediction: Content | None = None, layer: str = "") -> Figure:
        return Figure(partial(painter, image, side, prediction, layer), image["width"], image["height"], room,
                      pixel_size(image))

    cells: list[Story] = [[figure(), Paragraph("The image", SMALL)]]
    for prediction, layer in layers:
        title = f"{prediction['title']}: {layer['title']}" if several else layer["title"]
        legend = HeatLegend() if layer["kind"] == "heat" else ClassLegend(layer["legend"], prediction["nuclei"], ink)
        mark = f" <b>{DEMONSTRATION}</b>" if prediction["demonstration"] else ""
        cells.append([figure(prediction, layer["name"]), Paragraph(f"{ink.text(title)}{mark}", SMALL), legend])
    story: Story = []
    for first in range(0, len(cells), columns):
        row = cells[first:first + columns]
        row += [[] for _ in range(columns - len(row))]
        story += [Table([row], colWidths=[room + GAP] * (columns - 1) + [room], style=BARE, hAlign="LEFT"),
                  Spacer(0, 1.5 * mm)]
    return story


def _prediction(prediction: Content, ink: Ink, width: float) -> Story:
    title = f"{ink.text(prediction['title'])}, version {ink.text(prediction['version'])}"
    story: Story = [Paragraph(title, SUBHEADING)]
    if prediction["outcome"] == "hidden":
        return [*story, Paragraph("This case is read blind. The answer, its picture and other readings stand here "
                                  "when you have saved your own reading.", BODY)]
    if prediction["demonstration"]:
        story += [boxed([Paragraph(f"{DEMONSTRATION}. It counts for nothing in this report.", CELL_STRONG),
                         Paragraph(ink.text(prediction["demonstration"]), CELL)], width, WARN_SOFT, WARN),
                  Spacer(0, 1.5 * mm)]
    if prediction["outcome"] == "refused":
        story.append(KeepTogether([Paragraph("Not scored: the model refused this image.", ANSWER),
                                   Paragraph(ink.text(prediction["reason"]), BODY)]))
    elif prediction["answer"]:
        story += [Paragraph(ink.text(prediction["answer"]), ANSWER), Paragraph(ink.text(prediction["meaning"]), BODY)]
    story += [*_scores(prediction, ink, width), *_points("Notes", prediction["notes"], ink),
              *_points("Image checks", [_finding(one) for one in prediction["findings"]], ink),
              *_readings(prediction, ink, width), *_provenance(prediction, ink)]
    return story


def _scores(prediction: Content, ink: Ink, width: float) -> Story:
    """Every score in one way, each marked where it only demonstrates."""
    mark = f" – {DEMONSTRATION}" if prediction["demonstration"] else ""
    score_name = prediction["score_name"].capitalize()
    story = _bars(f"{score_name} per label{mark}", prediction["bars"], ink, width)
    rows = [[Paragraph(ink.text(one["title"]), CELL), _number(one["text"], mark, ink),
             Paragraph(ink.text(one["meaning"]), SMALL)] for one in prediction["measures"]]
    rows += [[Paragraph(ink.text(name), CELL), _number(text, mark, ink), Paragraph("", SMALL)]
             for name, text in prediction["facts"]]
    if rows:
        table = Table(rows, colWidths=[width * 0.24, width * 0.3, width * 0.46], style=PLAIN_ROWS)
        story += [Paragraph(f"Scores{mark}", MINOR), table]
    for one in prediction["questions"]:
        if not one["answer"]:
            story += [Paragraph(f"{ink.text(one['title'])}: not trained, this version gives no answer.", BODY)]
            continue
        left_out = f" ({one['left_out']} less likely answers are left out)" if one["left_out"] else ""
        story += _bars(f"{one['title']}: {one['answer']}{left_out}{mark}", one["bars"], ink, width)
    return story


def _number(text: str, mark: str, ink: Ink) -> list[Paragraph]:
    return [Paragraph(ink.text(text), CELL_STRONG), *([Paragraph(DEMONSTRATION, SMALL)] if mark else [])]


def _bars(title: str, bars: list[Content], ink: Ink, width: float) -> Story:
    if not bars:
        return []
    shown = width * 0.42
    rows = [[Paragraph(ink.text(one["label"]), CELL_STRONG if one["chosen"] else CELL),
             Bar(one["value"], shown, TRACK, ACCENT if one["chosen"] else SOFT),
             Paragraph(percent(one["value"]), CELL_RIGHT)] for one in bars]
    table = Table(rows, colWidths=[width * 0.36, shown + 3 * mm, 20 * mm], hAlign="LEFT",
                  style=[*BARE.getCommands(), ("VALIGN", (0, 0), (-1, -1), "MIDDLE")])
    return [KeepTogether([Paragraph(ink.text(title), MINOR), table])]


def _points(title: str, points: list[str], ink: Ink) -> Story:
    return [Paragraph(title, MINOR), *(Paragraph(f"– {ink.text(one)}", BODY) for one in points)] if points else []


def _finding(finding: Content) -> str:
    measured = limit = ""
    if finding["value"] is not None:
        measured = f" {MEASURED.get(finding['code'], 'Measured')} {number(finding['value'])}."
    if measured and finding["limit"] is not None:
        limit = f" Limit {number(finding['limit'])}."
    refuses = "This is why there is no answer. " if finding["refuses"] else ""
    return f"{refuses}{finding['message']}{measured}{limit}"


def _readings(prediction: Content, ink: Ink, width: float) -> Story:
    """Every review as it was given; of each reader the latest counts. What was written stands below its row."""
    story: Story = [Paragraph("Readings", MINOR)]
    if not prediction["reviews"]:
        return [*story, Paragraph("Nobody has reviewed this answer.", BODY)]
    shares = [width * one for one in (0.23, 0.27, 0.33, 0.17)]
    heads = Table([[Paragraph(words, HEAD_CELL) for words in ("When", "Reader", "Reading", "With the model")]],
                  colWidths=shares, style=HEADED_ROWS)
    story.append(heads)
    counts = counting(prediction)
    for review in prediction["reviews"]:
        story += _review(prediction, review, ink, shares, counts=any(one is review for one in counts))
    return story


def _review(prediction: Content, review: Content, ink: Ink, shares: list[float], *, counts: bool) -> Story:
    words, colour = AGREEMENTS[agreement_of(prediction, review)]
    reader = [Paragraph(ink.text(review["reader"]), CELL_STRONG if counts else CELL)]
    reader += [Paragraph("read blind", SMALL)] if review["blind"] else []
    said = [Paragraph(ink.text(reading(prediction, review)), CELL_STRONG if counts else CELL),
            Paragraph(VERDICTS[review["verdict"]] + ("" if counts else " · replaced by a later reading"), SMALL)]
    row = Table([[Paragraph(moment(review["created_at"]), CELL), reader, said,
                  Paragraph(words if counts else f"({words})", TAG[colour] if counts else TAG["quiet"])]],
                colWidths=shares, style=[*PLAIN_ROWS.getCommands(), ("VALIGN", (3, 0), (3, 0), "MIDDLE"),
                                         ("BACKGROUND", (3, 0), (3, 0), TAG_GROUND[colour if counts else "quiet"])])
    scores = "; ".join(f"{title}: {text}" for title, text in review["scores"])
    below = [Paragraph(f"Scores: {ink.text(scores)}", BELOW)] if scores else []
    below += [Paragraph(ink.text(one), BELOW) for one in review["notes"]]
    below += [Paragraph(f"Reason: {ink.text(review['reason'])}", BELOW)] if review["reason"] else []
    return [row, *below, Spacer(0, 1.5 * mm)] if below else [row]


def _provenance(prediction: Content, ink: Ink) -> Story:
    return [Spacer(0, 1.5 * mm), KeepTogether([Paragraph(
        f"Model {ink.text(prediction['model'])}, version {ink.text(prediction['version'])}, made "
        f"{moment(prediction['created_at'])} in {prediction['ms']:.0f} ms · weights sha256 "
        f"{prediction['weights_sha256']}<br/>{ink.text(prediction['preprocessing'])}"
        f"<br/>{ink.text(prediction['notice'])}", SMALL)])]
