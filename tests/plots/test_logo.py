"""Sequence logos: which letter stands where, how high, in which colour."""

from __future__ import annotations

from itertools import combinations, pairwise
from string import ascii_uppercase
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch

from filterscope import FilterBank, FilterHistory, plot_evolution, plot_filter, plot_taps
from filterscope.plots import kinds
from filterscope.plots.drawing.colours import rgba
from filterscope.plots.drawing.limits import is_clipped
from filterscope.plots.drawing.logo import fair_limit, letter_colour, stack_heights
from filterscope.plots.drawing.raster import Raster
from filterscope.plots.drawing.tiles import HeatTiles, LogoTiles
from filterscope.plots.picture import Options
from filterscope.plots.taps import TapsPicture
from tests.support.figures import draw, near, noise, pixels, words
from tests.support.pictures import count_colours

DNA = ("A", "C", "G", "T")


def dna(filters: int, taps: int, seed: int = 0, **facts: Any) -> FilterBank:
    return noise(filters, 4, taps, seed, channel_names=DNA, **facts)


def boxes(figure: Any, letter: str) -> np.ndarray:
    """Left, bottom, right and top of each of a letter's places in ``plot_filter``, in taps and weight: ``(n, 4)``."""
    (patch,) = (
        each for each in figure.findobj(PathPatch) if np.allclose(each.get_facecolor(), rgba(letter_colour(letter)))
    )
    starts = [*np.flatnonzero(patch.get_path().codes == 1), len(patch.get_path().vertices)]
    outlines = [patch.get_path().vertices[a:b][patch.get_path().codes[a:b] != 79] for a, b in pairwise(starts)]
    return np.array([[*each.min(axis=0), *each.max(axis=0)] for each in outlines])


def test_the_largest_letter_lies_outermost_up_and_down() -> None:
    weights = np.array([[[0.4], [0.1], [-0.2], [-0.3]]]).repeat(2, axis=2)
    figure = plot_filter(FilterBank("conv", weights, channel_names=("C", "T", "L", "E")), 0)
    for letter, bottom, top in (("T", 0, 0.1), ("C", 0.1, 0.5), ("L", -0.2, 0), ("E", -0.5, -0.2)):
        found = boxes(figure, letter)
        np.testing.assert_allclose(found[:, [1, 3]], [[bottom, top]] * 2, atol=0.01)
        assert np.all((found[:, 0] > [-0.5, 0.5]) & (found[:, 2] < [0.5, 1.5]))


def test_weights_are_centred_over_the_letters() -> None:
    bank = dna(3, 7)
    moved = bank.with_fields(weights=bank.weights + np.arange(7, dtype=np.float32))
    assert np.abs(pixels(plot_taps(bank)).astype(int) - pixels(plot_taps(moved))).max() < 40
    assert stack_heights(np.array([[[3.0], [-1], [-1], [-1]]])).tolist() == [[[3]]]


def test_half_of_the_tiles_use_two_thirds_of_their_height_and_higher_stacks_stay_whole() -> None:
    heights = np.arange(1.0, 12)[:, None, None]
    assert fair_limit(heights) == 9
    assert is_clipped(heights, np.full(len(heights), 9.0)).any()
    assert fair_limit(np.ones((4, 1, 3))) == 1
    bank = dna(8, 9)
    bank.weights[3] *= 20
    figure = plot_taps(bank)
    assert "higher stacks drawn smaller" in words(figure)
    picture = TapsPicture(bank)
    assert isinstance(picture._tiles, LogoTiles)
    tops = picture._tiles.corners[:, 1]
    drawn = np.concatenate([patch.get_path().vertices for patch in picture._tiles._letters.artists])
    beyond = np.abs(drawn[:, 1, None] - tops - picture._tiles.height / 2).min(axis=1)
    assert beyond.max() <= picture._tiles.height / 2 + 1


def test_nucleotides_have_their_usual_colours_and_all_letters_one_of_their_own() -> None:
    a, c, g, t, u = (rgba(letter_colour(letter))[:3] for letter in "ACGTU")
    assert (a.argmax(), c.argmax(), t.argmax()) == (1, 2, 0)
    assert g[0] > g[1] > 3 * g[2]
    assert np.array_equal(t, u)
    colours = {letter: rgba(letter_colour(letter))[:3] for letter in ascii_uppercase.replace("U", "")}
    apart = {pair: np.abs(colours[pair[0]] - colours[pair[1]]).max() for pair in combinations(colours, 2)}
    assert min(apart.values()) > 0.08, min(apart, key=apart.__getitem__)
    assert max(colour.min() for colour in colours.values()) < 0.7  # none is lost on white


@pytest.mark.parametrize(
    ("channels", "filters", "taps", "expected"),
    [("auto", 64, 19, LogoTiles), ("auto", 512, 31, HeatTiles), ("logo", 512, 31, LogoTiles), ("all", 8, 9, HeatTiles)],
)
def test_auto_is_a_logo_where_it_can_be_read(channels: str, filters: int, taps: int, expected: type) -> None:
    assert isinstance(TapsPicture(dna(filters, taps), channels=channels, max_filters=None)._tiles, expected)


