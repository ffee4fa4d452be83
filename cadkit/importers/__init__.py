"""Importers: one module per source, each of which writes the tables of a dataset."""

from cadkit.importers.frame import Importer, ImportReport, Options, Target
from cadkit.importers.registry import Listed, find, import_dataset, listing, names

__all__ = ["ImportReport", "Importer", "Listed", "Options", "Target", "find", "import_dataset", "listing", "names"]
