"""Reader studies: readers, models and both together; multiple readers and multiple cases (MRMC)."""

from cadkit.reader_study.asking import StudyOptions
from cadkit.reader_study.ensembles import consensus
from cadkit.reader_study.exports import export, write_imrmc
from cadkit.reader_study.formats import read_imrmc, read_ratings
from cadkit.reader_study.inference import Estimate, Inference, MrmcResult, Overall
from cadkit.reader_study.marks import read_marks
from cadkit.reader_study.mrmc import analyse
from cadkit.reader_study.ratings import MarkStudy, RatingStudy
from cadkit.reader_study.rjafroc import read_rjafroc, write_rjafroc
from cadkit.reader_study.settings import StudySettings
from cadkit.reader_study.single_model import ModelAgainstReaders, compare_scores, model_against_readers
from cadkit.reader_study.sizing import Power, VarianceComponents, cases_for_power, power, readers_for_power
from cadkit.reader_study.study import reader_study
from cadkit.reader_study.sweeps import simplex_sweep, sweep
from cadkit.reader_study.wide import read_wide_table

__all__ = [
    "Estimate",
    "Inference",
    "MarkStudy",
    "ModelAgainstReaders",
    "MrmcResult",
    "Overall",
    "Power",
    "RatingStudy",
    "StudyOptions",
    "StudySettings",
    "VarianceComponents",
    "analyse",
    "cases_for_power",
    "compare_scores",
    "consensus",
    "export",
    "model_against_readers",
    "power",
    "read_imrmc",
    "read_marks",
    "read_ratings",
    "read_rjafroc",
    "read_wide_table",
    "reader_study",
    "readers_for_power",
    "simplex_sweep",
    "sweep",
    "write_imrmc",
    "write_rjafroc",
]
