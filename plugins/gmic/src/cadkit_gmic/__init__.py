"""GMIC, the globally-aware multiple instance classifier of Shen et al. 2021, for cadkit."""

from cadkit_gmic.plugin import Gmic, GmicConfig

__all__ = ["Gmic", "GmicConfig"]
