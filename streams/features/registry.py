"""The registry: the features found in ``streams/features/library``, by set."""

import importlib
import pkgutil
from collections.abc import Iterable

from contracts.features import FEATURES_MAX
from streams.features import library
from streams.features.feature import Feature, FeatureInvalid


def features_of(set_name: str) -> tuple[Feature, ...]:
    """The features of a set, by name: the order of columns and of bits in ``valid``.

    Raises:
        FeatureInvalid: a file in the library has no feature, or two have the same name.
        UnknownFeatureSet: no feature is in the set.
    """
    found = discovered()
    chosen = tuple(feature for feature in found if set_name in feature.sets)
    if not chosen:
        raise UnknownFeatureSet(set_name, sorted({name for feature in found for name in feature.sets}))
    if len(chosen) > FEATURES_MAX:
        raise FeatureInvalid(
            chosen[-1].name, f"set {set_name}", f"{len(chosen)} features", f"at most {FEATURES_MAX}"
        )
    return chosen


def discovered() -> tuple[Feature, ...]:
    """Every feature of the library, by name. Raises FeatureInvalid."""
    names = (module.name for module in pkgutil.iter_modules(library.__path__))
    return _checked((name, _load(name)) for name in names)


def _load(module_name: str) -> object:
    return getattr(importlib.import_module(f"{library.__name__}.{module_name}"), "FEATURE", None)


def _checked(candidates: Iterable[tuple[str, object]]) -> tuple[Feature, ...]:
    features: dict[str, Feature] = {}
    for module_name, candidate in candidates:
        if not isinstance(candidate, Feature):
            raise FeatureInvalid(module_name, "FEATURE", repr(candidate), "a Feature")
        if candidate.name in features:
            raise FeatureInvalid(candidate.name, "name", "taken by another file", "a name of its own")
        features[candidate.name] = candidate
    return tuple(features[name] for name in sorted(features))


class UnknownFeatureSet(ValueError):
    """No feature is in a set.

    Attributes:
        found: The set asked for.
        expected: The sets that there are.
    """

    def __init__(self, found: str, expected: list[str]) -> None:
        self.found, self.expected = found, expected
        super().__init__(f"no feature is in the set {found!r}; expected one of {', '.join(expected)}")
