"""``filterscope plot --size --dpi --font-size``: files of the size asked for, in type of the size asked for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from filterscope import load_history, plot_overview, plot_taps
from filterscope.cli import main
from filterscope.plots.kinds import NAMES
from tests.cli.test_cli_plot import decoded, draw, png
from tests.support.runs import history, write_run


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    values = np.cumsum(np.random.default_rng(0).standard_normal((3, 12, 1, 15)), axis=0)
    return write_run(tmp_path_factory.mktemp("paper"), history("conv", values))


def test_every_picture_has_the_size_asked_for(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = draw(capsys, run_dir, "--size", "3.3x2.2", "--dpi", 200, "--font-size", 7)
    assert [Path(name).name.split("_")[-2] for name in names] == [*NAMES[:-1], "overview"]
    assert {decoded(name).shape for name in names} == {(440, 660, 3)}


@pytest.mark.parametrize(
    ("options", "size", "dpi", "points"),
    [
        (("--size", "3.3x2.2", "--dpi", 150, "--font-size", 8), (3.3, 2.2), 150, 8),
        (("--size", "6.8X3"), (6.8, 3.0), 300, 7),
        (("--dpi", 200), (9.0, 4.3), 200, 12),
        (("--font-size", 16), (9.0, 4.3), 100, 16),
    ],
)
def test_pictures_are_those_of_a_figure_of_that_size(
    options: tuple[Any, ...],
    size: tuple[float, float],
    dpi: float,
    points: float,
    run_dir: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = dict(mpl.rcParams)
    taps, overview = draw(capsys, run_dir, "--kind", "taps", "--kind", "overview", *options)
    assert dict(mpl.rcParams) == before
    recorded = load_history(run_dir)
    bank, reference = recorded["conv"][-1], recorded["conv"].reference
    with mpl.rc_context({"font.size": points}):
        figures = Figure(size, dpi), Figure(size, dpi)
        plot_taps(bank, reference=reference, max_filters=None, figure=figures[0])
        plot_overview(recorded, figure=figures[1])
        for name, figure in zip((taps, overview), figures, strict=True):
            np.testing.assert_array_equal(decoded(name), png(figure))


@pytest.mark.parametrize("tight", [False, True])
@pytest.mark.parametrize("form", ["svg", "pdf"])
def test_a_vector_file_has_the_size_asked_for(
    form: str, tight: bool, run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with mpl.rc_context({"savefig.bbox": "tight" if tight else None}):
        (name,) = draw(capsys, run_dir, "--kind", "drift", "--size", "3.5x2", "--format", form)
    content = Path(name).read_bytes()
    if form == "svg":
        assert ElementTree.fromstring(content).attrib["viewBox"] == "0 0 252 144"
    else:
        found = re.search(rb"/MediaBox \[ ?([0-9. ]+?) ?\]", content)
        assert found is not None
        assert list(map(float, found.group(1).split())) == [0, 0, 252, 144]


def test_a_size_for_a_checkpoint_too(capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    torch.save({"conv.weight": torch.randn(5, 1, 16)}, "weights.pt")
    names = draw(capsys, "weights.pt", "--size", "2x1.5", "--dpi", "100")
    assert {decoded(name).shape for name in names} == {(150, 200, 3)}


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--size", "3.3", "'3.3' is no size; give inches across and down such as 3.3x2.2"),
        ("--size", "3..3x2", "'3..3x2' is no size"),
        ("--size", "0.2x2", "'0.2x2': give 1 to 100 inches"),
        ("--size", "nanx2", "'nanx2' is no size"),
        ("--dpi", "0", "'0' is out of range; give 20 to 2400"),
        ("--font-size", "inf", "'inf' is not a number"),
    ],
)
def test_sizes_that_cannot_be(
    option: str, value: str, words: str, run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["plot", str(run_dir), option, value])
    assert stop.value.code == 2
    assert words in capsys.readouterr().err


def test_more_pixels_than_can_be_drawn(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", str(run_dir), "--size", "50x20", "--dpi", "1200"]) == 1
    assert "a picture of 60000 x 24000 pixels is too large" in capsys.readouterr().err


def test_type_that_has_no_room(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for size, points in (("1x1", "12"), ("10x1", "20"), ("1x9", "6")):
        assert main(["plot", str(run_dir), "--size", size, "--font-size", points]) == 1
        assert "have no room for type of" in capsys.readouterr().err
    names = draw(capsys, run_dir, "--size", "1.76x1.47", "--dpi", "72")  # as little as there may be
    assert {decoded(name).shape for name in names} == {(105, 126, 3)}
