"""How hard a phantom is: every number that decides what can be seen, by name.

Two named difficulties. In both, benign and malignant lesions draw size and contrast from the same
distributions and differ by shape alone.

- `easy`: for demonstrations. Lesions stand out, their shapes are coarse enough for pixels of 0.8 mm,
  no labelled breast is occult and no lesion has the shape of the other label. A small network learns it
  in minutes; a result on it says that the software works and nothing about a model.
- `standard`: for comparing models. Contrasts and clutter follow the range of a mammogram, spicules and
  calcifications are fine, shapes of the two labels overlap, and 38% of the benign and 10% of the malignant
  breasts are occult (labelled, but nothing is visible).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cadkit.errors import InputError

Range = tuple[float, float]


@dataclass(frozen=True)
class Difficulty:
    """What a phantom shows. Lengths in mm; contrasts in display units (0 black to 1 white).

    Attributes:
        name: key in `DIFFICULTIES`.
        mass_radius: range, log-uniform, the same for masses of both labels and for clumps.
        mass_contrast: median and log-sd of the peak, the same for masses of both labels and for clumps.
        spicules: range of the number of spicules of a spiculated mass.
        spicule_length: range in radii of the mass, from its margin.
        spicule_sigma: half width (sd) of a spicule's profile.
        spicule_contrast: range for spicules and other lines, as a share of the median contrast of masses.
        calcification_contrast: range of the peak, the same for every calcification.
        calcification_radius: range of the radius (sd of the profile).
        stroke_radius: range of the half width (sd) of a pleomorphic calcification.
        round_number, round_extent: calcifications of a compact round cluster and its radius.
        scattered_number, scattered_extent: the same of scattered round calcifications.
        linear_number, linear_extent: the same of a pleomorphic cluster; the extent is half its length.
        stroke_length: range of the length of a pleomorphic calcification.
        crossed: share of densities without spicules that lines cross.
        radiating_number, sparse_number: lines of a distortion, by form.
        lined_number: lines of an asymmetry that has some.
        asymmetry_radius, asymmetry_contrast: of an asymmetry, as a multiple of a mass's.
        clumps: mean number of harmless dense clumps in a breast.
        loose_calcifications: mean number of single round calcifications in a breast.
        harmless_groups: mean number of harmless groups of round calcifications in a breast.
        knots: mean number of places in a view where lines cross without a common centre.
        gland: brightness of fibroglandular tissue above fat.
        texture: sd of the power-law texture.
        strands: brightness of thin strands.
    """

    name: str
    mass_radius: Range
    mass_contrast: tuple[float, float]
    spicules: tuple[int, int]
    spicule_length: Range
    spicule_sigma: Range
    spicule_contrast: Range
    calcification_contrast: Range
    calcification_radius: Range
    stroke_radius: Range
    round_number: tuple[int, int]
    round_extent: Range
    scattered_number: tuple[int, int]
    scattered_extent: Range
    linear_number: tuple[int, int]
    linear_extent: Range
    stroke_length: Range
    crossed: float
    radiating_number: tuple[int, int]
    sparse_number: tuple[int, int]
    lined_number: tuple[int, int]
    asymmetry_radius: float
    asymmetry_contrast: float
    clumps: float
    loose_calcifications: float
    harmless_groups: float
    knots: float
    gland: float
    texture: float
    strands: float


DIFFICULTIES: Mapping[str, Difficulty] = MappingProxyType(
    {
        difficulty.name: difficulty
        for difficulty in (
            Difficulty(
                name="easy",
                mass_radius=(6.0, 9.0),
                mass_contrast=(0.32, 0.2),
                spicules=(9, 13),
                spicule_length=(1.3, 2.4),
                spicule_sigma=(1.0, 1.4),
                spicule_contrast=(0.9, 1.15),
                calcification_contrast=(0.30, 0.42),
                calcification_radius=(0.75, 1.05),
                stroke_radius=(0.75, 1.05),
                round_number=(7, 12),
                round_extent=(6.0, 9.0),
                scattered_number=(7, 12),
                scattered_extent=(6.0, 9.0),
                linear_number=(7, 10),
                linear_extent=(10.0, 14.0),
                stroke_length=(6.0, 11.0),
                crossed=0.0,
                radiating_number=(16, 27),
                sparse_number=(6, 13),
                lined_number=(5, 10),
                asymmetry_radius=1.6,
                asymmetry_contrast=0.7,
                clumps=2.0,
                loose_calcifications=1.0,
                harmless_groups=0.25,
                knots=0.0,
                gland=0.18,
                texture=0.02,
                strands=0.04,
            ),
            Difficulty(
                name="standard",
                mass_radius=(3.0, 8.0),
                mass_contrast=(0.29, 0.25),
                spicules=(14, 25),
                spicule_length=(1.0, 2.2),
                spicule_sigma=(0.30, 0.50),
                spicule_contrast=(0.60, 0.95),
                calcification_contrast=(0.30, 0.42),
                calcification_radius=(0.22, 0.60),
                stroke_radius=(0.20, 0.32),
                round_number=(7, 21),
                round_extent=(1.5, 4.5),
                scattered_number=(4, 13),
                scattered_extent=(3.0, 8.0),
                linear_number=(7, 15),
                linear_extent=(3.0, 8.0),
                stroke_length=(0.2, 2.6),
                crossed=0.4,
                radiating_number=(12, 20),
                sparse_number=(6, 13),
                lined_number=(8, 14),
                asymmetry_radius=1.6,
                asymmetry_contrast=0.7,
                clumps=3.0,
                loose_calcifications=13.0,
                harmless_groups=1.5,
                knots=1.2,
                gland=0.45,
                texture=0.036,
                strands=0.065,
            ),
        )
    }
)


def difficulty_of(name: str) -> Difficulty:
    """The difficulty of that name.

    Raises:
        InputError: there is none.
    """
    if name not in DIFFICULTIES:
        raise InputError("no such difficulty", value=name, mend=f"Take one of {', '.join(DIFFICULTIES)}.")
    return DIFFICULTIES[name]
