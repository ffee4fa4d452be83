"""What a phantom is asked to be."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TypedDict

from cadkit.errors import InputError
from cadkit.phantom.difficulty import difficulty_of
from cadkit.phantom.mix import mix_of
from cadkit.phantom.projection import frame_of


class Embedded(TypedDict):
    """Arguments of `make_phantom`."""

    exams: int
    size: tuple[int, int]
    difficulty: str


class Asked(TypedDict, total=False):
    """Shares among the arguments of `make_phantom`."""

    malignant: float
    benign: float
    interval: float


# The phantom of `cadkit train` without data, and of the demo: small and easy enough that a network of
# a tenth of a million weights learns it in minutes on two processors.
EMBEDDED_SETTINGS: Embedded = {"exams": 240, "size": (320, 208), "difficulty": "easy"}

# Enriched, so that a small test split gives useful intervals.
ENRICHED: Asked = {"malignant": 0.25, "benign": 0.25}
# As in screening: about 2% of the breasts have a benign biopsy; 249 of 1,032 cancers came up between
# screenings (Dahl et al. 2023, section 4.1).
SCREENING: Asked = {"malignant": 0.005, "benign": 0.02, "interval": 0.24}

# Raised whenever the same settings give other images or tables.
RECIPE = 2


@dataclass(frozen=True)
class PhantomSettings:
    """Everything that a phantom's content depends on.

    Attributes:
        exams: number of exams.
        rows, columns: of every image.
        seed: of all randomness, 0 or more.
        difficulty: `easy` or `standard` (see `cadkit.phantom.difficulty` and `cadkit.phantom.mix`).
        malignant, benign: share of the breasts (sides of exams) with that label.
        interval: share of the cancers that come up between two screenings; None takes the mix's.
        visits: shares of women with one, two, three and four exams.
        split: shares of patients for train, validation and test.
        readers: number of readers of a reader study, beside the two of screening.
    """

    exams: int
    rows: int
    columns: int
    seed: int = 0
    difficulty: str = "standard"
    malignant: float = ENRICHED["malignant"]
    benign: float = ENRICHED["benign"]
    interval: float | None = None
    visits: tuple[float, float, float, float] = (0.60, 0.22, 0.12, 0.06)
    split: tuple[float, float, float] = (0.55, 0.15, 0.30)
    readers: int = 0

    def __post_init__(self) -> None:
        difficulty_of(self.difficulty)
        mix = mix_of(self.difficulty)
        if self.interval is None:
            object.__setattr__(self, "interval", mix.interval)
        frame_of(self.rows, self.columns)
        if not 1 <= self.exams <= 1_000_000:
            raise InputError("a phantom has 1 to 1,000,000 exams", value=self.exams)
        if self.seed < 0:
            raise InputError("a seed is 0 or more", value=self.seed)
        for name in ("malignant", "benign", "interval"):
            share = getattr(self, name)
            if not 0 <= share <= 0.5:
                raise InputError(f"the share `{name}` lies between 0 and 0.5", value=share)
        for name, shares, parts in (("visits", self.visits, 4), ("split", self.split, 3)):
            if len(shares) != parts or min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
                raise InputError(f"the {parts} shares of `{name}` are 0 or more and sum to 1", value=shares)
        if not 0 <= self.readers <= 1000:
            raise InputError("a reader study has 0 to 1,000 readers", value=self.readers)

    @property
    def interval_share(self) -> float:
        """`interval` as a number, whoever chose it."""
        return self.interval or 0.0

    def recorded(self) -> dict[str, object]:
        """As `phantom.toml` and `dataset.toml` keep it."""
        return {"recipe": RECIPE, **asdict(self), "visits": list(self.visits), "split": list(self.split)}


def asked_shares(prevalence: float | None = None, benign: float | None = None, screening: bool = False) -> Asked:
    """The shares of `PhantomSettings` that a user asked for, in the words of the command line.

    Args:
        prevalence: share of breasts with a malignant lesion.
        benign: share of breasts with a benign one.
        screening: take the shares of `SCREENING`.

    Raises:
        InputError: shares were given beside `screening`.
    """
    given = {"--prevalence": prevalence, "--benign": benign}
    doubled = [name for name, share in given.items() if share is not None]
    if screening and doubled:
        raise InputError(
            f"--screening sets the shares of cancers and biopsies, and so does {' and '.join(doubled)}",
            mend="Leave one of them out.",
        )
    if screening:
        return SCREENING
    return {
        "malignant": ENRICHED["malignant"] if prevalence is None else prevalence,
        "benign": ENRICHED["benign"] if benign is None else benign,
    }
