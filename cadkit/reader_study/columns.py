"""Columns by pattern: which are readers, which models, which recalls, and whose recall is whose."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cadkit.errors import InputError

_WILDCARD = re.compile(r"\*|\?|\[!?\]?[^\]]*\]")


@dataclass(frozen=True)
class Roles:
    """Names of columns: of readers, of models, and of the recall of each reader (none where no recalls are asked for).

    Attributes:
        recalls: recall column of a reader, by the reader's column.
    """

    readers: tuple[str, ...]
    models: tuple[str, ...]
    recalls: dict[str, str]


def column(name: str, header: Sequence[str], option: str, file: object) -> str:
    """The column of a name: the very one, or the only one that differs in case alone."""
    if name in header:
        return name
    alike = [one for one in header if one.casefold() == name.casefold()]
    if len(alike) == 1:
        return alike[0]
    raise InputError(
        "there is no such column" if not alike else f"could be {' or '.join(alike)}",
        file=file, row=option, value=name, mend=f"The columns are {', '.join(header)}.",
    )  # fmt: skip


def matched(patterns: Sequence[str], header: Sequence[str], option: str, file: object) -> dict[str, tuple[str, ...]]:
    """Columns that patterns match, in the table's order: name -> what the wildcards of its pattern stand for.

    `*` stands for any text, `?` for one character, `[1-9]` for one of a set, `[!s]` for one outside it. Case is
    ignored.

    Raises:
        InputError: a pattern matches no column.
    """
    found: dict[str, tuple[str, ...]] = {}
    for pattern in patterns:
        expression = _expression(pattern, option)
        hits = {name: hit for name in header if (hit := expression.fullmatch(name))}
        if not hits:
            raise InputError(
                "no column matches the pattern", file=file, row=option, value=pattern,
                mend=f"The columns are {', '.join(header)}.",
            )  # fmt: skip
        for name, hit in hits.items():
            found.setdefault(name, tuple(part.casefold() for part in hit.groups()) or (name.casefold(),))
    return {name: found[name] for name in header if name in found}


def _expression(pattern: str, option: str) -> re.Pattern[str]:
    """The pattern as an expression, a group for every wildcard."""
    parts, last = [], 0
    for wildcard in _WILDCARD.finditer(pattern):
        parts.append(re.escape(pattern[last : wildcard.start()]))
        sign = wildcard.group()
        one = {"*": ".*", "?": "."}.get(sign) or "[" + ("^" if sign[1] == "!" else "") + re.escape(
            sign[1:-1].removeprefix("!")
        ).replace(r"\-", "-") + "]"
        parts.append(f"({one})")
        last = wildcard.end()
    try:
        return re.compile("".join(parts) + re.escape(pattern[last:]), re.IGNORECASE | re.DOTALL)
    except re.error as error:
        raise InputError(f"is no pattern: {error}", row=option, value=pattern) from None


def roles(
    header: Sequence[str],
    readers: Sequence[str],
    models: Sequence[str],
    recalls: Sequence[str],
    others: Sequence[str],
    file: object,
) -> Roles:
    """Which columns are readers, models and recalls.

    Args:
        header: all columns.
        readers, models, recalls: patterns.
        others: columns with another meaning (truth, cluster, unit).
        file: for messages.

    Raises:
        InputError: a pattern matches nothing, a column has two roles, or recalls and readers do not go together.
    """
    chosen = {
        "--readers": matched(readers, header, "--readers", file),
        "--models": matched(models, header, "--models", file),
        "--recalls": matched(recalls, header, "--recalls", file),
    }
    taken: dict[str, str] = dict.fromkeys(others, "truth, cluster or unit")
    for option, names in chosen.items():
        for name in names:
            if name in taken:
                raise InputError(
                    f"the column is both {taken[name]} and matched by {option}", file=file, row="header", value=name,
                    mend="Narrow the patterns: [!s] stands for one character that is not s, [1-9] for one digit.",
                )  # fmt: skip
            taken[name] = f"matched by {option}"
    return Roles(
        tuple(chosen["--readers"]), tuple(chosen["--models"]), _whose(chosen["--readers"], chosen["--recalls"], file)
    )


def _whose(readers: dict[str, tuple[str, ...]], recalls: dict[str, tuple[str, ...]], file: object) -> dict[str, str]:
    """The recall of every reader: by what the wildcards stand for; names without wildcards go in order."""
    if not recalls:
        return {}
    plain = all(key == (name.casefold(),) for name, key in (*readers.items(), *recalls.items()))
    if plain and len(readers) == len(recalls):
        return dict(zip(readers, recalls, strict=True))
    by_key = {key: name for name, key in recalls.items()}
    lonely = [name for name, key in readers.items() if key not in by_key]
    strange = [name for name, key in recalls.items() if key not in set(readers.values())]
    if lonely or strange:
        what, name = ("the reader has no recall", lonely[0]) if lonely else ("the recall has no reader", strange[0])
        raise InputError(
            what, file=file, row="header", value=name,
            mend="What the wildcards stand for must be the same in --readers and --recalls, as in Reader7 and Recall7.",
        )  # fmt: skip
    return {name: by_key[key] for name, key in readers.items()}
