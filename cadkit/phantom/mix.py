"""What there is to see: proportions of kinds, forms, occult breasts and interval cancers, by difficulty.

Kinds follow the reader study of Wu et al. (2019): among 62 malignant breasts 21 masses, 26
calcifications, 4 distortions and 12 asymmetries; among 356 benign ones 87, 102, 6 and 36. Forms
tell benign from malignant with overlap, in `standard`; in `easy` they tell it alone and always.
`ceiling` states what the overlap and the occult breasts leave to a reader who sees everything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType

import numpy as np

from cadkit.errors import InputError

Shares = Mapping[str, float]
Forms = Mapping[str, Shares]
_Chances = dict[tuple[str, ...], float]
_Ranked = dict[tuple[str, tuple[str, ...]], float]

# Of women in screening, by density class.
DENSITY_SHARES: Shares = MappingProxyType({"A": 0.10, "B": 0.40, "C": 0.40, "D": 0.10})
# How much more often than on average a labelled breast of that density is occult, and a cancer an
# interval cancer. Weighted by the shares of the densities each averages 1.
_OCCULT_BY_DENSITY: Shares = MappingProxyType({"A": 0.40, "B": 0.75, "C": 1.20, "D": 1.80})
_INTERVAL_BY_DENSITY: Shares = MappingProxyType({"A": 0.30, "B": 0.70, "C": 1.25, "D": 1.90})
# An interval cancer is so many times as often occult as a cancer found by screening.
_INTERVAL_OCCULT = 2.5


@dataclass(frozen=True)
class Mix:
    """Proportions of one difficulty.

    Attributes:
        name: key in `MIXES`.
        kinds: label -> kind -> share of its lesions.
        forms: label -> kind -> form -> share of its lesions of that kind.
        occult: label -> share of the breasts with that label in which none of its lesions is visible,
            on average over densities.
        second: share of visible labels with two lesions in the breast.
        together: share of the malignant breasts that are benign as well (Wu et al. 2019: 234 of 985).
        high_risk: share of the benign breasts whose lesions are high-risk (hypersensitive hourglass,
            Figure 3: 1,091 annotations beside 14,866 benign ones).
        interval: share of the cancers that come up between two screenings, unless a phantom asks for
            another.
        hindsight: share of the cancers found by screening that the exam before shows already, small and
            unlabelled.
    """

    name: str
    kinds: Mapping[str, Shares]
    forms: Mapping[str, Forms]
    occult: Shares
    second: float
    together: float
    high_risk: float
    interval: float
    hindsight: float


@dataclass(frozen=True)
class Ceiling:
    """Areas under the ROC curve of breasts that a reader who sees everything stops at.

    Attributes:
        malignant: malignant breasts against all others.
        against_benign: breasts that are malignant alone against breasts that are benign alone.
    """

    malignant: float
    against_benign: float


def _normed(counts: Mapping[str, float]) -> Shares:
    total = sum(counts.values())
    return MappingProxyType({name: count / total for name, count in counts.items()})


def _between(one: Shares, other: Shares) -> Shares:
    return MappingProxyType({name: (one.get(name, 0) + other.get(name, 0)) / 2 for name in {**one, **other}})


def _with_high_risk(of_label: dict[str, Shares]) -> Mapping[str, Shares]:
    return MappingProxyType({**of_label, "high_risk": _between(of_label["malignant"], of_label["benign"])})


_MALIGNANT_FORMS: Forms = MappingProxyType(
    {
        "mass": _normed({"spiculated": 77, "ill-defined": 15, "lobulated": 4, "smooth": 4}),
        "calcification": _normed({"pleomorphic": 50, "segmental": 40, "scattered": 6, "round": 4}),
        "distortion": _normed({"radiating": 80, "sparse": 20}),
        "asymmetry": _normed({"lined": 70, "plain": 30}),
    }
)
_BENIGN_FORMS: Forms = MappingProxyType(
    {
        "mass": _normed({"spiculated": 4, "ill-defined": 12, "lobulated": 40, "smooth": 44}),
        "calcification": _normed({"pleomorphic": 4, "segmental": 4, "scattered": 46, "round": 46}),
        "distortion": _normed({"radiating": 25, "sparse": 75}),
        "asymmetry": _normed({"lined": 15, "plain": 85}),
    }
)
_EASY_KINDS = _normed({"mass": 85, "calcification": 15})

_EASY = Mix(
    name="easy",
    kinds=MappingProxyType({"malignant": _EASY_KINDS, "benign": _EASY_KINDS}),
    forms=MappingProxyType(
        {
            "malignant": {"mass": _normed({"spiculated": 1}), "calcification": _normed({"pleomorphic": 1})},
            "benign": {"mass": _normed({"smooth": 1}), "calcification": _normed({"round": 1})},
        }
    ),
    occult=MappingProxyType({"malignant": 0.0, "benign": 0.0}),
    second=0.15,
    together=0.24,
    high_risk=0.0,
    interval=0.0,
    hindsight=0.0,
)
_STANDARD = Mix(
    name="standard",
    kinds=_with_high_risk(
        {
            "malignant": _normed({"mass": 21, "calcification": 26, "distortion": 4, "asymmetry": 12}),
            "benign": _normed({"mass": 87, "calcification": 102, "distortion": 6, "asymmetry": 36}),
        }
    ),
    forms=MappingProxyType(
        {
            "malignant": _MALIGNANT_FORMS,
            "benign": _BENIGN_FORMS,
            "high_risk": {kind: _between(_MALIGNANT_FORMS[kind], _BENIGN_FORMS[kind]) for kind in _BENIGN_FORMS},
        }
    ),
    occult=MappingProxyType({"malignant": 0.10, "benign": 0.38, "high_risk": 0.38}),
    second=0.15,
    together=0.24,
    high_risk=0.07,
    interval=0.10,
    hindsight=0.30,
)
MIXES: Mapping[str, Mix] = MappingProxyType({mix.name: mix for mix in (_EASY, _STANDARD)})


def mix_of(name: str) -> Mix:
    """The mix of that difficulty.

    Raises:
        InputError: there is none.
    """
    if name not in MIXES:
        raise InputError("no such difficulty", value=name, mend=f"Take one of {', '.join(MIXES)}.")
    return MIXES[name]


def interval_share(interval: float, density: str) -> float:
    """Share of the cancers in breasts of that density that are interval cancers, where `interval` is the mean."""
    return min(1.0, interval * _INTERVAL_BY_DENSITY[density])


def occult_share(mix: Mix, label: str, density: str, *, interval: float = 0.0, is_interval: bool = False) -> float:
    """Share of the breasts of that label and density that are occult.

    Args:
        mix: of the difficulty.
        label: malignant, benign or high_risk.
        density: A to D.
        interval: mean share of interval cancers among the malignant breasts; they are occult more often, so
            that the others are so less often: the mean over all stays that of the mix.
        is_interval: whether this breast's cancer is one.
    """
    if label != "malignant":
        return mix.occult[label] * _OCCULT_BY_DENSITY[density]
    more = _INTERVAL_OCCULT - 1
    weight = sum(
        share * _OCCULT_BY_DENSITY[name] * (1 + more * interval_share(interval, name))
        for name, share in DENSITY_SHARES.items()
    )
    base = mix.occult[label] / weight * _OCCULT_BY_DENSITY[density]
    return min(1.0, base * (_INTERVAL_OCCULT if is_interval else 1))


def together_share(mix: Mix, malignant: float, benign: float) -> float:
    """Share of the malignant breasts that are benign as well; at most half of the benign breasts are malignant."""
    return min(mix.together, 0.5 * benign / malignant) if malignant > 0 else 0.0


def ceiling(mix: Mix, malignant: float, benign: float, interval: float = 0.0) -> Ceiling:
    """The AUC at which a reader stops who sees, and names rightly, all that is visible.

    Such a reader knows the breast's density and the form of every visible lesion and ranks breasts by the
    likelihood ratio of that, which no other ranking beats (Neyman and Pearson). An occult malignant breast
    ties with all breasts of its density in which nothing is seen, and a form that both labels have ties in
    part. Harmless structures count as told from lesions; sizes (dealt alike to all labels), the other
    breast and other exams as not known: for a reader of one breast the number is an upper bound.

    Args:
        mix: of the difficulty.
        malignant, benign: shares of the breasts with that label; what needs a label that no breast has is nan.
        interval: share of interval cancers among the malignant breasts.
    """
    both = malignant * together_share(mix, malignant, benign)
    sick: _Ranked = defaultdict(float)
    rest: _Ranked = defaultdict(float)
    only_malignant: _Ranked = defaultdict(float)
    only_benign: _Ranked = defaultdict(float)
    for density, share in DENSITY_SHARES.items():
        cancer, harmless = _cancers(mix, density, interval), _biopsied_benign(mix, density)
        _put(sick, density, cancer, share * (malignant - both))
        _put(sick, density, _added(cancer, harmless), share * both)
        _put(rest, density, harmless, share * (benign - both))
        _put(rest, density, {(): 1.0}, share * (1 - malignant - benign + both))
        _put(only_malignant, density, cancer, share)
        _put(only_benign, density, harmless, share)
    against = _area(only_malignant, only_benign) if malignant and benign else float("nan")
    return Ceiling(_area(sick, rest) if malignant else float("nan"), against)


def _cancers(mix: Mix, density: str, interval: float) -> _Chances:
    late = interval_share(interval, density)
    occult = sum(
        part * occult_share(mix, "malignant", density, interval=interval, is_interval=kind)
        for kind, part in ((True, late), (False, 1 - late))
    )
    return _seen_of_label(mix, "malignant", occult)


def _biopsied_benign(mix: Mix, density: str) -> _Chances:
    chances: _Chances = defaultdict(float)
    for label, part in (("benign", 1 - mix.high_risk), ("high_risk", mix.high_risk)):
        if part:
            for seen, chance in _seen_of_label(mix, label, occult_share(mix, label, density)).items():
                chances[seen] += part * chance
    return chances


def _put(ranked: _Ranked, density: str, chances: _Chances, weight: float) -> None:
    if weight > 0:
        for seen, chance in chances.items():
            ranked[density, seen] += weight * chance


def _seen_of_label(mix: Mix, label: str, occult: float) -> _Chances:
    """Chance of each sorted list of forms that the lesions of one label show in a breast."""
    forms = {
        form: mix.kinds[label][kind] * share
        for kind in mix.kinds[label]
        for form, share in mix.forms[label][kind].items()
    }
    chances: _Chances = defaultdict(float)
    chances[()] = occult
    for form, share in forms.items():
        chances[(form,)] += (1 - occult) * (1 - mix.second) * share
    for (one, first), (two, second) in product(forms.items(), repeat=2):
        chances[tuple(sorted((one, two)))] += (1 - occult) * mix.second * first * second
    return chances


def _added(one: _Chances, other: _Chances) -> _Chances:
    chances: _Chances = defaultdict(float)
    for (first, share), (second, more) in product(one.items(), other.items()):
        chances[tuple(sorted(first + second))] += share * more
    return chances


def _area(positive: _Ranked, negative: _Ranked) -> float:
    """AUC of the likelihood ratio of two distributions over the same observations.

    Along observations of one ratio the ROC curve is straight, so that their order does not matter.
    """
    pairs = [(positive.get(name, 0.0), negative.get(name, 0.0)) for name in {**positive, **negative}]
    p, n = np.array([pair for pair in pairs if sum(pair) > 0]).T
    p, n = p / p.sum(), n / n.sum()
    order = np.argsort(p / (p + n), kind="stable")
    p, n = p[order], n[order]
    return min(1.0, float(np.sum(p * (np.cumsum(n) - n / 2))))
