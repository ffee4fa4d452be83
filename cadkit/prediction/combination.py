"""Several predictions as one: weighted mean of scores, marks merged, maps averaged; worked out when asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, reduce
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import cadkit
from cadkit.data import Dataset
from cadkit.errors import InputError
from cadkit.files import fingerprint
from cadkit.prediction.columns import ID_COLUMNS, LEVELS
from cadkit.prediction.folder import Predictions
from cadkit.prediction.frames import FileSaliency
from cadkit.prediction.levels import LOWER, answered_exams, level_frame, owners_of, pooled_from_less
from cadkit.prediction.merging import Merging, average_maps, merge_marks
from cadkit.prediction.naming import names_of
from cadkit.prediction.writing import skipped_table

_RULE = Merging()


class Combination(Predictions):
    """Predictions of one dataset as one prediction, in memory.

    Each level's scores are the weighted mean of the parts' scores of that level (a part that lacks a level pools it
    as its record says), over the labels that all parts score. An exam that a part skipped, or has no word of, is
    skipped, and so is an image or breast at its level. Marks are merged (`cadkit.prediction.merging`) where every part
    gives marks, maps averaged where every part gives maps; where the parts differ there is neither. Regions of
    interest are left out.

    Args:
        parts: at least two.
        data: the dataset that they are of.
        weights: none below 0; made to sum to one. Equal by default.
        name: of the combination.
        rule: when two marks are one.

    Raises:
        InputError: the parts have no label or level in common, are of other exams or splits, or the weights are none.
    """

    def __init__(
        self,
        parts: Sequence[Predictions],
        data: Dataset,
        weights: Sequence[float] | None = None,
        *,
        name: str = "ensemble",
        rule: Merging = _RULE,
    ) -> None:
        self.parts, self.data, self.rule = tuple(parts), data, rule
        self.names = tuple(names_of(self.parts))
        self.weights = _weights(weights, len(self.parts))
        self._label = name
        self._check_parts()
        self._answered = [answered_exams(part, data) for part in self.parts]
        self.places, self._unplaced = self._places()
        super().__init__(Path(name), self._record())

    def _check_parts(self) -> None:
        folders = [part.folder.resolve() for part in self.parts]
        if len(folders) < 2 or len(set(folders)) < len(folders):
            raise InputError("needs at least two predictions, each once", row=self._label, value=", ".join(self.names))
        splits = {str(part.record["split"]): name for part, name in self._named() if "split" in part.record}
        if len(splits) > 1:
            told = ", ".join(f"{name} of {split}" for split, name in splits.items())
            raise InputError(
                "the predictions are of different splits",
                row=self._label,
                value=told,
                mend="Predict the same split with each.",
            )
        if not self.common_labels:
            told = "; ".join(f"{name}: {', '.join(part.labels)}" for part, name in self._named())
            raise InputError("the predictions have no label in common", row=self._label, value=told)

    def _named(self) -> list[tuple[Predictions, str]]:
        return list(zip(self.parts, self.names, strict=True))

    @cached_property
    def common_labels(self) -> tuple[str, ...]:
        """Labels that every part scores, in the order of the first."""
        return tuple(label for label in self.parts[0].labels if all(label in part.labels for part in self.parts))

    def _places(self) -> tuple[str, str]:
        """What the combination localizes with, and, where the parts localize but it does not, why."""
        kinds = [part.localizes if part.localizes != "saliency" or part.has_saliency else "" for part in self.parts]
        if set(kinds) == {"marks"}:
            for part, name in self._named():
                if (part.marks()["score"] < 0).any():
                    return "", f"marks of {name} have scores below 0, which cannot be added"
            return "marks", ""
        if set(kinds) == {"saliency"}:
            return "saliency", ""
        told = ", ".join(f"{name} {kind or 'neither'}" for kind, name in zip(kinds, self.names, strict=True))
        return "", f"the parts do not all give marks or all give maps ({told})" if any(kinds) else ""

    def _record(self) -> dict[str, Any]:
        splits = [part.record["split"] for part in self.parts if "split" in part.record]
        poolings = [part.record.get("pooling", {}) for part in self.parts]
        return {
            "model": "ensemble",
            "name": self._label,
            "cadkit": cadkit.__version__,
            "labels": list(self.common_labels),
            "scores": "probability" if all(part.probability for part in self.parts) else "risk",
            "localizes": self.places,
            **({"pooling": poolings[0]} if poolings[0] and all(one == poolings[0] for one in poolings) else {}),
            **({"split": splits[0]} if splits else {}),
            "dataset": str(self.data.folder.resolve()),
            "dataset_fingerprint": self.data.fingerprint,
            "saliency": self.places == "saliency",
            "exams": len(self._exams),
            "merge_iou": self.rule.iou,
            "merge_mm": self.rule.mm,
            "parts": [
                _part_record(part, name, weight)
                for part, name, weight in zip(self.parts, self.names, self.weights, strict=True)
            ],
        }

    @cached_property
    def _exams(self) -> dict[str, str]:
        """Every exam that some part scored or skipped, in the dataset's order, with the reason why it is skipped."""
        lists = [_skipped(part, "exam") for part in self.parts]
        somewhere = {*(exam for listed in lists for exam in listed), *(e for given in self._answered for e in given)}
        found: dict[str, str] = {}
        for exam in (exam for exam in self.data.tables["exams"]["exam_id"] if exam in somewhere):
            reasons = []
            for (part, name), listed, answered in zip(self._named(), lists, self._answered, strict=True):
                if exam in listed or exam not in answered:
                    reasons.append(f"{name}: {listed.get(exam) or part.absent or 'no prediction'}")
            found[exam] = "; ".join(reasons)
        return found

    @property
    def name(self) -> str:
        """Name of the combination."""
        return self._label

    @cached_property
    def fingerprint(self) -> str:
        """Fingerprint of the parts and their weights."""
        parts = (f"{part.fingerprint} {weight!r}" for part, weight in zip(self.parts, self.weights, strict=True))
        return fingerprint(*parts, repr(self.rule))

    def _path(self, name: str) -> Path | None:
        return None

    def has(self, level: str) -> bool:
        """Whether every part gives the level, or one below."""
        return self._levels[level] is not None

    @cached_property
    def _levels(self) -> dict[str, tuple[pl.DataFrame, ...] | None]:
        """The parts' scores of each level that all of them have."""
        found: dict[str, tuple[pl.DataFrame, ...] | None] = {}
        for level in LEVELS:
            frames = [level_frame(part, level, self.data) for part in self.parts]
            there = [frame for frame in frames if frame is not None]
            found[level] = tuple(there) if len(there) == len(frames) else None
        if not any(found.values()):
            told = "; ".join(
                f"{name}: {', '.join(level for level in LEVELS if part.has(level))}" for part, name in self._named()
            )
            raise InputError("the predictions have no level in common", row=self._label, value=told)
        return found

    def _scores(self, level: str) -> pl.DataFrame:
        frames = self._levels[level]
        if frames is None:
            raise InputError(f"the parts of {self._label} do not all give scores of this level", value=level)
        keys = list(LEVELS[level])
        columns = [c for c in frames[0].columns if c not in ID_COLUMNS and all(c in one.columns for one in frames)]
        owner = owners_of(self.data, level)
        wide = reduce(
            lambda left, right: left.join(right, on=keys, how="inner", maintain_order="left"),
            [
                frame.select(*keys, *(pl.col(c).alias(f"{number}\0{c}") for c in columns))
                for number, frame in enumerate(frames)
            ],
        )
        exams = [owner[unit[0] if len(unit) == 1 else unit] for unit in wide.select(keys).iter_rows()]
        means = [
            pl.sum_horizontal(
                (pl.col(f"{number}\0{c}") * weight for number, weight in enumerate(self.weights)), ignore_nulls=False
            ).alias(c)
            for c in columns
        ]
        wide = wide.with_columns(pl.Series("exam_id", exams, dtype=pl.String)).filter(
            pl.col("exam_id").replace_strict(self._exams, return_dtype=pl.String) == ""
        )
        return wide.select(*(keys if "exam_id" in keys else [*keys, "exam_id"]), *means)

    @cached_property
    def _marks(self) -> pl.DataFrame:
        if self.places != "marks":
            return super()._marks
        spacing = dict(self._images.select("image_id", "pixel_spacing_mm").iter_rows())
        there = pl.col("image_id").is_in(self.images) & pl.col("label").is_in(self.common_labels)
        return merge_marks([part.marks().filter(there) for part in self.parts], self.weights, self.rule, spacing)

    @cached_property
    def _images(self) -> pl.DataFrame:
        images = self.data.tables["images"]
        if "pixel_spacing_mm" in images.columns:
            return images
        return images.with_columns(pl.lit(None, pl.Float64).alias("pixel_spacing_mm"))

    @cached_property
    def images(self) -> list[str]:
        """Images that every part answered, in the dataset's order."""
        answered = [exam for exam, reason in self._exams.items() if not reason]
        images = self._images.filter(pl.col("exam_id").is_in(answered))["image_id"]
        for part in self.parts:
            if part.has("image") and part.scores("image").height:
                images = images.filter(images.is_in(part.scores("image")["image_id"].to_list()))
        return images.to_list()

    def skipped(self) -> pl.DataFrame:
        """What has no scores, with the part that gave none and its reason; and warnings."""
        return self._left_out

    @cached_property
    def _left_out(self) -> pl.DataFrame:
        rows = [("exam", exam, reason) for exam, reason in self._exams.items() if reason]
        for level in ("image", "breast"):
            rows += [(level, unit, reason) for unit, reason in self._lost(level).items()]
        return skipped_table(rows + [("warning", unit, reason) for unit, reason in self._warnings()])

    def _lost(self, level: str) -> dict[str, str]:
        """Images or breasts of answered exams that some part has no score for."""
        owner = {"/".join(u) if isinstance(u, tuple) else u: exam for u, exam in owners_of(self.data, level).items()}
        listed = [_skipped(part, level) for part in self.parts]
        frames = self._levels[level] or ()
        scored = [{"/".join(unit) for unit in frame.select(LEVELS[level]).iter_rows()} for frame in frames]
        somewhere = {*(unit for one in listed for unit in one), *(unit for one in scored for unit in one)}
        found: dict[str, str] = {}
        for unit in (unit for unit in owner if unit in somewhere and self._exams.get(owner[unit]) == ""):
            reasons = [
                f"{name}: {listed[number].get(unit, 'no score')}"
                for number, name in enumerate(self.names)
                if unit in listed[number] or (scored and unit not in scored[number])
            ]
            if reasons:
                found[unit] = "; ".join(reasons)
        return found

    def _warnings(self) -> list[tuple[str, str]]:
        found = []
        kinds = {str(part.record.get("scores", "risk")) for part in self.parts}
        ranges = self._ranges()
        if len(kinds) > 1 or len({low >= 0 and high <= 1 for low, high in ranges}) > 1:
            told = ", ".join(
                f"{name}: {part.record.get('scores', 'risk')}, {low:.4g} to {high:.4g}"
                for (part, name), (low, high) in zip(self._named(), ranges, strict=True)
            )
            found.append((self._label, f"scores of different kinds were averaged ({told}); the larger range rules"))
        for part, name in self._named():
            gone = [label for label in part.labels if label not in self.common_labels]
            without = [other for one, other in self._named() if not set(gone) <= set(one.labels)]
            if gone:
                found.append((self._label, f"{', '.join(gone)} of {name} left out: not scored by {', '.join(without)}"))
        for part, name in self._named():
            made_for = part.record.get("dataset_fingerprint")
            if made_for and made_for != self.data.fingerprint:
                found.append((self._label, f"the tables of {self.data.meta.name} were changed after {name} was made"))
        if self._unplaced:
            found.append((self._label, f"without marks or maps: {self._unplaced}"))
        for part, name in self._named():
            found += [(unit, f"{name}: {reason}") for unit, reason in _skipped(part, "warning").items()]
        for part, name in self._named():
            for level in (level for level in LOWER if self._levels[level] is not None):
                if count := pooled_from_less(part, level, self.data):
                    found.append(
                        (self._label, f"{count} {level}(s) of {name} were pooled from fewer parts than they have")
                    )
        return found

    def _ranges(self) -> list[tuple[float, float]]:
        """The lowest and the highest score of each part, over the common labels."""
        frames = next(frames for frames in self._levels.values() if frames is not None)
        scores = [frame.select(c for c in self.common_labels if c in frame.columns).to_numpy() for frame in frames]
        return [(float(one.min()), float(one.max())) for one in scores]

    def saliency(self, image_id: str) -> FileSaliency | None:
        """The mean of the parts' maps of an image; None where one of them has none."""
        if self.places != "saliency" or image_id not in self._with_maps:
            return None
        maps = [part.saliency(image_id) for part in self.parts]
        there = [one for one in maps if one is not None]
        if len(there) < len(maps):
            return None
        return average_maps([_of_labels(p, one, self.labels) for p, one in zip(self.parts, there, strict=True)],
                            self.weights)  # fmt: skip

    @cached_property
    def _with_maps(self) -> frozenset[str]:
        return frozenset(self.images)

    @property
    def has_saliency(self) -> bool:
        """Whether there are maps."""
        return self.places == "saliency"


