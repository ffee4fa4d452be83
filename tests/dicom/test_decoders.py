"""Which decoder reads what."""

from __future__ import annotations

import pytest

from cadkit.dicom.decoders import codestream_shape, table


def test_every_syntax_of_a_hospital_is_readable() -> None:
    rows = {row.uid.removeprefix("1.2.840.10008.1.2"): row for row in table()}
    for syntax in ("", ".1", ".2", ".4.50", ".4.51", ".4.57", ".4.70", ".4.80", ".4.81", ".4.90", ".4.91", ".5"):
        assert rows[syntax].readable, rows[syntax].name


def test_the_fast_decoder_comes_first() -> None:
    rows = {row.uid.removeprefix("1.2.840.10008.1.2"): row for row in table()}
    assert rows[".4.80"].decoders[0] == ("pyjpegls", True)
    assert rows[".4.90"].decoders[0] == ("pylibjpeg", True)
    assert rows[".4.70"].decoders[0] == ("gdcm", True)


@pytest.mark.parametrize(
    ("stream", "shape"),
    [
        # ITU T.81 B.2.2: length, precision, lines, samples per line
        (b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc3\x00\x0b\x0c\x01\x02\x03\x04\x01\x01\x11\x00", (0x102, 0x304)),
        (b"\xff\xd8\xff\xf7\x00\x0b\x0c\x01\x02\x03\x04\x01\x01\x11\x00", (0x102, 0x304)),
        # ITU T.800 A.5.1: Xsiz, Ysiz, XOsiz, YOsiz
        (bytes.fromhex("ff4fff51002f0000" + "00000305" + "00000104" + "00000001" + "00000002"), (0x102, 0x304)),
        (b"nothing", None),
        (b"\xff\xd8", None),
    ],
)
def test_size_of_a_code_stream(stream: bytes, shape: tuple[int, int] | None) -> None:
    assert codestream_shape(stream) == shape
