"""The fuzz tests share modules that lie beside them, as does the process that they start."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
