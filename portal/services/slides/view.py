"""What a viewer shows over a slide: layers and regions of a reading, as far as its reader may see them."""

from __future__ import annotations

from dataclasses import dataclass

from models.slides.layout import level_sizes
from models.spec import Region
from portal.services.blind import is_veiled
from portal.services.evidence import LayerLine, evidence_of, layers_of
from portal.services.results import SHOWN_REGIONS
from portal.storage import predictions
from portal.storage.tables.cases import Image
from portal.storage.tables.readings import Prediction


@dataclass(frozen=True, kw_only=True)
class SlideView:
    """A slide, and what lies over it; without a reading, or while it is veiled, nothing does."""

    image: Image
    prediction_id: int | None
    veiled: bool
    demonstration: str
    layers: tuple[LayerLine, ...]
    regions: tuple[Region, ...]
    nuclei: dict[str, int]

    @property
    def levels(self) -> int:
        return len(level_sizes(self.image.width, self.image.height))


def describe(image: Image, reader_id: int, prediction_id: int | None = None) -> SlideView:
    """With the reading that is named, else with the newest one; the image is the caller's to ask for."""
    prediction = _chosen(image, reader_id, prediction_id)
    veiled = prediction is not None and is_veiled(image.case, prediction, reader_id)
    if prediction is None or veiled:
        return SlideView(image=image, prediction_id=prediction.id if prediction else None, veiled=veiled,
                         demonstration="", layers=(), regions=(), nuclei={})
    evidence = evidence_of(prediction)
    return SlideView(image=image, prediction_id=prediction.id, veiled=False, demonstration=prediction.demonstration,
                     layers=layers_of(prediction), regions=evidence.regions[:SHOWN_REGIONS], nuclei=evidence.nuclei)


def _chosen(image: Image, reader_id: int, prediction_id: int | None) -> Prediction | None:
    known = [one.id for one in image.predictions]
    if not known:
        return None
    wanted = prediction_id if prediction_id in known else known[-1]
    return predictions.find_prediction(wanted, reader_id, whole=True)
