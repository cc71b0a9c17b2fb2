"""What a picture compares a bank with: an earlier moment of it, or the same layer of another run."""

from __future__ import annotations

import numpy as np

from filterscope.filters.bank import FilterBank, require_bank

#: Characters of a name at most: it stands in lines that say other things too.
_LONG = 32


def check_shape(reference: FilterBank, bank: FilterBank, ours: tuple[int, ...], theirs: tuple[int, ...]) -> None:
    """Refuse a reference of other filters than the bank, by the shapes of what is drawn of both.

    Raises:
        ValueError: The shapes differ, or one is complex and the other is not.
    """
    is_complex = np.iscomplexobj(bank.weights)
    if ours != theirs:
        difference = f"has shape {theirs} and the bank {ours}"
    elif np.iscomplexobj(reference.weights) != is_complex:
        difference = "is real and the bank complex" if is_complex else "is complex and the bank real"
    else:
        return
    raise ValueError(
        f"the reference {difference}; a reference is an earlier moment of the same filters, or the same layer of "
        "another run"
    )


def same_filters(reference: FilterBank, bank: FilterBank, max_filters: int | None) -> FilterBank:
    """The lowest-numbered filters of the reference, if they fit the bank, on the bank's axes of time and frequency.

    A reference from a ``state_dict`` knows nothing of strides, dilation and rates: the same filters have the same.

    Raises:
        TypeError: It is no bank.
        ValueError: It has another shape, or other filters.
    """
    require_bank(reference)
    reference = reference.head(max_filters)
    check_shape(reference, bank, bank.weights.shape, reference.weights.shape)
    if not np.array_equal(reference.indices, bank.indices):
        raise ValueError(
            f"the reference holds filters {reference.indices}, the bank {bank.indices}; give the same ones"
        )
    same = {name: getattr(bank, name) for name in ("stride", "dilation", "groups", "transposed", "sample_rate")}
    return reference.with_fields(**same)


def name_of(reference: FilterBank | None, name: str | None) -> str:
    """What the reference is to be called, in part of a line; empty where its moment tells.

    Raises:
        TypeError: The name is no string.
        ValueError: It is empty, or there is no reference that it could name.
    """
    if name is None:
        return ""
    works = "give what tells it from the bank, such as 'lr 0.1'"
    if not isinstance(name, str):
        raise TypeError(f"reference_name={name!r} is not a string; {works}")
    if not name.strip():
        raise ValueError(f"reference_name={name!r} is empty; {works}")
    if reference is None:
        raise ValueError(f"reference_name={name!r} names nothing: give a reference= too")
    name = " ".join(name.split())
    return name if len(name) <= _LONG else f"{name[: _LONG // 2]}…{name[1 - _LONG // 2 :]}"
