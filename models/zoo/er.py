"""ER expression in breast IHC: UNet++ colours nuclei by intensity, residual blocks say which intensity dominates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.gate import QUALITY_ADVICE, Domain
from models.imaging.resize import scaled
from models.scoring.ihc import INTENSITIES, Counts, category, comments, scores
from models.spec import (
    Finding,
    Label,
    Measure,
    Micrograph,
    ModelSpec,
    Pixels,
    Reading,
    Recount,
    Run,
    Scale,
    WeightFile,
)
from models.zoo import _eye
from models.zoo._er.network import build_network
from models.zoo._er.nuclei import count_nuclei
from models.zoo._er.read import LEGEND, NUCLEI_NOTE, empty, scored, views_of
from models.zoo._er.regions import grade_regions
from models.zoo._er.slide import ErSlides
from models.zoo._er.tiles import segment


def follow(typed: Mapping[str, float]) -> Reading:
    """What follows from a reader's own percentages. Raises ValueError when they contradict each other."""
    if typed["nuclei"] < 1:
        raise ValueError("Count at least one nucleus.")
    weak, moderate, strong = (round(10 * typed[f"percent_{name}"]) for name in ("weak", "moderate", "strong"))
    if weak + moderate + strong > 1000:
        raise ValueError("Weak, moderate and strong nuclei together are more than 100 %.")
    # In tenths of a per cent, as they were typed, so that the rules see exactly what the reader saw.
    counts = Counts(normal=1000 - weak - moderate - strong, weak=weak, moderate=moderate, strong=strong)
    return _by_hand(counts, nuclei=int(typed["nuclei"]))


def rescore(counted: Mapping[str, int]) -> Reading:
    """What follows from nuclei that a reader counted. Raises ValueError when there are none."""
    counts = Counts(**counted)
    if not counts.total:
        raise ValueError("Count at least one nucleus.")
    return _by_hand(counts, nuclei=counts.total)


def _by_hand(counts: Counts, *, nuclei: int) -> Reading:
    dominant = max(INTENSITIES, key=counts.of)
    found = {**scores(counts), "nuclei": nuclei, "dominant": dominant}
    return Reading(outcome="scored", label=category(counts), scores=found, notes=(*comments(counts), NUCLEI_NOTE))


SCALE = Scale(wanted=0.3, least=0.1, most=1.0, free_side=1 << 20)

SPEC = ModelSpec(
    key="er",
    version="1",
    title="ER expression in breast IHC (ER-Hybrid)",
    summary="Colours every nucleus of an ER-stained section as unstained, weak, moderate or strong, counts them, and "
    "computes H-score, Allred score and ASCO/CAP category. UNet++ finds the nuclei; a residual patch classifier says "
    "which intensity dominates each region.",
    accepts="A field of invasive breast carcinoma stained for ER with DAB (brown) and haematoxylin (blue), 20× to "
    "40×, JPEG, PNG, TIFF, WebP or BMP. No H&E, no cytoplasmic or membranous stain.",
    labels=(
        Label(name="negative", meaning="Fewer than 1 % of the counted nuclei are stained (ASCO/CAP 2020)."),
        Label(name="low-positive", meaning="ER Low Positive: 1–10 % of counted nuclei are stained (ASCO/CAP 2020)."),
        Label(name="positive", meaning="More than 10 % of the counted nuclei are stained (ASCO/CAP 2020)."),
    ),
    answer="Counted nuclei would be called ER {label} by ASCO/CAP 2020; not a diagnosis.",
    notice="Research use only, not a diagnosis.",
    preprocessing="With a known pixel size brought to 0.3 µm per pixel, else read as it is; 256×256 tiles every 192 "
    "pixels, blended; RGB scaled with mean 0.5 and standard deviation 0.5, as these ImageNet weights need it; touching "
    "nuclei split, spots below 30 pixels dropped; regions of 128×128 pixels with only their nuclei shown to stage 2.",
    calibrated=False,
    graphs={
        "predict": WeightFile(
            name="er-1.onnx",
            sha256="8fa50bd524a445aeca9f23f4e941f325018d60e489215c1d9a39313970a9a333",
        ),
        "grade": WeightFile(
            name="er-1.grade.onnx",
            sha256="f84cf8164c301af8d392b658e7c134e669e73460f5cb192d3e6b362c4f8c6b42",
        ),
        "gate": WeightFile(
            name="er-1.gate.npz",
            sha256="6aa71b2c508626037f756cc48a2f87c70fc86b73fe816e6400e977a9b79741d5",
        ),
        "eye": _eye.EYE,
    },
    licence="Weights for research use. Training images: DeepLIIF sample data (Apache-2.0 with Commons Clause), "
    "EndoNuke (CC BY 4.0). ImageNet start: Apache-2.0.",
    source="DeepLIIF sample data (Ki-67 IHC with nucleus masks); EndoNuke (endometrium, ER or PR)",
    training_data="Three Ki-67 crops of DeepLIIF's samples whose nuclei were graded by their DAB optical density and "
    "restained to known densities, four EndoNuke crops with located nuclei, and drawn fields. No image with "
    "intensities read by a pathologist took part. The fit was taken up twice (docs/training/er.md).",
    limits=(
        "No breast ER section with pathologists' intensities was available: weak, moderate and strong are limits of "
        "DAB optical density (0.15, 0.35, 0.65), which laboratories and pathologists set differently.",
        "All nuclei are counted: stroma, lymphocytes and normal ducts too. Choose a field of invasive tumour.",
        "Ki-67, PR and other nuclear stains look the same and pass: the system cannot know the antibody.",
        "Touching nuclei are sometimes counted as one, and long ones as two.",
        "Haematoxylin with DAB only: red chromogens and double stains are refused or unreliable.",
    ),
    measures=(
        Measure(key="h_score", title="H-score", most=300, meaning="1 × % weak + 2 × % moderate + 3 × % strong",
                groups=(50, 100, 200, 300)),
        Measure(key="allred", title="Allred score", most=8, meaning="proportion 0–5 + intensity 0–3; positive from 3"),
        Measure(key="percent_positive", title="Positive nuclei", unit="%", most=100, decimals=1),
        Measure(key="percent_weak", title="Weak nuclei", unit="%", most=100, decimals=1, step=0.1),
        Measure(key="percent_moderate", title="Moderate nuclei", unit="%", most=100, decimals=1, step=0.1),
        Measure(key="percent_strong", title="Strong nuclei", unit="%", most=100, decimals=1, step=0.1),
        Measure(key="nuclei", title="Nuclei counted", step=1),
    ),
    ordered_labels=True,
    scale=SCALE,
    claim="Original: pixel accuracy 91.6 %, mIoU 0.88, Dice 0.91, patch F1 0.87–0.93; its own notebook shows pixel "
    "accuracy 0.895 and mIoU 0.514, on augmented training images, and no stage 2. Best honest Dice published on such "
    "data: 0.741 (classes 1–4, 5-fold).",
    follow=follow,
    recount=Recount(classes=LEGEND[1:], score=rescore),
)

