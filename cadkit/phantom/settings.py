"""What a phantom is asked to be."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TypedDict

from cadkit.errors import InputError
from cadkit.phantom.difficulty import difficulty_of
from cadkit.phantom.projection import frame_of


class Embedded(TypedDict):
    """Arguments of `make_phantom`."""

    exams: int
    size: tuple[int, int]
    difficulty: str


# The phantom of `cadkit train` without data, and of the demo: small and easy enough that a network of
# a tenth of a million weights learns it in minutes on two processors.
EMBEDDED_SETTINGS: Embedded = {"exams": 240, "size": (320, 208), "difficulty": "easy"}

# Raised whenever the same settings give other images or tables.
RECIPE = 1


@dataclass(frozen=True)
class Settings:
    """Everything that a phantom's content depends on.

    Attributes:
        exams: number of exams.
        rows, columns: of every image.
        seed: of all randomness, 0 or more.
        difficulty: `easy` or `standard` (see `cadkit.phantom.difficulty`).
        malignant, benign: share of the breasts (sides of exams) with that label. Screening has about
            0.005 malignant; the default is enriched, so that a small test split gives useful intervals.
        priors: share of patients with two exams. A malignant lesion appears in the last exam alone, a
            benign one in every exam.
        split: shares of patients for train, validation and test.
    """

    exams: int
    rows: int
    columns: int
    seed: int = 0
    difficulty: str = "standard"
    malignant: float = 0.25
    benign: float = 0.25
    priors: float = 0.25
    split: tuple[float, float, float] = (0.55, 0.15, 0.30)

    def __post_init__(self) -> None:
        difficulty_of(self.difficulty)
        frame_of(self.rows, self.columns)
        if not 1 <= self.exams <= 1_000_000:
            raise InputError("a phantom has 1 to 1,000,000 exams", value=self.exams)
        if self.seed < 0:
            raise InputError("a seed is 0 or more", value=self.seed)
        for name, share in (("malignant", self.malignant), ("benign", self.benign), ("priors", self.priors)):
            if not 0 <= share <= 0.5:
                raise InputError(f"the share `{name}` lies between 0 and 0.5", value=share)
        if min(self.split) < 0 or abs(sum(self.split) - 1) > 1e-6:
            raise InputError("the shares of the three splits are 0 or more and sum to 1", value=self.split)

    def recorded(self) -> dict[str, object]:
        """As `phantom.toml` and `dataset.toml` keep it."""
        return {"recipe": RECIPE, **asdict(self), "split": list(self.split)}
