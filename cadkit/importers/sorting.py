"""Which files are images, and whose they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from cadkit.dicom import Header, Rules, Verdict, classify
from cadkit.errors import Problem
from cadkit.importers.corrections import Corrections
from cadkit.importers.found import Found, FoundImage, Naming, Sorted, leave_out
from cadkit.importers.scanning import Scan


def sort_files(
    scans: Iterable[Scan], source: Path, rules: Rules, naming: Naming, corrections: Corrections | None = None
) -> Sorted:
    """Take or leave each file; what is left out or doubtful becomes a problem, under an id and without a path."""
    done = Sorted(Found([]))
    found = done.found
    seen: dict[str, FoundImage] = {}
    for one in scans:
        relative = _relative(one.path, source)
        if one.header is None:
            leave_out(found, one.path, relative, naming, one.fault)
            continue
        header, kind = one.header, ""
        if corrections is not None:
            header, kind = corrections.apply(header, relative)
        verdict = classify(header, rules, kind)
        if not verdict.take:
            leave_out(found, one.path, relative, naming, verdict.problem(), header)
            continue
        image = _image(one.path, relative, header, verdict, naming, found.problems)
        uid = header.sop_instance_uid
        if uid and uid in seen:
            before = seen[uid]
            if _same_exposure(before.header, header):
                reason = f"the same instance as {before.image_id}, which was taken"
                problem = Problem("duplicate-instance", reason, mend="Delete the copy.")
                leave_out(found, one.path, relative, naming, problem, header)
                continue
            image = replace(image, image_id=naming.pseudonyms("image", uid, relative))
            reason = f"another image than {before.image_id} under the same instance UID; both were taken"
            found.problems.append(Problem("uid-reused", reason, item=image.image_id))
        seen.setdefault(uid, image)
        done.images.append(image)
        found.problems += [replace(note, item=image.image_id) for note in header.notes]
    done.images = _one_issuer(done.images, naming, found.problems)
    return done


def _relative(path: Path, source: Path) -> str:
    return path.relative_to(source).as_posix() if source.is_dir() else path.name


def _same_exposure(one: Header, other: Header) -> bool:
    """Whether two objects of one UID can be copies; some de-identified sets give one UID to all."""

    def said(header: Header) -> tuple[object, ...]:
        return header.patient_id, header.study_uid, header.side, header.view.name, header.rows, header.columns

    return said(one) == said(other)


def _image(
    path: Path, relative: str, header: Header, verdict: Verdict, naming: Naming, problems: list[Problem]
) -> FoundImage:
    """The image, with what the file lacks of patient and study taken from what it has."""
    image_id = naming.pseudonyms("image", header.sop_instance_uid or relative)
    study, patient, issuer = header.study_uid, header.patient_id, header.patient_issuer
    if not study:
        study = f"{header.accession}|{header.date or ''}|{patient or relative.rpartition('/')[0]}"
        reason = "the file names no study; it was joined by accession number, date and patient"
        problems.append(Problem("no-study", reason, item=image_id))
    if not patient:
        issuer = study
        reason = "the file names no patient; its study was taken for a woman of her own"
        problems.append(Problem("no-patient", reason, item=image_id))
    return FoundImage(image_id, path, relative, header, verdict, patient, issuer, study)


def _one_issuer(images: list[FoundImage], naming: Naming, problems: list[Problem]) -> list[FoundImage]:
    """Where some files of a patient id lack the issuer that all others give, it is hers.

    Taking her for two women would put one into training and test.
    """
    issuers: dict[str, set[str]] = {}
    for image in images:
        if image.patient:
            issuers.setdefault(image.patient, set()).add(image.issuer)
    only = {patient: max(names) for patient, names in issuers.items() if "" in names and len(names) == 2}
    for patient, issuer in only.items():
        reason = "some of the patient's files lack the issuer of her id; the one that the others give was taken"
        problems.append(Problem("issuer-missing", reason, item=naming.patient(patient, issuer)))
    return [replace(image, issuer=only[image.patient]) if image.patient in only else image for image in images]
