"""The headline: which of all results stand in the first table, and the notes below it."""

from __future__ import annotations

from dataclasses import dataclass, field

from cadkit.evaluation.schema import Report, ResultRow
from cadkit.report import wording
from cadkit.report.reading import RANDOM, is_chance, model_order, tells, whole
from cadkit.report.sentences import listed

_POINTS = ("specificity_at_sensitivity", "sensitivity_at_specificity")
_LEVELS = ("breast", "exam", "image")
_PLACES = ("dice_soft", "pxap", "roi_coverage", "roi_coverage_images")
_FURTHER = ("partial_auc", "fpi_at_sensitivity", "afroc", "afroc1", "wafroc", "wafroc1", "hr_auc")
Key = tuple[str, float | None]


@dataclass(frozen=True)
class HeadlineRow:
    """One model and label: `cells` by (metric, at); random marks stand below their model, `shown_as` that."""

    model: str
    label: str
    chance: bool
    shown_as: str
    cells: dict[Key, ResultRow]

    def group(self, keys: list[Key]) -> ResultRow | None:
        """The first cell of a group, from which its denominators are read."""
        return next((self.cells[key] for key in keys if key in self.cells), None)


@dataclass(frozen=True)
class Headline:
    """The first table: rows, and columns in three groups, each empty where nothing of it was computed.

    Attributes:
        classification, detection, localization: (metric, at) of each column.
        level: of the classification (breast, exam or image).
        unit: what the FROC's sensitivity counts.
        further: rows of what was asked for besides, figures of merit and another count of false positives.
    """

    rows: list[HeadlineRow]
    classification: list[Key]
    detection: list[Key]
    localization: list[Key]
    level: str
    unit: str
    further: list[ResultRow] = field(default_factory=list)

    @property
    def keys(self) -> list[Key]:
        """All columns in order."""
        return [*self.classification, *self.detection, *self.localization]


@dataclass
class Notes:
    """Footnotes: the same text has the same letter."""

    texts: list[str] = field(default_factory=list)

    def mark(self, text: str) -> str:
        """The letter of a note (a ... z, aa, ab, ...)."""
        if text not in self.texts:
            self.texts.append(text)
        place, name = self.texts.index(text) + 1, ""
        while place:
            place, letter = divmod(place - 1, 26)
            name = chr(ord("a") + letter) + name
        return name

    def of(self, row: ResultRow) -> list[str]:
        """Letters of all notes that a row needs: no value, no interval, flags."""
        texts = [wording.without_value(row), *(wording.FLAGS.get(flag, flag) for flag in row.get("flags", []))]
        places = [self.mark(text[0].upper() + text[1:] + ".") for text in texts if text]
        return sorted(places, key=lambda letters: (len(letters), letters))

    def lettered(self) -> list[tuple[str, str]]:
        """(letter, text) in order."""
        return [(self.mark(text), text) for text in self.texts]


def headline(report: Report) -> Headline:
    """Choose the rows of the headline from all results.

    Classification at the breast level where there is one, with the operating points asked for; sensitivity at all
    numbers of false positives per image that were asked for; Dice and pixel average precision of the maps, coverage by
    regions of interest.
    """
    rows = whole(report["results"])
    levels = {row["level"] for row in rows if row["metric"] in ("auc", "prauc")}
    level = next((one for one in _LEVELS if one in levels), next(iter(sorted(levels)), "breast"))
    detected = [row for row in rows if row["metric"] == "froc_sensitivity" and row["at"] is not None]
    rates = sorted({row["at"] for row in detected if row["at"] is not None})
    present = {row["metric"] for row in rows}
    classification: list[Key] = [(name, None) for name in ("auc", "prauc") if name in present]
    classification += [
        (name, at) for name in _POINTS for at in sorted({r["at"] for r in rows if r["metric"] == name and r["at"]})
    ]
    detection: list[Key] = [("froc_sensitivity", at) for at in rates]
    localization: list[Key] = [(name, None) for name in _PLACES if name in present]
    wanted = {*classification, *detection, *localization}
    cells: dict[tuple[str, str], dict[Key, ResultRow]] = {}
    for row in rows:
        key = (row["metric"], row["at"])
        if key in wanted and (key not in classification or row["level"] == level):
            cells.setdefault((row["label"], row["model"]), {}).setdefault(key, row)
    labels = list(dict.fromkeys(label for label, _ in cells))
    ordered = [
        HeadlineRow(model, label, is_chance(model), RANDOM if is_chance(model) else model, cells[label, model])
        for label in labels
        for model in paired(model_order(report))
        if (label, model) in cells
    ]
    unit = detected[0]["level"] if detected else "finding"
    return Headline(ordered, classification, detection, localization, level, unit, _further(report, rows, level))


