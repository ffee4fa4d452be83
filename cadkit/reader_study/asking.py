"""A reader study of any kind as a person asks for it, at the command line or in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from cadkit.errors import InputError
from cadkit.evaluation.schema import Report
from cadkit.reader_study.exports import EXPORTS
from cadkit.reader_study.joining import READERS, RECALLS, study_dataset
from cadkit.reader_study.mrmc import Covariance, Method
from cadkit.reader_study.mrmc_report import MrmcInput, MrmcSettings, mrmc_study
from cadkit.reader_study.settings import Resample, Scale, StudySettings, words
from cadkit.reader_study.study import reader_study

_OF_A_TABLE = ("truth", "models", "cluster", "unit")
_OF_A_DATASET = ("label", "split", "gallery", "device")
_BESIDE_MODELS = ("recalls", "unit", "weight", "scale", "validation", "ensemble", "step", "resample", "bootstrap")
_IN_MODALITIES = (
    "marks", "cases", "lesions", "lesion_weight", "columns", "fom", "method", "covariance", "threshold", "size",
    "effect", "goal", "export",
)  # fmt: skip
_TYPED = {"weight": "lambda"}  # which is a word of Python's own


def split_at_commas(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options of which several may be given, as tuples, where they are texts with commas; the others as they are."""
    several = {field.name for field in fields(StudyOptions) if str(field.type).startswith("tuple")}
    found = {
        name: words(value) if name in several and isinstance(value, str) else value for name, value in given.items()
    }
    if isinstance(columns := given.get("columns"), str):  # an empty one means something
        found["columns"] = tuple(part.strip() for part in columns.split(","))
    return found