DOMAIN = Domain(
    kinds=("in-domain", "h&e", "smear", "other-stain", "blur", "not-ihc"),
    advice={
        "in-domain": "The image looks like the nuclear DAB stain that this system was made with. Which antibody it "
        "was, it cannot tell.",
        "h&e": "This looks like H&E, without DAB. Upload the ER-stained section.",
        "smear": "This looks like a blood smear, not a tissue section. Choose the system made for it.",
        "other-stain": "The stain is not haematoxylin with DAB in nuclei. Upload the ER-stained section.",
        "blur": QUALITY_ADVICE["blur"],
        "not-ihc": "This does not look like immunohistochemistry of nuclei. Upload a field of an ER-stained section.",
    },
    stranger="not-ihc",
)


SLIDES = ErSlides(scale=SCALE, domain=DOMAIN).reader()


def read(micrograph: Micrograph, run: Run) -> Reading:
    """Gate, class map, counted nuclei and every score that follows from the counts."""
    wrong = _pixel_size(micrograph)
    if wrong:
        return Reading(outcome="refused", reason=wrong.message, findings=(wrong,))
    pixels = at_scale(micrograph)
    domain = _eye.check(views_of(pixels), micrograph, run, DOMAIN)
    if domain[0].refuses:
        return Reading(outcome="refused", reason=domain[0].message, findings=domain)
    classes = segment(pixels, lambda batch: run("predict", {"image": batch})["probabilities"])
    nuclei = count_nuclei(classes)
    if not len(nuclei.classes):
        return empty(domain)
    regions = grade_regions(pixels, nuclei.painted, lambda batch: run("grade", {"patch": batch})["probabilities"])
    return scored(micrograph, nuclei, regions, domain)


def _pixel_size(micrograph: Micrograph) -> Finding | None:
    """What is wrong with a stated pixel size; it may also be unknown."""
    size, scale = micrograph.um_per_px, SPEC.scale
    if size is None or scale is None or scale.least <= size <= scale.most:
        return None
    text = f"A pixel size of {size:g} µm cannot be right here. Give {scale.least:g} to {scale.most:g} µm, or none."
    return Finding(code="pixel-size", message=text, refuses=True, value=size)


def at_scale(micrograph: Micrograph) -> Pixels:
    """The image at the pixel size that the network was made for, where its own is known."""
    if micrograph.um_per_px is None or SPEC.scale is None:
        return micrograph.pixels
    return scaled(micrograph.pixels, micrograph.um_per_px / SPEC.scale.wanted)


def build() -> Any:
    """Both torch networks with random weights; see `_er.network.build_network`."""
    return build_network()
