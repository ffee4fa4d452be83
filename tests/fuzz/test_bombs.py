"""Small files that would take all memory or all time, each made for it."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator

import numpy as np
import pydicom
import pytest
from fuzz_campaign import Answer, Worker
from fuzz_mutations import mutated
from fuzz_seeds import deflated, dicom_seeds
from pydicom.encaps import encapsulate

Change = Callable[[pydicom.FileDataset], None]
SEEDS = dicom_seeds()
CODED = {"jpeg-ls": "window", "jpeg 2000": "j2k", "jpeg": "jpeg", "rle": "rle"}


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.close()


def changed(seed: str, change: Change) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(SEEDS[seed]))
    change(dataset)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def claim(rows: int, columns: int) -> Change:
    def change(dataset: pydicom.FileDataset) -> None:
        dataset.Rows, dataset.Columns = rows, columns

    return change


def in_stream(change: Callable[[bytes], bytes], header: Change) -> Change:
    """Change the first fragment of compressed pixels as well as the header."""

    def both(dataset: pydicom.FileDataset) -> None:
        stream = next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))
        dataset.PixelData = encapsulate([change(stream)])
        header(dataset)

    return both


def sized(rows: int, columns: int) -> Callable[[bytes], bytes]:
    """The size that a JPEG, JPEG-LS or JPEG 2000 stream claims (ITU T.81 B.2.2, T.87 C.2.2, T.800 A.5.1)."""

    def change(stream: bytes) -> bytes:
        at = stream.find(b"\xff\x4f\xff\x51")
        if at >= 0:
            return stream[: at + 8] + struct.pack(">II", columns, rows) + stream[at + 16 :]
        marker = next(at for kind in (b"\xff\xc0", b"\xff\xf7", b"\xff\xc3") if (at := stream.find(kind)) >= 0)
        return stream[: marker + 5] + struct.pack(">HH", rows, columns) + stream[marker + 9 :]

    return change


def refused(answer: Answer, *reasons: str) -> None:
    assert answer.outcome == "refused", answer
    assert any(reason in answer.detail for reason in reasons), answer


@pytest.mark.parametrize("seed", ["lut", "implicit", "big", "deflated", "rle", "window", "j2k", "jpeg"])
def test_a_header_that_claims_60000_by_60000(seed: str, worker: Worker) -> None:
    refused(worker("dicom", changed(seed, claim(60000, 60000))), "claims 3600000000 pixels")


@pytest.mark.parametrize("seed", ["window", "j2k", "jpeg"])
def test_a_stream_that_claims_it_under_an_honest_header(seed: str, worker: Worker) -> None:
    content = changed(seed, in_stream(sized(60000, 60000), claim(48, 40)))
    refused(worker("dicom", content), "the compressed data 60000 x 60000")


@pytest.mark.parametrize("seed", ["window", "j2k", "jpeg", "rle"])
def test_the_largest_size_that_is_let_through(seed: str, worker: Worker) -> None:
    """10,000 x 10,000 pixels that are not there, in header and stream."""
    stream = sized(10000, 10000) if seed != "rle" else lambda data: data
    content = changed(seed, in_stream(stream, claim(10000, 10000)))
    refused(worker("dicom", content), "100000000 pixels in", "too large", "ends early")


def test_a_stream_of_16384_components(worker: Worker) -> None:
    def components(stream: bytes) -> bytes:
        at = stream.find(b"\xff\x4f\xff\x51")
        size = stream[at : at + 40] + struct.pack(">H", 16384) + b"\x0b\x01\x01" * 16384
        return size[:4] + struct.pack(">H", 38 + 3 * 16384 & 0xFFFF) + size[6:] + stream[at + 45 :]

    answer = worker("dicom", changed("j2k", in_stream(components, claim(48, 40))))
    assert answer.fine, answer


@pytest.mark.parametrize("frames", ["2147483647", "-5", "None", "1e9", "0", ""])
def test_numbers_of_frames(frames: str, worker: Worker) -> None:
    content = mutated(SEEDS["lut"], [("telling", 2, 0, frames.encode())])
    assert worker("dicom", content).fine


def test_a_deflated_gigabyte(worker: Worker) -> None:
    head = b"\x28\x00\x10\x00US\x02\x00\x30\x00"
    content = deflated(SEEDS["deflated"], head + b"\xe0\x7f\x10\x00OW\0\0\xff\xff\xff\x3f" + b"\0" * 2**28)
    refused(worker("dicom", content), "deflated file holds more than", "1 too-large")


@pytest.mark.parametrize("depth", [1000, 100_000])
def test_sequences_in_sequences(depth: int, worker: Worker) -> None:
    """Of undefined length, in an element that is read (0054,0220) and in one that is not."""
    at = SEEDS["lut"].find(b"\x54\x00\x20\x02SQ")
    for tag in (b"\x54\x00\x20\x02", b"\x52\x00\x29\x92"):
        nest = (tag + b"SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff") * depth
        assert worker("dicom", SEEDS["lut"][:at] + nest + SEEDS["lut"][at:]).fine


def test_a_million_empty_fragments(worker: Worker) -> None:
    content = changed("rle", lambda dataset: None)
    at = content.rfind(b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff") + 12
    assert worker("dicom", content[:at] + b"\xfe\xff\x00\xe0\0\0\0\0" * 1_000_000).fine


def test_a_table_that_says_65536_entries(worker: Worker) -> None:
    def descriptor(dataset: pydicom.FileDataset) -> None:
        for item in dataset.VOILUTSequence:
            item.LUTDescriptor = [0, 65535, 255]

    assert worker("dicom", changed("lut", descriptor)).fine


# Pictures
def png(columns: int, rows: int, data: bytes, *more: tuple[bytes, bytes]) -> bytes:
    """A 16-bit grey PNG (W3C PNG 11.2) with further chunks."""
    head = struct.pack(">IIBBBBB", columns, rows, 16, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), *more, (b"IDAT", data), (b"IEND", b"")]
    written = (struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


def tiff(columns: int, rows: int, count: int = 1) -> bytes:
    """A grey TIFF of 16 bits with one strip that is not there."""
    tags = [(256, 4, columns), (257, 4, rows), (258, 3, 16), (259, 3, 1), (262, 3, 1), (273, 4, 8), (278, 4, rows)]
    entries = b"".join(struct.pack("<HHII", tag, kind, count, value) for tag, kind, value in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + b"\0\0\0\0"


def test_pictures_that_claim_60000_by_60000(worker: Worker) -> None:
    for content in (png(60000, 60000, b""), tiff(60000, 60000), b"P5 60000 60000 65535\n"):
        refused(worker("picture", content), "too many pixels", "claims 3600000000 pixels")


def test_a_picture_whose_pixels_do_not_end(worker: Worker) -> None:
    packed = zlib.compress(b"\0" * 2**28, 9)
    assert worker("picture", png(40, 48, packed)).fine


def test_a_comment_of_a_gigabyte(worker: Worker) -> None:
    packed = zlib.compress(b"\0" * 2**30, 9)
    assert worker("picture", png(40, 48, b"", (b"zTXt", b"Comment\0\0" + packed))).fine
    assert worker("picture", png(40, 48, b"", (b"iCCP", b"Profile\0\0" + packed))).fine


def test_a_tag_that_counts_to_four_thousand_million(worker: Worker) -> None:
    assert worker("picture", tiff(40, 48, 0xFFFFFFFF)).fine


# Tables
def test_a_giant_field(worker: Worker) -> None:
    head = b"image_id,exam_id,side,view,rows,columns\ni1,e1,L,CC,48,40\n"
    for field in (b"x" * 30_000_000, b'"' + b"x\n" * 5_000_000 + b'"', b"," * 2_000_000):
        assert worker("images.csv", head + b"i2,e1,R," + field + b",48,40\n").fine
        assert worker("user-table", b"accession,side,malignant\nA-1,L,1\nA-1,R," + field + b"\n").fine


@pytest.mark.parametrize(
    "content", [b"a = " + b"[" * 100_000, b"a." * 1000 + b"b = 1", b"\0", b"\xff\xfe", b"a = 1\n" * 2]
)
def test_toml(content: bytes, worker: Worker) -> None:
    refused(worker("toml", content), "TOML", "labels")


def test_an_array_is_made_of_the_bytes_that_are_there(worker: Worker) -> None:
    """A length of nearly 4 GiB in a file of a few kilobytes."""
    at = SEEDS["lut"].rfind(b"\xe0\x7f\x10\x00OW")
    content = SEEDS["lut"][: at + 8] + np.uint32(0xFFFFFFF0).tobytes() + SEEDS["lut"][at + 12 :]
    assert worker("dicom", content).fine
