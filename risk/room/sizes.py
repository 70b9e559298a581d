"""Sizes: amounts of money that the gate turns into exactly so many lots, and choices among them."""

from math import inf, nextafter

from contracts.scalars import MICRO
from risk.gate.amounts import LotWorth, lots_within, money_of, to_micro


def target_of(lots: int, mark_micro: int, worth: LotWorth, most_micro: int) -> float | None:
    """An amount that buys ``lots`` at this mark, or None where no float within ``most_micro`` does.

    Short to write, and from the middle half of the amounts that would do, where that is possible:
    the number of lots then survives a small move of the mark. ``lots`` is above 0.
    """
    least, most = _amounts(lots, mark_micro, worth, most_micro)
    if least > most:
        return None
    quarter = (most - least) // 4
    amount = _round_amount(least + quarter, most - quarter) / MICRO
    if least <= to_micro(amount) <= most:
        return amount
    amount = _float_at_least(least)
    return amount if to_micro(amount) <= most else None


def sayable_at_most(lots: int, mark_micro: int, worth: LotWorth) -> int:
    """The largest number of lots, not above ``lots``, that some float buys; 0 where none does."""
    _, most = _amounts(lots, mark_micro, worth, None)
    return lots_within(to_micro(_float_at_most(most)), mark_micro, worth)


def sayable_at_least(lots: int, mark_micro: int, worth: LotWorth) -> int:
    """The smallest number of lots, not below ``lots``, that some float buys."""
    least, _ = _amounts(lots, mark_micro, worth, None)
    return lots_within(to_micro(_float_at_least(least)), mark_micro, worth)


def sayable_choice(smallest: int, largest: int, most: int, mark_micro: int, worth: LotWorth) -> list[int]:
    """The sizes of a range that some float buys, in rising order.

    All of them or, of more than ``most`` (two or more), exactly so many: the smallest, the
    largest, and between them an even choice as far as there is one.
    """
    first = _first_sayable(smallest, largest, most + 1, mark_micro, worth)
    if len(first) <= most:
        return first
    chosen = {sayable_at_most(size, mark_micro, worth) for size in spread(first[0], largest, most)}
    # Where neighbours are far apart two of a choice may be the same size.
    rest = [size for size in first if size not in chosen]
    return sorted([*chosen, *rest[: most - len(chosen)]])


def spread(smallest: int, largest: int, most: int) -> list[int]:
    """At most ``most`` (two or more) whole numbers of a range, both ends among them, evenly spaced.

    All of them where they are no more than that, none where the range is empty. In rising order.
    """
    count = largest - smallest + 1
    if count <= most:
        return list(range(smallest, largest + 1))
    return [smallest + step * (count - 1) // (most - 1) for step in range(most)]


def _first_sayable(smallest: int, largest: int, most: int, mark_micro: int, worth: LotWorth) -> list[int]:
    found: list[int] = []
    size = smallest
    while size <= largest and len(found) < most:
        size = sayable_at_least(size, mark_micro, worth)
        if size <= largest:
            found.append(size)
        size += 1
    return found


def _amounts(lots: int, mark_micro: int, worth: LotWorth, most_micro: int | None) -> tuple[int, int]:
    """The least and the most micro-units that buy ``lots``."""
    most = money_of(lots + 1, mark_micro, worth) - 1
    return money_of(lots, mark_micro, worth), most if most_micro is None else min(most, most_micro)


def _round_amount(least: int, most: int) -> int:
    """The number with the most trailing zeros in a range that is not empty, and of those the middle one."""
    middle, step = (least + most) // 2, int("1" + "0" * len(str(most)))
    while True:
        nearest = (middle + step // 2) // step * step
        if least <= nearest <= most:
            return nearest
        step //= 10


def _float_at_least(micro: int) -> float:
    """The least money that a float can say, of at least so many micro-units."""
    amount = micro / MICRO  # the nearest float, so that at most its neighbour is the answer
    return amount if to_micro(amount) >= micro else nextafter(amount, inf)


def _float_at_most(micro: int) -> float:
    """The most money that a float can say, of at most so many micro-units."""
    amount = micro / MICRO
    return amount if to_micro(amount) <= micro else nextafter(amount, 0.0)
