"""Milestones: the epochs at which images are logged."""

from __future__ import annotations

from collections.abc import Callable

#: Images that stock TensorBoard keeps per tag.
IMAGES_PER_TAG = 10


def milestones(
    total_epochs: int | None,
    every_n_epochs: int = 1,
    plot_every_n_epochs: int | None = None,
) -> Callable[[int], bool]:
    """Decide which snapshots get images, besides the initial and the final one, which always do.

    By default the initial, the final and at most eight snapshots between them: geometrically spaced, because
    filters change fastest early, and so few that stock TensorBoard shows every one of them.

    Args:
        total_epochs: Epochs that the fit is planned to take; ``None`` if unknown: then at powers of four.
        every_n_epochs: Snapshot cadence. A milestone between two snapshots moves to the later one.
        plot_every_n_epochs: Images at every multiple of this number instead.

    Returns:
        A predicate on the epoch (epochs completed) of a snapshot.
    """

    def next_snapshot(epoch: int) -> int:
        return -(-epoch // every_n_epochs) * every_n_epochs

    if plot_every_n_epochs is not None:
        # An epoch is a milestone if a multiple of the plot cadence lies after the previous snapshot.
        return lambda epoch: epoch // plot_every_n_epochs > (epoch - every_n_epochs) // plot_every_n_epochs
    between = IMAGES_PER_TAG - 2
    if total_epochs is None:
        chosen = {next_snapshot(4**power) for power in range(between)}
    else:
        ratio = max(total_epochs / every_n_epochs, 1.0) ** (1 / between)
        spaced = {next_snapshot(round(every_n_epochs * ratio**power)) for power in range(between)}
        chosen = {epoch for epoch in spaced if epoch < total_epochs}
    return chosen.__contains__


def planned_epochs(max_epochs: int | None, max_steps: int, steps_per_epoch: float) -> int | None:
    """Epochs that a fit will take at most.

    Args:
        max_epochs: The trainer's limit; ``None`` or -1 for none.
        max_steps: The trainer's limit of optimiser steps; -1 for none.
        steps_per_epoch: Optimiser steps per epoch; infinity if the data has no end.

    Returns:
        The number of epochs, or ``None`` if nothing bounds it.
    """
    limits = []
    if max_epochs is not None and max_epochs >= 0:
        limits.append(max_epochs)
    if max_steps >= 0 and 0 < steps_per_epoch < float("inf"):
        limits.append(int(-(-max_steps // steps_per_epoch)))
    return min(limits) if limits else None