def _part_record(part: Predictions, name: str, weight: float) -> dict[str, Any]:
    kept = {key: part.record[key] for key in ("model", "run", "dataset_fingerprint") if part.record.get(key)}
    return {
        "name": name,
        "folder": str(part.folder.resolve()),
        "weight": weight,
        "fingerprint": part.fingerprint,
        **kept,
    }


def _weights(given: Sequence[float] | None, parts: int) -> tuple[float, ...]:
    if given is None:
        return (1 / parts,) * parts
    if len(given) != parts:
        raise InputError(f"{len(given)} weight(s) for {parts} predictions", row="--weights", mend="Give one for each.")
    for weight in given:
        if not 0 <= weight < np.inf:
            raise InputError("weights are numbers of 0 or more", row="--weights", value=weight)
    total = sum(given)
    if total == 0:
        raise InputError("all weights are 0", row="--weights", mend="Give at least one above 0.")
    return tuple(weight / total for weight in given)


def _skipped(part: Predictions, level: str) -> Mapping[str, str]:
    return {unit: reason for kind, unit, reason in part.skipped().iter_rows() if kind == level}


def _of_labels(part: Predictions, one: FileSaliency, labels: Sequence[str]) -> FileSaliency:
    channels = [part.labels.index(label) for label in labels]
    return FileSaliency(one.values[channels], one.window, one.edges)
