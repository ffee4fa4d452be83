"""What is said of an exception that a plugin raised: its kind and text, and where in the plugin's own code it began."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

from cadkit.plugin.contract import Model

_OF_FILES = "cadkit_plugin_"  # begins the name of a module that was loaded as file.py:Class


def told(error: BaseException, model_class: type[Model], where: str = "") -> str:
    """`ZeroDivisionError on exam e1, image e1-L-CC: division by zero (spots.py, line 9)`.

    Args:
        error: that was raised.
        model_class: whose code was asked.
        where: what it was asked about, as `on exam e1`; the image is added where the core asked image by image.
    """
    image = _image_of(error) if where else ""
    about = f" {where}" + (f", image {image}" if image else "") if where else ""
    text, line = str(error).strip(), place(error, model_class)
    return f"{type(error).__name__}{about}" + (f": {text}" if text else "") + (f" ({line})" if line else "")


def place(error: BaseException, model_class: type[Model]) -> str:
    """File and line of the innermost frame within the plugin's own code; empty where there is none.

    Its own are its package or module, those of the models that it builds on, and of a file the files beside it.
    """
    modules = {base.__module__ for base in model_class.__mro__ if issubclass(base, Model)}
    own = {module.partition(".")[0] for module in modules} - {"cadkit"}
    files = [getattr(sys.modules.get(module), "__file__", None) for module in modules if module.startswith(_OF_FILES)]
    beside = {Path(file).resolve().parent for file in files if file}
    found = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        file = Path(frame.f_code.co_filename)
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package in own or (beside and file.resolve().parent in beside):
            found = f"{file.name}, line {line}"
    return found


def _image_of(error: BaseException) -> str:
    """The image about which the core was asking."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code is Model._image.__code__:
            return str(frame.f_locals["image"].id)
    return ""