@dataclass(frozen=True, kw_only=True)
class StudyOptions:
    """What is judged, and how. A study is of readers beside models, or of readers in modalities (MRMC).

    Attributes:
        readers, models, recalls: patterns of columns (`Reader*`). With `readers`, or a dataset, the study is of readers
            beside models; without, `models` names the reader who is a model and is tested against the others.
        truth: column of 0 and 1.
        cluster: column of the cases that are resampled, or of the patients.
        ci: confidence level.
        unit, weight, scale, validation, ensemble, step, resample, bootstrap, seed: of readers beside models
            (`StudySettings`).
        label, split, gallery, device: of a dataset: what is judged, on whom, how many disagreements are shown each way,
            and where runs predict first.
        marks, cases, lesions, lesion_weight: tables of a free-response study, and the column of the lesions' weights.
        columns: reader, modality, case and rating of a long table; the second empty where there is one modality.
        fom, method, covariance, threshold: of readers in modalities (`analyse`).
        size, effect, goal: planned studies as `12x200`, `?` for what is asked; the difference to show; the power.
        export: layouts in which the study is written as well.
    """

    readers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    recalls: tuple[str, ...] = ()
    truth: str = ""
    cluster: str | None = None
    ci: float = 0.95
    unit: tuple[str, ...] = ()
    weight: float = 0.5
    scale: Scale = "as-is"
    validation: Path | None = None
    ensemble: tuple[str, ...] = ()
    step: float = 0.02
    resample: Resample = "cases"
    bootstrap: int = 2000
    seed: int = 0
    label: str = "malignant"
    split: str = ""
    gallery: int = 6
    device: str = "auto"
    marks: Path | None = None
    cases: Path | None = None
    lesions: Path | None = None
    lesion_weight: str = "weight"
    columns: tuple[str, ...] = ("reader", "modality", "case", "rating")
    fom: str = ""
    method: Method = "or"
    covariance: Covariance = "jackknife"
    threshold: float | None = None
    size: tuple[str, ...] = ()
    effect: float | None = None
    goal: float = 0.8
    export: tuple[str, ...] = ()

    def judge(
        self,
        sources: Sequence[str],
        *,
        data: str | Path | None = None,
        out: str | Path | None = None,
        command: str = "",
    ) -> tuple[Report, Path]:
        """Judge the study and write report.json.

        Args:
            sources: a wide table (with `readers`), a long one, or predictions of a dataset.
            data: a dataset whose breasts have readers.
            out: folder of the report; one below `report` by default.
            command: what the user typed, for the record.

        Returns:
            The report, and its folder.

        Raises:
            InputError: the options do not go together, or a file is not what it must be.
        """
        if data is not None:
            self._refuse(_IN_MODALITIES, "is for readers in modalities", "Leave it out, or leave out --data.")
            self._refuse(_OF_A_TABLE, "is for a table", "Leave it out; --label names what is judged.")
            settings = self._settings(self.label, self.readers or (READERS,), (), self.recalls or (RECALLS,))
            return study_dataset(
                sources, out, settings, data=data, split=self.split, device=self.device, command=command
            )
        self._refuse(_OF_A_DATASET, "is for the predictions of a dataset", "Name the dataset with --data.")
        if len(sources) > 1:
            raise InputError(
                "takes one table", value=" ".join(sources), mend="For predictions of a dataset name it with --data."
            )
        folder = Path(out) if out else Path("report") / (Path(sources[0]).stem if sources else "reader-study")
        if not self.readers:
            return self._in_modalities(sources, folder, command), folder
        self._refuse(_IN_MODALITIES, "is for readers in modalities", "Leave it out, or leave out --readers.")
        if not sources or not self.truth:
            raise InputError("needs a table and its column of truth", row="--readers", mend="Add --truth COLUMN.")
        settings = self._settings(self.truth, self.readers, self.models, self.recalls)
        return reader_study(sources[0], folder, settings, command=command), folder

    def _settings(
        self, truth: str, readers: tuple[str, ...], models: tuple[str, ...], recalls: tuple[str, ...]
    ) -> StudySettings:
        return StudySettings(
            truth=truth, readers=readers, models=models, recalls=recalls, cluster=self.cluster, unit=self.unit,
            weight=self.weight, scale=self.scale, validation=self.validation, ensemble=self.ensemble, step=self.step,
            resample=self.resample, bootstrap=self.bootstrap, ci=self.ci, seed=self.seed, cases=self.gallery,
        )  # fmt: skip

    def _in_modalities(self, sources: Sequence[str], folder: Path, command: str) -> Report:
        self._refuse(
            _BESIDE_MODELS, "is for readers beside models", "Name the readers with --readers, or leave it out."
        )
        if len(self.columns) != 4 or not all((self.columns[0], *self.columns[2:])):
            raise InputError(
                "takes four columns as READER,MODALITY,CASE,RATING", row="--columns", value=",".join(self.columns),
                mend="Leave the second empty where there is one modality only.",
            )  # fmt: skip
        strange = next((layout for layout in self.export if layout not in EXPORTS), None)
        if strange is not None:
            known = ", ".join(EXPORTS)
            raise InputError("there is no such layout", row="--export", value=strange, mend=f"Known are {known}.")
        reader, modality, case, rating = self.columns
        reads = MrmcInput(
            Path(sources[0]) if sources else None, self.marks, self.cases, self.lesions, reader, modality, case, rating,
            self.truth or "truth", self.cluster, self.lesion_weight,
        )  # fmt: skip
        chosen = MrmcSettings(
            self.fom, self.method, self.covariance, self.threshold, self.ci, next(iter(self.models), ""),
            MrmcSettings.sizes(self.size), self.effect, self.goal,
        )  # fmt: skip
        return mrmc_study(reads, folder, chosen, command=command, exports=self.export)

    def _refuse(self, names: Sequence[str], reason: str, mend: str) -> None:
        """InputError for an option that another kind of study has; it would have no effect."""
        usual = {field.name: field.default for field in fields(self)}
        name = next((name for name in names if getattr(self, name) != usual[name]), None)
        if name is not None:
            raise InputError(reason, row=f"--{_TYPED.get(name, name).replace('_', '-')}", mend=mend)
