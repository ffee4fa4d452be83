"""What is installed here, and what works."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Say what is installed, which device there is, which DICOM files can be read, and what is broken."""
    from cadkit.cli.waiting import waiting
    from cadkit.testing.doctor import examine

    with waiting("Looking at what is installed") as tell:
        findings = examine(tell)
    if as_json:
        typer.echo(json.dumps(findings, indent=1))
        return
    from cadkit.cli.tables import show

    for title, rows in findings.items():
        show(title, rows)
        typer.echo("")