def test_a_logo_of_what_are_no_letters_is_refused_or_drawn_as_by_auto() -> None:
    for names, words_of_it in ((None, "'conv1' has none"), (("Fz", "Cz", "Pz", "Oz"), "'conv1' has Fz, Cz, Pz, Oz")):
        bank = noise(3, 4, 9, channel_names=names)
        with pytest.raises(ValueError, match=f"'logo' needs channels named by one capital letter.*{words_of_it}"):
            plot_taps(bank, channels="logo")
        picture = kinds.kind("taps").make(bank, None, Options("logo"), None)
        assert np.array_equal(pixels(picture.sheet.figure), pixels(plot_taps(bank)))
    history = FilterHistory([dna(3, 9, seed, epoch=seed) for seed in range(2)])
    logo, auto = (pixels(plot_evolution(history, channels=how)) for how in ("logo", "auto"))
    assert np.array_equal(logo, auto)


def test_marks_and_rotation_are_seen_on_logos() -> None:
    before, now = dna(8, 9, epoch=0), dna(8, 9, 1, epoch=3)
    now.weights[2], now.weights[5, 1, 3] = 0, np.nan
    figure = plot_taps(now, reference=before)
    image = pixels(figure)
    assert near(image, (0xFF, 0xC4, 0x4D)).sum() > 500
    assert near(image, (0xE3, 0xE6, 0xEA)).sum() > 500
    assert "strip: rotation" in words(figure)
    assert "letters by weight, centred at each tap" in words(figure)


def test_one_letter_too_many_or_too_narrow_is_no_trouble() -> None:
    for filters, taps in ((1, 1), (1, 2), (64, 1), (3, 251)):
        for channels in ("auto", "logo"):
            assert (pixels(plot_taps(dna(filters, taps), channels=channels)) < 200).any()
    protein = FilterBank("conv", noise(4, 20, 9).weights, channel_names=tuple("ACDEFGHIKLMNPQRSTVWY"))
    assert count_colours(pixels(plot_taps(protein))) > 100
    assert "of 0" not in words(draw("filter", dna(2, 9), dna(2, 9, 1)))


def test_a_logo_redrawn_on_one_picture_equals_a_fresh_one() -> None:
    banks = [dna(12, 9, seed, epoch=seed) for seed in range(3)]
    banks[1].weights[0] *= 30
    banks[2].weights[1], banks[2].weights[2, 0, 0] = 0, np.nan
    cached, fresh = TapsPicture(banks[0], banks[0]), TapsPicture(banks[2], banks[0])
    raster = Raster(cached.sheet)
    for bank in banks:
        cached.update(bank)
        got = raster.pixels()[:, :, :3].astype(int)
    assert (np.abs(got - pixels(fresh.sheet.figure)).max(axis=2) > 8).sum() <= 40


def test_layers_with_other_names_are_not_drawn_on_one_picture() -> None:
    kind = kinds.kind("taps")
    assert kind.layout(dna(3, 9)) == kind.layout(dna(3, 9, layer="other"))
    assert kind.layout(dna(3, 9)) != kind.layout(dna(3, 9).with_fields(channel_names=None))


def test_letters_are_one_artist_each_however_many_there_are() -> None:
    figure: Any = Figure(figsize=(9, 4.3), dpi=100)
    plot_taps(dna(64, 19), figure=figure)
    assert len(figure.artists) < 20


EEG = ("Fz", "Cz", "Pz", "Oz")


def test_rows_and_curves_are_called_by_their_names() -> None:
    bank, wide = noise(6, 4, 9, channel_names=EEG), noise(6, 12, 9, channel_names=tuple(f"EEG {i}" for i in range(12)))
    assert {"Fz", "Cz", "Pz", "Oz"} <= set(words(plot_filter(bank, 2)).split("\n"))
    assert "filter 2, Pz" in words(plot_filter(bank, 2, channel=2))
    assert "EEG 0" in words(plot_filter(wide, 2)).split("\n")
    assert "channel 0" in words(plot_filter(bank.with_fields(channel_names=None), 2))
    taps = words(plot_taps(bank))
    assert "Fz, Cz, Pz, Oz ↓" in taps
    assert taps.split("\n").count("Oz") >= 2  # beside the first tile of each row
    assert "EEG 0 to EEG 11 ↓" in words(plot_taps(wide, channels="all"))
    matrix = noise(6, 4, 1, channel_names=EEG)
    assert set(EEG) <= set(words(plot_taps(matrix)).split("\n"))
    complex_bank = FilterBank("conv", bank.weights + 1j * bank.weights, channel_names=EEG)
    assert {"real Fz", "imaginary Oz"} <= set(words(plot_filter(complex_bank, 0)).split("\n"))
