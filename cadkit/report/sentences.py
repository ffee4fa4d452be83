"""What a methods paragraph is made of: sentences, numbered references, lists in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Methods:
    """The paragraph, and its references in the order of their numbers."""

    sentences: list[str]
    references: list[str]

    @property
    def paragraph(self) -> str:
        return " ".join(self.sentences)

    def text(self) -> str:
        """Paragraph and references, as they are copied into a paper."""
        listed = [f"{number}. {one}" for number, one in enumerate(self.references, start=1)]
        return "\n".join([self.paragraph, *(["", "References", *listed] if listed else [])]) + "\n"


@dataclass
class Cited:
    """References in the order in which they are first cited."""

    keys: list[str] = field(default_factory=list)

    def __call__(self, *keys: str) -> str:
        """The numbers of some references as they stand in the text: ` [1, 3]`."""
        for key in keys:
            if key not in self.keys:
                self.keys.append(key)
        return f" [{', '.join(str(number) for number in sorted(self.keys.index(key) + 1 for key in keys))}]"


def listed(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
