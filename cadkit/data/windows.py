"""The windows of published networks, by name."""

from __future__ import annotations

from cadkit.errors import InputError

Size = tuple[int, int]
GMIC: Size = (2944, 1920)
"""Rows and columns of GMIC's window in every view (Shen et al. 2021, section 3.1)."""
NYU_CC: Size = (2677, 1942)
"""Of the view-wise network's window in CC views (Wu et al. 2019)."""
NYU_MLO: Size = (2974, 1748)
"""Of the same network's in MLO views."""
_NAMED: dict[str, dict[str, Size]] = {"gmic": {"CC": GMIC, "MLO": GMIC}, "nyu": {"CC": NYU_CC, "MLO": NYU_MLO}}


def window_size(name: str, view: str) -> Size:
    """Rows and columns of a window, in prepared pixels.

    Args:
        name: `gmic` (2944x1920) or `nyu` (2677x1942 in CC views, 2974x1748 in others).
        view: CC, or any other, which is treated as MLO.

    Raises:
        InputError: no window has that name.
    """
    if name not in _NAMED:
        raise InputError("no window has that name", value=name, mend=f"Known are {', '.join(_NAMED)}.")
    return _NAMED[name]["CC" if view == "CC" else "MLO"]
