"""The words on TensorBoard's cards: what each kind of card shows, and the table of layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from filterscope.filters.bank import FilterBank
from filterscope.filters.words import plural

#: What is logged beside images, and what it means.
NUMBERS = {
    "weights": "Histogram of the layer's finite weights.",
    "rotation": "1 − cos(weights, initial weights) of the whole layer: 0 unmoved, 1 orthogonal to its start.",
    "change": "Relative size of the step since the previous snapshot; it falls as the layer settles.",
    "rms": "Root mean square of the layer's weights: decay or explosion.",
    "dead": "Share of the layer's filters, from 0 to 1, with a norm below 1 % of the layer's median norm.",
    "redundancy": "Mean over filters of the largest |cosine| with another filter: 1 means copies. At milestones only.",
    "effective_rank": "exp(entropy of the singular values): how many directions the filters span. At milestones only.",
    "nonfinite": "Number of NaN and infinite weights. Logged from the first time that it is not 0.",
}


def layer_table(
    banks: Iterable[FilterBank],
    max_filters: int | None,
    pictures: Mapping[str, str],
    fixed: Sequence[FilterBank] = (),
    of_signals: Sequence[str] = (),
) -> str:
    """Markdown for the text card: a table of the layers, and what each card that is logged means.

    Args:
        banks: One of each layer.
        max_filters: Filters that are drawn at most.
        pictures: What each kind of image means.
        fixed: Layers that are there, do not learn, and are not monitored.
        of_signals: Those of the pictures that letters of a sequence do not have.
    """
    lines = [
        "| layer | filters × channels × taps | stride | dilation | groups | filters drawn | sample rate | channels |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    sequences = []
    for bank in (*banks, *fixed):
        shape = " × ".join(map(str, bank.weights.shape))
        rate = "unknown" if bank.sample_rate is None else f"{bank.sample_rate:g} Hz"
        kind = " (transposed)" if bank.transposed else ""
        drawn = "none: it does not learn" if bank in fixed else bank.head(max_filters).filters
        names = _escaped(", ".join(bank.channel_names or ("–",)))
        cells = [shape, bank.stride, bank.dilation, bank.groups, drawn, rate, names]
        if bank.is_lettered:
            sequences.append(f"`{_escaped(bank.layer)}`")
        lines.append(f"| `{_escaped(bank.layer)}`{kind} | {' | '.join(map(str, cells))} |")
    if fixed:
        lines += ["", "What does not learn is recorded if `layers` names it."]
    lines += ["", "| card | what it shows |", "| --- | --- |"]
    lines += [f"| {kind} | {_escaped(meaning)} |" for kind, meaning in (*pictures.items(), *NUMBERS.items())]
    if sequences and of_signals:
        missing = " and no ".join(f"`{name}`" for name in of_signals)
        lines += ["", f"No {missing} of {', '.join(sequences)}: letters of a sequence are no signal in time."]
    return "\n".join(lines)


def images_between(most: int, budget: int) -> str:
    """What is said of a model with so many layers that the usual images would be more than the budget of a fit."""
    which = "" if most > 1 else ", of as many of the first layers as there are images left for"
    return (
        "For so many layers images are logged at the initial and the final snapshot and at most "
        f"{plural(most, 'moment')} between{which}, so that a fit has {budget} if it can. "
        "`layers` or `plot_every_n_epochs` chooses others."
    )


def _escaped(words: str) -> str:
    """Words that cannot break a Markdown table."""
    return words.replace("|", "&#124;").replace("`", "'").replace("\n", " ")
