"""Excel workbooks of plain cells, as RJafroc reads and writes them: numbers and text, no formulas, no styles.

ECMA-376 (Office Open XML), part 1, sections 12 and 18. A workbook is a zip of XML files; the same sheets always make
the same bytes.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from cadkit.errors import InputError
from cadkit.files import write_bytes

Cell = str | float | int | None

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MOST_BYTES = 512 * 2**20


def write_workbook(path: str | Path, sheets: Mapping[str, Sequence[Sequence[Cell]]]) -> None:
    """Write sheets of rows of cells; None is an empty cell.

    Raises:
        InputError: a text holds a control character, which XML cannot.
    """
    texts: dict[str, int] = {}
    parts = {f"xl/worksheets/sheet{number}.xml": _sheet(rows, texts) for number, rows in enumerate(sheets.values(), 1)}
    numbers = range(1, len(sheets) + 1)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    types = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{kind}.worksheet+xml"/>' for n in numbers
    )
    head = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" ContentType='
        f'"application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" '
        'ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>{types}'
        f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}.sharedStrings+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" Type='
        f'"{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        + "".join(f'<sheet name={quoteattr(name)} sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(sheets, 1))
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        + "".join(
            f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
        )
        + f'<Relationship Id="rId{len(sheets) + 1}" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/>'
        "</Relationships>",
        "xl/sharedStrings.xml": f'<sst xmlns="{_MAIN}" uniqueCount="{len(texts)}">'
        + "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in texts)
        + "</sst>",
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (head | parts).items():
            # A fixed time, so that equal studies are equal files.
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), _XML + text, zipfile.ZIP_DEFLATED)
    write_bytes(path, buffer.getvalue())


def _sheet(rows: Sequence[Sequence[Cell]], texts: dict[str, int]) -> str:
    lines = []
    for number, row in enumerate(rows, 1):
        cells = []
        for place, cell in enumerate(row):
            where = f"{_column(place)}{number}"
            if isinstance(cell, str):
                if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", cell):
                    raise InputError("a name holds a control character, which a workbook cannot", value=cell)
                cells.append(f'<c r="{where}" t="s"><v>{texts.setdefault(cell, len(texts))}</v></c>')
            elif cell is not None:
                cells.append(f'<c r="{where}"><v>{cell!r}</v></c>')
        lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def _column(place: int) -> str:
    name = ""
    place += 1
    while place:
        place, letter = divmod(place - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


def read_workbook(path: str | Path) -> dict[str, list[list[str]]]:
    """Sheets by name, their rows as texts; an empty cell is an empty text.

    Raises:
        InputError: the file is no such workbook.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MOST_BYTES:
                raise InputError(
                    "the workbook is larger than 512 MiB", file=path, mend="Export the three tables alone."
                )
            names = set(archive.namelist())
            shared = _shared(archive.read("xl/sharedStrings.xml")) if "xl/sharedStrings.xml" in names else []
            targets = {
                one.get("Id"): one.get("Target", "") for one in _tree(archive.read("xl/_rels/workbook.xml.rels"))
            }
            sheets = {}
            for one in _tree(archive.read("xl/workbook.xml")).iter(f"{{{_MAIN}}}sheet"):
                target = targets[one.get(f"{{{_OFFICE}}}id")]
                inside = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
                sheets[one.get("name", "")] = _rows(archive.read(inside), shared)
            return sheets
    except FileNotFoundError:
        raise InputError("the file is missing", file=path) from None
    except (zipfile.BadZipFile, KeyError, IndexError, ValueError, OSError, ElementTree.ParseError) as error:
        raise InputError(f"not a readable Excel workbook: {error}", file=path, mend="Save it as .xlsx.") from None


def _tree(data: bytes) -> ElementTree.Element:
    if b"<!DOCTYPE" in data[:4096]:
        raise ValueError("it declares a document type, which no workbook does")
    return ElementTree.fromstring(data)


def _shared(data: bytes) -> list[str]:
    return ["".join(text.text or "" for text in item.iter(f"{{{_MAIN}}}t")) for item in _tree(data)]


def _rows(data: bytes, shared: list[str]) -> list[list[str]]:
    rows: list[list[str]] = []
    for row in _tree(data).iter(f"{{{_MAIN}}}row"):
        cells: list[str] = []
        for cell in row:
            letters = re.match(r"[A-Z]{1,3}", cell.get("r", ""))
            place = len(cells)
            if letters:
                place = 0
                for letter in letters.group():
                    place = place * 26 + ord(letter) - ord("A") + 1
                place -= 1
            cells += [""] * (place + 1 - len(cells))
            cells[place] = _value(cell, shared)
        rows.append(cells)
    return rows


def _value(cell: ElementTree.Element, shared: list[str]) -> str:
    if cell.get("t") == "inlineStr":
        return "".join(text.text or "" for text in cell.iter(f"{{{_MAIN}}}t"))
    value = cell.find(f"{{{_MAIN}}}v")
    text = "" if value is None else value.text or ""
    return shared[int(text)] if cell.get("t") == "s" and text else text
