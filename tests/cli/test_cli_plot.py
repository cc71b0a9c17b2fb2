"""``filterscope plot``: which files, under which names, and that they hold the pictures they should."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from filterscope import (
    FilterHistory,
    load_history,
    plot_drift,
    plot_evolution,
    plot_overview,
    plot_response,
    plot_spectrum,
    plot_taps,
    read_filters,
)
from filterscope.cli import main
from filterscope.cli.output import stems
from filterscope.plots.kinds import LAYER_NAMES, kind
from tests.support.runs import fit, history, write_run


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fit(tmp_path_factory.mktemp("plot"))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def draw(capsys: pytest.CaptureFixture[str], *argv: object) -> list[str]:
    """Names that the command prints; each is there."""
    assert main(["plot", *map(str, argv)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert all(Path(line).is_file() for line in out.splitlines())
    return out.splitlines()


def decoded(content: str | Path | io.BytesIO) -> np.ndarray:
    with Image.open(content) as image:
        return np.asarray(image.convert("RGB"))


def png(figure: Any) -> np.ndarray:
    """A figure's pixels."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return decoded(stream)


def test_all_that_makes_sense_for_each_layer(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = draw(capsys, run_dir)
    found = [
        (layer, name)
        for layer, taps in (("conv1", 9), ("conv2", 3))
        for name in LAYER_NAMES
        if kind(name).suits(taps, 4)
    ]
    stems = [*(f"{layer}_{name}" for layer, name in found), "overview"]
    assert names == [f"filters/{stem}_epoch0003.png" for stem in stems]
    assert ("conv1", "response") in found
    assert ("conv2", "response") not in found
    assert sorted(str(path) for path in Path("filters").iterdir()) == sorted(names)
    assert {decoded(name).shape for name in names} == {(430, 900, 3)}


def test_pictures_are_those_of_the_python_functions(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded = load_history(run_dir)["conv1"]
    bank, reference = recorded.bank(2), recorded.reference
    until = FilterHistory(list(recorded)[:3], recorded.initial)
    wanted = {
        "taps": plot_taps(bank, reference=reference),
        "response": plot_response(bank, reference=reference),
        "evolution": plot_evolution(until),
        "drift": plot_drift(until),
    }
    asked = [word for name in wanted for word in ("--kind", name)]
    names = draw(capsys, run_dir, "--layer", "conv1", "--epoch", 2, "-o", "deep/er", *asked)
    assert names == [f"deep/er/conv1_{name}_epoch0002.png" for name in wanted]
    for name, figure in zip(names, wanted.values(), strict=True):
        np.testing.assert_array_equal(decoded(name), png(figure))


def test_before_training_there_is_no_history_to_draw(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = draw(capsys, run_dir, "--epoch", 0, "-o", ".")
    assert names == ["conv1_taps_epoch0000.png", "conv1_response_epoch0000.png", "conv2_taps_epoch0000.png"]
    recorded = load_history(run_dir)["conv2"]
    np.testing.assert_array_equal(decoded(names[2]), png(plot_taps(recorded[0], reference=recorded.reference)))


def test_options_of_drawing(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recorded = load_history(run_dir)["conv2"]
    options = ("--layer", "conv2", "--max-filters", 2, "--sample-rate", 50, "--channels", "l2")
    taps, response = draw(capsys, run_dir, "--kind", "taps", "--kind", "response", *options)
    bank, reference = recorded[-1], recorded.reference
    figure = plot_taps(bank, reference=reference, channels="l2", max_filters=2)
    np.testing.assert_array_equal(decoded(taps), png(figure))
    figure = plot_response(bank, reference=reference, sample_rate=50, max_filters=2)
    np.testing.assert_array_equal(decoded(response), png(figure))
    assert (decoded(response) != png(plot_response(bank, reference=reference, max_filters=2))).any()


def test_each_filter_to_its_own_scale(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (name,) = draw(capsys, run_dir, "--layer", "conv1", "--kind", "taps", "--scale", "filter")
    last = load_history(run_dir)["conv1"]
    wanted = plot_taps(last[-1], reference=last.reference, scale="filter")
    assert np.array_equal(decoded(name), png(wanted))


def test_a_logarithmic_axis_of_frequency(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--layer", "conv1", "--kind", "response", "--kind", "spectrum", "--frequency", "log")
    last = load_history(run_dir)["conv1"]
    wanted = plot_response(last[-1], reference=last.reference, frequency="log"), plot_spectrum(last, frequency="log")
    for name, figure in zip(draw(capsys, run_dir, *asked), wanted, strict=True):
        assert np.array_equal(decoded(name), png(figure))


def test_a_logarithmic_axis_of_complex_filters_is_told_to_be_none(capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"conv.weight": torch.randn(5, 1, 16, dtype=torch.complex64)}, "complex.pt")
    assert main(["plot", "complex.pt", "--frequency", "log"]) == 0
    out, err = capsys.readouterr()
    assert out.split() == ["filters/conv_taps.png"]
    assert "no response of layer 'conv': complex filters have negative frequencies" in err


def test_a_short_kernels_response_is_drawn_if_asked_for(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert draw(capsys, run_dir, "--layer", "conv2", "--kind", "response") == [
        "filters/conv2_response_epoch0003.png",
    ]


@pytest.mark.parametrize("form", ["svg", "pdf"])
def test_vector_formats(run_dir: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    (name,) = draw(capsys, run_dir, "--layer", "conv1", "--kind", "taps", "--format", form)
    assert name == f"filters/conv1_taps_epoch0003.{form}"
    content = Path(name).read_bytes()
    if form == "pdf":
        assert content.startswith(b"%PDF-")
        assert content.rstrip().endswith(b"%%EOF")
    else:
        root = ElementTree.fromstring(content)
        assert root.tag.endswith("svg")
        assert root.attrib["viewBox"] == "0 0 648 309.6"  # 900 x 430 pixels, in points


def test_a_checkpoint_without_its_model(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = run_dir.parents[1] / "weights.pt"
    names = draw(capsys, path)
    assert names == ["filters/conv1_taps.png", "filters/conv1_response.png", "filters/conv2_taps.png"]
    banks = read_filters(torch.load(path))
    np.testing.assert_array_equal(decoded(names[0]), png(plot_taps(banks["conv1"])))
    (name,) = draw(capsys, path, "--layer", "conv1", "--kind", "response", "--sample-rate", 8000)
    np.testing.assert_array_equal(decoded(name), png(plot_response(banks["conv1"], sample_rate=8000)))


def test_64_filters_of_a_checkpoint_and_all_recorded_ones_of_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    weights = np.random.default_rng(0).standard_normal((2, 70, 1, 9)).astype(np.float32)
    torch.save({"conv.weight": torch.tensor(weights[1])}, "weights.pt")
    (bank,) = read_filters({"conv": torch.tensor(weights[1]), "conv.weight": torch.tensor(weights[1])}).values()
    (name,) = draw(capsys, "weights.pt", "--kind", "taps")
    np.testing.assert_array_equal(decoded(name), png(plot_taps(bank, max_filters=64)))
    recorded = load_history(write_run(Path("run"), history("conv", weights)))["conv"]
    (name,) = draw(capsys, "run", "--kind", "taps")
    everything = plot_taps(recorded[-1], reference=recorded.reference, max_filters=None)
    np.testing.assert_array_equal(decoded(name), png(everything))


ODD = ["../../up", "/root", "a b:c*?", "a_b_c_", "..", ".hidden", "-rf", "Conv", "conv", "é" * 150, "漢字", "x" * 300,
       "x" * 299 + "y", "$x_1$", "new\nline", "CON", "a.b-c_d"]  # fmt: skip


def test_any_name_makes_a_safe_file_name(capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({f"{name}.weight": torch.randn(2, 1, 9) for name in ODD}, "odd.pt")
    names = draw(capsys, "odd.pt", "--kind", "taps", "-o", "out/here")
    assert len({name.casefold() for name in names}) == len(ODD)
    files = sorted(Path("out/here").iterdir())
    assert [str(path) for path in files] == sorted(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,110}_taps\.png", path.name) for path in files)
    assert sorted(path.name for path in Path().iterdir()) == ["odd.pt", "out"]
    assert [path.name for path in Path("out").iterdir()] == ["here"]
    assert "out/here/a.b-c_d_taps.png" in names


def test_a_files_name_does_not_depend_on_what_else_is_drawn() -> None:
    together = stems(ODD)
    for name in ODD:
        if name.casefold() != "conv":
            assert stems([name]) == {name: together[name]}
    assert stems(["encoder.conv1", "head_2"]) == {"encoder.conv1": "encoder.conv1", "head_2": "head_2"}


def test_a_figure_that_cannot_be_written_leaves_the_one_before(
    run_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = (run_dir, "--layer", "conv1", "--kind", "drift")
    (name,) = draw(capsys, *options)
    before = Path(name).read_bytes()
    assert draw(capsys, *options) == [name]
    assert Path(name).read_bytes() == before

    def fail(figure: Figure, path: Path, **_: object) -> None:
        path.write_bytes(before[:100])
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(Figure, "savefig", fail)
    assert main(["plot", *map(str, options)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"filterscope: .*: No space left on device\n", err)
    assert [path.name for path in Path("filters").iterdir()] == [Path(name).name]
    assert Path(name).read_bytes() == before


def test_the_overview_is_one_file_of_the_layers_chosen_up_to_the_moment_asked_for(
    run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (name,) = draw(capsys, run_dir, "--kind", "overview", "--epoch", 2, "-o", ".")
    assert name == "overview_epoch0002.png"
    found = load_history(run_dir)
    until = [FilterHistory(list(h)[:3], h.initial, changes=h.change()[:3].tolist()) for h in found.values()]
    assert np.array_equal(decoded(name), png(plot_overview(until)))
    (name,) = draw(capsys, run_dir, "--kind", "overview", "--layer", "conv1", "-o", ".")
    assert np.array_equal(decoded(name), png(plot_overview([found["conv1"]])))
    (name,) = draw(capsys, run_dir, "--kind", "spectrum", "--sample-rate", 8000, "-o", ".", "--layer", "conv1")
    assert np.array_equal(decoded(name), png(plot_spectrum(found["conv1"], sample_rate=8000)))


def test_an_overview_that_cannot_be_is_told(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", str(run_dir), "--kind", "overview", "--epoch", "0"]) == 1
    assert "no overview: that begins with the second snapshot" in capsys.readouterr().err


def test_another_rate_of_the_first_layer_drawn_moves_those_of_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = np.random.default_rng(0).normal(size=(3, 2, 4, 1, 9))
    rates = {"first": 100.0, "halved": 50.0, "unknown": None}
    banks = {name: history(name, each, sample_rate=rates[name]) for name, each in zip(rates, weights, strict=True)}
    write_run(tmp_path, [bank for each in banks.values() for bank in each])
    found = load_history(tmp_path)

    def drawn_at(*options: object) -> dict[str, np.ndarray]:
        names = draw(capsys, tmp_path, "--kind", "response", "-o", "at", *options)
        return {Path(name).name.partition("_")[0]: decoded(name) for name in names}

    def expected(name: str, rate: float | None) -> np.ndarray:
        return png(plot_response(found[name][-1], reference=found[name].reference, sample_rate=rate))

    drawn = drawn_at("--sample-rate", 1000)
    assert {name: np.array_equal(drawn[name], expected(name, rate)) for name, rate in
            {"first": 1000, "halved": 500, "unknown": None}.items()} == dict.fromkeys(rates, True)  # fmt: skip
    drawn = drawn_at("--sample-rate", 1000, "--layer", "halved", "--layer", "unknown")
    assert np.array_equal(drawn["halved"], expected("halved", 1000))
    # Where the first one's rate was not recorded, nothing is known of the others' share in it.
    drawn = drawn_at("--sample-rate", 7, "--layer", "unknown")
    assert np.array_equal(drawn["unknown"], expected("unknown", 7))