def _further(report: Report, rows: list[ResultRow], level: str) -> list[ResultRow]:
    """Rows of partial areas and figures of merit, then of sensitivities over normal images, by metric and model."""
    order = model_order(report)
    found = [
        row
        for row in rows
        if tells(row)
        and (row["metric"] in _FURTHER or (row["metric"] == "froc_sensitivity" and "fp_images" in row.get("given", {})))
        and (row["metric"] != "partial_auc" or row["level"] == level)
        and (not is_chance(row["model"]) or row["metric"] == "froc_sensitivity")
    ]
    metrics = [*_FURTHER, "froc_sensitivity"]
    labels = list(dict.fromkeys(row["label"] for row in rows))
    return sorted(
        found,
        key=lambda row: (
            labels.index(row["label"]), metrics.index(row["metric"]), row["at"] or 0.0, wording.given(row),
            order.index(row["model"]),
        ),
    )  # fmt: skip


def paired(models: list[str]) -> list[str]:
    """Models in order, the random marks of each right after it."""
    names = {RANDOM, *models}
    paired = [[one, f"{RANDOM} as {one}"] for one in models if not is_chance(one)]
    ordered = [name for pair in paired for name in pair if name in names]
    return [*ordered, *(one for one in models if one not in ordered)]


def interval_methods(report: Report, rows: list[ResultRow]) -> list[str]:
    """How the intervals of some rows were made, a sentence per method."""
    unit = wording.cluster(report["settings"])
    groups: dict[tuple[float, str], list[ResultRow]] = {}
    for row in rows:
        if row["ci"] is not None and row["ci_method"]:
            groups.setdefault((row["ci"], row["ci_method"]), []).append(row)
    sentences = []
    for (level, method), found in groups.items():
        names = list(dict.fromkeys(wording.metric_title(row["metric"]) for row in found))
        text = f"{100 * level:g}% intervals of {', '.join(names)}: {wording.METHODS.get(method, method)}"
        clusters = [row["clusters"] for row in found if row["clusters"]]
        if method.startswith("bootstrap"):
            replicates = report["settings"].get("bootstrap")
            count = f"{replicates:,} replicates, " if isinstance(replicates, int) else ""
            fewer = ", fewer where a metric leaves some out" if len(set(clusters)) > 1 else ""
            most = f" ({wording.plural(max(clusters), unit)}{fewer})" if clusters else ""
            drawn = f"whole {wording.several(unit)}" if clusters else "rows"
            text += f", {count}{drawn} drawn with replacement{most}, seed {report['seed']}"
        elif clusters:
            text += f", {wording.plural(max(clusters), unit)} as clusters"
        sentences.append(text + ".")
    return sentences + _two_intervals(report, rows)


def _two_intervals(report: Report, rows: list[ResultRow]) -> list[str]:
    """Why the same point stands with two intervals where it does: in the headline and at the threshold for it."""
    read = {"specificity_at_sensitivity": "specificity", "sensitivity_at_specificity": "sensitivity"}
    held = {"specificity": "sensitivity", "sensitivity": "specificity"}
    stated = {
        (row["metric"], row["given"]["threshold_for"])
        for row in whole(report["results"])
        if "in-sample" in row.get("flags", []) and "threshold_for" in row.get("given", {})
    }
    twice = dict.fromkeys(
        wording.metric_title(row["metric"], row["at"])
        for row in rows
        if row["at"] is not None and (name := read.get(row["metric"]))
        and (name, f"{held[name]} {row['at']:g}") in stated
    )  # fmt: skip
    if not twice:
        return []
    return [
        f"{listed(twice)}: the threshold is chosen anew in every replicate; in the numbers at thresholds it is held, "
        "so that the intervals of one value differ."
    ]
