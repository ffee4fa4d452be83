"""The simulated screening population: mammograms with known lesions, written as a dataset."""

from __future__ import annotations

from cadkit.phantom.difficulty import DIFFICULTIES, Difficulty
from cadkit.phantom.making import make_phantom, read_settings
from cadkit.phantom.preview import preview
from cadkit.phantom.settings import EMBEDDED_SETTINGS, PhantomSettings
from cadkit.phantom.user_tables import export_user_tables

__all__ = [
    "DIFFICULTIES",
    "EMBEDDED_SETTINGS",
    "Difficulty",
    "PhantomSettings",
    "export_user_tables",
    "make_phantom",
    "preview",
    "read_settings",
]
