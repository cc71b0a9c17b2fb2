"""A layer's history as an animation: a frame per epoch, all of them to one scale and in one palette."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from PIL import Image, features

from filterscope.filters.arrays import Array
from filterscope.filters.bank import FilterBank
from filterscope.filters.checks import check_count
from filterscope.filters.history import FilterHistory, require_history
from filterscope.filters.words import Frequency, Scale
from filterscope.plots import response, spectrum
from filterscope.plots.change import ChangePicture
from filterscope.plots.drawing import captions, films
from filterscope.plots.drawing.raster import Raster
from filterscope.plots.picture import Options, rows_of, times_of
from filterscope.plots.taps import TapsPicture

AnimationKind = Literal["taps", "change", "response", "spectrum"]
KINDS: tuple[AnimationKind, ...] = get_args(AnimationKind)
#: File formats by suffix.
FORMATS: dict[str, type[films.Film]] = {".gif": films.Gif, ".webp": films.WebP, ".png": films.Png}
#: Viewers slow down what is faster.
MOST_FPS = 50
#: How long the last frame stays, in ms, before the animation begins again.
LAST_FRAME = 1500

#: Colours kept as they are, and those of the whole palette. It leaves an index free, by which a GIF marks the pixels
#: that stay as they were: one without is twice to three times as large.
_EXACT, _COLOURS = 96, 255
#: Frames that the palette is chosen from.
_SAMPLE = 8


def write_animation(
    history: FilterHistory,
    path: str | os.PathLike[str],
    *,
    kind: AnimationKind = "taps",
    fps: float = 10,
    every: int = 1,
    channels: str = "auto",
    max_filters: int | None = 64,
    sample_rate: float | None = None,
    scale: Scale = "layer",
    frequency: Frequency = "linear",
    progress: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> None:
    """Write a history as an animated GIF, WebP or PNG (APNG), which repeats for ever.

    Frames are those of :func:`filterscope.plot_taps` or :func:`filterscope.plot_response` beside the reference, of the
    taps' difference from it, or of :func:`filterscope.plot_spectrum` up to then, with the epoch, or the step, in the
    title; scales are those that all epochs need together.

    Args:
        history: Snapshots of one layer.
        path: File to write; its suffix names the format.
        kind: ``"taps"``, ``"change"``, ``"response"`` or ``"spectrum"``.
        fps: Frames per second, at most 50; a GIF counts in hundredths of a second.
        every: Take one snapshot in so many, and the last.
        channels: As in ``plot_taps``.
        max_filters: The lowest-numbered ones only; ``None`` for all.
        sample_rate: As in ``plot_response``.
        scale: As in ``plot_taps``; of the change too.
        frequency: As in ``plot_response``; of the spectrum too.
        progress: Wraps the positions of the snapshots, to show how far it is.

    Raises:
        ValueError: Unknown suffix or kind, or ``fps`` not between 0 and 50.
    """
    require_history(history)
    check_count("every", every)
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise ValueError(f"{os.fspath(path)!r} is not a name of an animation; end it in {', '.join(FORMATS)}")
    if suffix == ".webp" and not features.check("webp"):
        raise ValueError("Pillow was built without WebP here; write a .gif or .png")
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r} cannot be animated; use one of {', '.join(KINDS)}")
    if not 0 < fps <= MOST_FPS:
        raise ValueError(f"fps={fps!r} must be above 0 and at most {MOST_FPS}")
    positions = sorted({*range(0, len(history), every), len(history) - 1})
    draw = _artist(history, kind, Options(channels, max_filters, sample_rate, frequency, scale))
    spread = np.linspace(0, len(positions) - 1, min(_SAMPLE, len(positions))).round().astype(int)
    sample = [draw(positions[i]) for i in spread]
    palette = _palette(sample)
    step = round(100 / fps) * 10 if suffix == ".gif" else round(1000 / fps)
    before: Array | None = None
    with open(path, "wb") as file:
        film = FORMATS[suffix](file, sample[0].size, bytes(palette.getpalette() or []), len(positions))
        for position in progress(positions):
            # Without dithering: its noise would change everywhere from frame to frame.
            frame = np.asarray(draw(position).quantize(palette=palette, dither=Image.Dither.NONE))
            film.add(frame, before, step if position < positions[-1] else max(step, LAST_FRAME))
            before = frame
        film.close()


def _artist(history: FilterHistory, kind: AnimationKind, options: Options) -> Callable[[int], Image.Image]:
    """Draws the snapshot at a position."""
    first, reference = history[0], history.reference
    picture: Any
    if kind in ("taps", "change"):
        make = TapsPicture if kind == "taps" else ChangePicture
        picture = make(first, reference, options.channels, options.scale, options.max_filters)
        rows = picture.follow(history)

        def update(bank: FilterBank, moment: str, position: int) -> None:
            picture.update(bank, moment, rows[position])
    elif kind == "response":
        picture = response.KIND.make(first, reference, options, None)

        def update(bank: FilterBank, moment: str, position: int) -> None:
            picture.update(bank, moment)
    else:
        first, reference = (each.head(options.max_filters) for each in (first, reference))
        picture = spectrum.KIND.make(first, reference, options, None)
        times, known = times_of(history), rows_of(spectrum.KIND, history, options)

        def update(bank: FilterBank, moment: str, position: int) -> None:
            picture.update(bank, known, times, moment, now=position)

    raster = Raster(picture.sheet)

    def draw(position: int) -> Image.Image:
        bank = history[position]
        update(bank, captions.moment(bank, history.by_step), position)
        return Image.fromarray(raster.pixels()).convert("RGB")

    return draw


def _palette(sample: list[Image.Image]) -> Image.Image:
    """One palette for all frames, so that what does not change is written once.

    The most frequent colours are taken as they are, so that flat areas keep theirs; an octree finds the others, mostly
    soft edges of lines. Pillow looks colours up with an error of a few levels: none beside white, that white stays.
    """
    strip = Image.fromarray(np.vstack([np.asarray(frame) for frame in sample]))
    counts: Any = strip.getcolors(1 << 24)
    frequent = [colour for _, colour in sorted(counts, reverse=True)[:_EXACT]]
    octree = strip.quantize(_COLOURS - _EXACT, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    colours = np.vstack([frequent, np.reshape(octree.getpalette() or [], (-1, 3))])
    used = [255, 255, 255, *colours[colours.min(axis=1) < 248][: _COLOURS - 1].ravel().tolist()]
    palette = Image.new("P", (1, 1))
    palette.putpalette(used + (256 - len(used) // 3) * [0, 255, 0])  # bright green is nowhere
    return palette
