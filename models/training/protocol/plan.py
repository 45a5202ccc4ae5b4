"""What decides a run, written beside its result, so that another run can be told from it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from models.card import CARDS
from models.engine import WEIGHTS


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the command line decides; a system's own numbers (rates, sizes) are its own constants."""

    key: str
    version: str
    data: Path
    out: Path
    """Folder of the run: checkpoints, logs, JSON. Never committed."""
    weights: Path = WEIGHTS
    """Folder of the exported files."""
    card: Path | None = None
    """Folder of the card and its pictures; the version's own below `models/cards` unless given."""
    seed: int = 20
    epochs: int | None = None
    """Rounds at most; the system's own number unless given."""
    side: int | None = None
    """Side of the network's input in pixels, where a system lets it be chosen; its own unless given."""
    quick: bool = False
    """Few images, few rounds, the same path: under two minutes on two cores."""
    resume: bool = False
    bf16: bool = False
    """Fit in bfloat16 (`Pace.bf16`)."""
    base: Path | None = None
    """Manifest of the own version that a fine-tuning starts from; the published one unless given."""

    @property
    def stem(self) -> str:
        return f"{self.key}-{self.version}"

    @property
    def manifest(self) -> Path:
        """Of a version that is fine-tuned on a clinic's own images."""
        return self.weights / f"{self.stem}.json"

    @property
    def card_folder(self) -> Path:
        return self.card or CARDS / self.stem

    def command(self, verb: str) -> str:
        """The command that a figure of this run is named with; of a fit as its `plan.json` says that it was run."""
        bf16 = " --bf16" if verb == "fit" and self._fitted_in_bf16() else ""
        return f"python -m models.training {verb} {self.key}{bf16}"

    def _fitted_in_bf16(self) -> bool:
        try:
            return read_json(self.out / "plan.json")["bf16"] == "True"
        except (OSError, ValueError, KeyError):
            return self.bf16

    def write(self) -> None:
        """Records itself as `plan.json`."""
        names = ("key", "version", "seed", "quick", "bf16")
        told = {name: str(value) for name, value in asdict(self).items() if name in names}
        write_json(told, self.out / "plan.json")


def datasets_folder() -> Path:
    """The folder of real images, beside the project unless PORTAL_DATASETS names another."""
    beside = Path(__file__).resolve().parents[3].parent / "shared" / "data"
    return Path(os.environ.get("PORTAL_DATASETS") or beside)


def write_json(found: object, path: Path) -> None:
    """A record of a run, readable by people."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, object]:
    """A record that `write_json` made."""
    held: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return held
