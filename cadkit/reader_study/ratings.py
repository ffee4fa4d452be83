"""Reader studies in memory: ratings of cases, or marks on them, by several readers in one or more modalities."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from cadkit.errors import InputError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

Design = Literal["crossed", "cases nested in readers", "cases nested in modalities"]


@dataclass(frozen=True, eq=False)
class RatingStudy:
    """One rating per reader, modality and case.

    Attributes:
        readers, modalities, cases: their names, r, t and n of them.
        truth: n booleans, whether the case has the disease.
        rating: t x r x n, larger is more suspicious; NaN where the reader did not read the case in the modality.
        cluster: patient of every case, in [0, number of patients), or None: every case is its own.
        source: the file that it was read from, for messages.
    """

    readers: tuple[str, ...]
    modalities: tuple[str, ...]
    cases: tuple[str, ...]
    truth: BoolArray
    rating: FloatArray
    cluster: IntArray | None = None
    source: str = ""

    def __post_init__(self) -> None:
        shape = (len(self.modalities), len(self.readers), len(self.cases))
        if self.rating.shape != shape or self.truth.shape != shape[2:]:
            raise ValueError(
                f"the ratings are {self.rating.shape} and the truth {self.truth.shape}, for {shape[0]} modalities, "
                f"{shape[1]} readers and {shape[2]} cases"
            )
        if self.cluster is not None and self.cluster.shape != shape[2:]:
            raise ValueError("the clusters are not one per case")

    @property
    def read(self) -> BoolArray:
        """Which readings were made, t x r x n."""
        return ~np.isnan(self.rating)

    @property
    def unread(self) -> int:
        """How many readings a fully crossed design would have beyond those that were made."""
        return int(np.isnan(self.rating).sum())

    def design(self) -> Design:
        """How cases were given to readers and modalities.

        Split-plot designs: every case is read by one group of readers, in all modalities (cases nested in readers),
        or by all readers in one group of modalities (cases nested in modalities); the groups do not overlap.

        Raises:
            InputError: readings are missing from every such design; names reader, modality and case of the first.
        """
        read = self.read
        if read.all():
            return "crossed"
        if _nested(read):
            return "cases nested in readers"
        if _nested(read.transpose(1, 0, 2)):
            return "cases nested in modalities"
        modality, reader, case = np.unravel_index(int((~read).argmax()), read.shape)
        raise InputError(
            f"{self.unread:,} of {read.size:,} readings are missing, the first of reader {self.readers[reader]} in "
            f"modality {self.modalities[modality]} of case {self.cases[case]}",
            file=self.source or None,
            mend="Add them, leave those cases out, or use --method bdg-centred, which takes missing readings.",
        )


def _nested(read: BoolArray) -> bool:
    """Whether every case is read along all of the first axis, by one of several groups along the second."""
    by_any = read.any(axis=0)
    if (read.all(axis=0) != by_any).any() or not by_any.any(axis=0).all():
        return False
    groups = np.unique(by_any.T, axis=0)
    return bool((groups.sum(axis=0) == 1).all())


@dataclass(frozen=True, eq=False)
class MarkStudy:
    """Free-response marks; every reader read every case in every modality, and marked what they marked.

    Attributes:
        readers, modalities, cases: their names, r, t and n of them.
        lesions: name of every lesion, l of them, unique within its case; a case with a lesion is diseased.
        lesion_case: its case.
        weight: its clinical weight; they sum to 1 within a case.
        mark_modality, mark_reader, mark_case: of every mark.
        mark_rating: larger is more suspicious.
        mark_lesion: the lesion that it hit, -1 for none (a non-lesion localization, NL).
        source: the files that it was read from, for messages.
    """

    readers: tuple[str, ...]
    modalities: tuple[str, ...]
    cases: tuple[str, ...]
    lesions: tuple[str, ...]
    lesion_case: IntArray
    weight: FloatArray
    mark_modality: IntArray
    mark_reader: IntArray
    mark_case: IntArray
    mark_rating: FloatArray
    mark_lesion: IntArray
    source: str = ""

    @property
    def truth(self) -> BoolArray:
        """Whether each case has a lesion."""
        diseased = np.zeros(len(self.cases), dtype=np.bool_)
        diseased[self.lesion_case] = True
        return diseased

    @cached_property
    def false_rating(self) -> FloatArray:
        """Highest rating of a mark that hits nothing, t x r x n, -inf where there is none."""
        return self._highest(self.mark_lesion < 0, self.mark_case, len(self.cases))

    @cached_property
    def lesion_rating(self) -> FloatArray:
        """Highest rating of a mark on every lesion, t x r x l, -inf where it was not marked."""
        return self._highest(self.mark_lesion >= 0, self.mark_lesion, len(self.lesions))

    @cached_property
    def false_count(self) -> FloatArray:
        """Number of marks that hit nothing, t x r x n."""
        counts = np.zeros((len(self.modalities), len(self.readers), len(self.cases)))
        chosen = self.mark_lesion < 0
        np.add.at(counts, (self.mark_modality[chosen], self.mark_reader[chosen], self.mark_case[chosen]), 1.0)
        return counts

    @cached_property
    def highest_rating(self) -> FloatArray:
        """Highest rating of any mark of every case, t x r x n, -inf where there is none."""
        return self._highest(np.ones(len(self.mark_case), dtype=np.bool_), self.mark_case, len(self.cases))

    def _highest(self, chosen: BoolArray, place: IntArray, count: int) -> FloatArray:
        highest = np.full((len(self.modalities), len(self.readers), count), -np.inf)
        where = (self.mark_modality[chosen], self.mark_reader[chosen], place[chosen])
        np.maximum.at(highest, where, self.mark_rating[chosen])
        return highest


Study = RatingStudy | MarkStudy
