"""Files of weights: all tensors are read and nothing is run; other kinds are told by name."""

from __future__ import annotations

import argparse
import collections
import enum
import json
import pickle
import runpy
import subprocess
import sys
import tracemalloc
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn
from torch.distributed.checkpoint import state_dict_saver

from filterscope import read_filters
from filterscope.models import unpickle
from filterscope.models.files import kind_of_directory, load_file

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
WEIGHT = torch.arange(18.0).reshape(2, 1, 9)
ZIP = {"_use_new_zipfile_serialization": True}
LEGACY = {"_use_new_zipfile_serialization": False}
FORMS = [ZIP, LEGACY, ZIP | {"pickle_protocol": 4}]


class Touch:
    """What a malicious pickle does when it is loaded."""

    def __init__(self, marker: str | Path, call: Callable[..., Any] = Path.touch) -> None:
        self.marker, self.call = marker, call

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call, (self.marker,)


class Attributes(dict[str, Any]):
    """A mapping of one's own."""


class Growing(list[Any]):
    """A list of one's own."""


class Kind(enum.Enum):
    ONE = 1


class Slots:
    __slots__ = ("size",)

    def __init__(self) -> None:
        self.size = 3


def saved(path: Path, value: Any, **options: Any) -> dict[str, Any]:
    torch.save(value, path, **options)
    return read_filters(load_file(str(path)))


@pytest.mark.parametrize("form", FORMS, ids=["zip", "legacy", "protocol 4"])
def test_objects_beside_the_tensors_are_no_obstacle(tmp_path: Path, form: dict[str, Any]) -> None:
    state = nn.Sequential(nn.Conv1d(1, 2, 9), nn.ConvTranspose1d(2, 2, 5)).state_dict()
    checkpoint = {
        "hyper_parameters": {
            "path": Path("data"),
            "options": argparse.Namespace(lr=0.1, layers=[Slots()]),
            "mapping": Attributes(a=1, b=Attributes()),
            "list": Growing([1, 2]),
            "counts": collections.Counter("abc"),
            "default": collections.defaultdict(list, a=[1]),
            "numbers": {np.float64(0.5), np.int64(3)},
            "array": np.zeros((2, 3)),
            "kind": Kind.ONE,
            Kind.ONE: 1j,
            "function": collections.OrderedDict,
            "sizes": torch.Size([1, 2]),
            "device": torch.device("cpu"),
            "names": frozenset({"a"}),
            "bytes": b"\0\1",
            "sparse": torch.eye(3).to_sparse(),
        },
        "state_dict": state,
    }
    banks = saved(tmp_path / "model.ckpt", checkpoint, **form)
    assert list(banks) == ["0", "1"]
    np.testing.assert_array_equal(banks["0"].weights, state["0.weight"].numpy())
    np.testing.assert_array_equal(banks["1"].weights, state["1.weight"].numpy())


class Subclass(torch.Tensor):
    """A tensor of a class of one's own."""


TENSORS: dict[str, Callable[[], torch.Tensor]] = {
    "float": lambda: WEIGHT,
    "parameter": lambda: nn.Parameter(WEIGHT),
    "half": lambda: WEIGHT.half(),
    "bfloat16": lambda: WEIGHT.bfloat16(),
    "float8": lambda: WEIGHT.to(torch.float8_e4m3fn),  # which has no storage of its own
    "complex": lambda: WEIGHT.to(torch.complex64),
    "view": lambda: torch.cat([WEIGHT, WEIGHT])[2:],
    "transposed": lambda: WEIGHT.reshape(2, 9, 1).transpose(1, 2),
    "quantised": lambda: torch.quantize_per_tensor(WEIGHT, 1.0, 0, torch.qint8),
    "quantised by filters": lambda: torch.quantize_per_channel(
        WEIGHT, torch.ones(2), torch.zeros(2, dtype=torch.int64), 0, torch.qint8
    ),
    "subclass": lambda: WEIGHT.as_subclass(Subclass),
}


@pytest.mark.parametrize("form", FORMS, ids=["zip", "legacy", "protocol 4"])
@pytest.mark.parametrize("kind", TENSORS)
def test_every_kind_of_tensor_is_read_beside_objects(tmp_path: Path, kind: str, form: dict[str, Any]) -> None:
    if kind == "float8" and form is LEGACY:
        pytest.skip("torch saves it in zip files only")
    banks = saved(tmp_path / "model.pt", {"conv.weight": TENSORS[kind](), "path": Path("data")}, **form)
    np.testing.assert_allclose(banks["conv"].weights.real, WEIGHT.numpy(), rtol=0.07)


def test_names_that_torch_adds_to_a_state_dict_are_kept(tmp_path: Path) -> None:
    module = nn.utils.parametrizations.weight_norm(nn.Conv1d(1, 2, 9))
    nn.utils.parametrize.register_parametrization(module, "weight", nn.Softplus())
    state = nn.ModuleDict({"conv": module}).state_dict()
    with pytest.warns(UserWarning, match="'conv': what its parametrization does"):
        assert saved(tmp_path / "model.ckpt", {"state_dict": state, "path": Path("data")}) == {}


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> type:
    """A class of a package that is there when a file is saved, and not when it is read."""
    package: Any = types.ModuleType("a_package_that_is_gone")
    kind = type("Options", (), {"__module__": package.__name__, "__qualname__": "Options"})
    package.Options = kind
    monkeypatch.setitem(sys.modules, package.__name__, package)
    return kind


@pytest.mark.parametrize("form", FORMS, ids=["zip", "legacy", "protocol 4"])
def test_a_class_that_is_not_installed_is_no_obstacle(
    tmp_path: Path, gone: type, form: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save({"state_dict": {"conv.weight": WEIGHT}, "options": gone()}, tmp_path / "model.ckpt", **form)
    monkeypatch.delitem(sys.modules, gone.__module__)
    np.testing.assert_array_equal(read_filters(load_file(str(tmp_path / "model.ckpt")))["conv"].weights, WEIGHT.numpy())


@pytest.mark.parametrize("form", FORMS, ids=["zip", "legacy", "protocol 4"])
@pytest.mark.parametrize("call", [Path.touch, subprocess.getoutput, eval, torch.load, torch.hub.load, nn.Conv1d])
def test_nothing_of_a_file_is_run(
    tmp_path: Path, call: Callable[..., Any], form: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    marker = Path("marker")
    words = {subprocess.getoutput: f"touch {marker}", eval: f"open({str(marker)!r}, 'w')"}
    checkpoint = {"x": Touch(words.get(call, marker), call), "state_dict": {"conv.weight": WEIGHT}}
    assert list(saved(tmp_path / "bad.ckpt", checkpoint, **form)) == ["conv"]
    assert [path.name for path in tmp_path.iterdir()] == ["bad.ckpt"]  # nor does torch.load write a patch


def test_a_module_that_a_file_names_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a_module_that_tells.py").write_text(f"open({str(tmp_path / 'marker')!r}, 'w')\ndef f(x): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    names: Any = types.ModuleType("a_module_that_tells")
    names.f = types.FunctionType((lambda x: x).__code__, {}, "f")
    names.f.__module__, names.f.__qualname__ = names.__name__, "f"
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, names.__name__, names)
        torch.save({"x": Touch(tmp_path, names.f), "conv.weight": WEIGHT}, tmp_path / "bad.ckpt")
    assert list(read_filters(load_file(str(tmp_path / "bad.ckpt")))) == ["conv"]
    assert names.__name__ not in sys.modules
    assert not (tmp_path / "marker").exists()


def victim() -> None:
    """A function that a file changes, where names in files are looked up."""


def changing(target: str) -> bytes:
    """A pickle that gives what a name stands for another attribute, without a call."""
    return b"\x80\x02c" + target.encode() + b"\nN}X\x07\0\0\0changedK\x01s\x86b."


@pytest.mark.parametrize(
    "target",
    [
        "torch._utils\n_rebuild_tensor_v2",
        "torch._utils\n_rebuild_parameter",
        "torch.storage\nUntypedStorage",
        "torch\nTensor",
        "torch\nfloat32",
        "filterscope.models.unpickle\nStandIn",
        f"{__name__}\nvictim",
    ],
)
def test_nothing_that_a_file_names_is_changed(tmp_path: Path, target: str) -> None:
    pickle.loads(changing(f"{__name__}\nvictim"))
    assert vars(victim).pop("changed") == 1  # so it is done
    with (tmp_path / "bad.pt").open("wb") as file:
        for head in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):  # as torch.save wrote before zip files
            pickle.dump(head, file, protocol=2)
        file.write(changing(target) + pickle.dumps([], protocol=2))
    with pytest.raises(ValueError, match=r"holds|neither a checkpoint"):
        load_file(str(tmp_path / "bad.pt"))
    module, _, name = target.partition("\n")
    assert not hasattr(getattr(sys.modules[module], name), "changed")
    assert not any(hasattr(ours, "changed") for ours in vars(unpickle).values())


def test_weights_inside_objects_are_refused_with_the_reason(tmp_path: Path) -> None:
    for value in (nn.Conv1d(1, 2, 9), {"model": nn.Conv1d(1, 2, 9), "epoch": 3}, {"model": {"a": nn.Linear(1, 1)}}):
        torch.save(value, tmp_path / "model.pt")
        with pytest.raises(ValueError, match=r"Python objects, such as a whole model.*torch\.save its state_dict"):
            load_file(str(tmp_path / "model.pt"))


def test_a_weight_that_is_an_object_is_left_out_and_said(tmp_path: Path) -> None:
    state = {"conv.weight": np.zeros((2, 1, 9)), "last.weight": WEIGHT}
    with pytest.warns(UserWarning, match="'conv': it is stored as an object"):
        assert list(saved(tmp_path / "model.pt", state)) == ["last"]


def shard(path: Path) -> Path:
    state_dict_saver.save({"state_dict": {"conv.weight": WEIGHT}}, checkpoint_id=path, no_dist=True)
    return path


def index(path: Path) -> Path:
    path.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": {"conv.weight": "model-1.safetensors"}}))
    return path


def scripted(path: Path) -> Path:
    torch.jit.save(torch.jit.script(nn.Conv1d(1, 2, 9)), path)
    return path


def tensors(path: Path) -> Path:
    safetensors.torch.save_file({"conv.weight": WEIGHT}, path)
    return path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (scripted, r"a TorchScript archive; .*torch\.jit\.load\('.*/weights'\)"),
        (tensors, r"a file of safetensors; .*safetensors\.torch\.load_file\('.*/weights'\)"),
        (index, "an index of files of weights; give one of these"),
        (lambda path: next(shard(path).glob("*.distcp")), "a part of a sharded checkpoint; .*dcp_to_torch .*/weights "),
        (lambda path: shard(path) / ".metadata", "a part of a sharded checkpoint; .*dcp_to_torch .*/weights "),
    ],
)
def test_other_kinds_of_files_are_told_with_what_makes_one_that_can_be_read(
    tmp_path: Path, make: Callable[[Path], Path], words: str
) -> None:
    with pytest.raises(ValueError, match=f"^is {words}"):
        load_file(str(make(tmp_path / "weights")))


def test_what_is_told_of_them_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for make in (scripted, tensors):
        with pytest.raises(ValueError, match="can be read") as told:
            load_file(str(make(tmp_path / "weights")))
        exec(str(told.value).partition("can be read: ")[2], {"torch": torch, "safetensors": safetensors})
        ((_, bank),) = read_filters(load_file("weights.pt")).items()
        assert bank.weights.shape == (2, 1, 9)


def test_a_sharded_checkpoint_is_told_with_what_makes_a_file_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = kind_of_directory(str(shard(tmp_path / "sharded")))
    assert kind
    module, *argv = kind.partition("can be read: python -m ")[2].split()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [module, *argv])
    monkeypatch.delitem(sys.modules, module, raising=False)
    runpy.run_module(module, run_name="__main__")
    np.testing.assert_array_equal(read_filters(load_file("weights.pt"))["conv"].weights, WEIGHT.numpy())


def test_directories_of_weights_and_others(tmp_path: Path) -> None:
    assert kind_of_directory(str(tmp_path)) is None
    (tmp_path / "model-00001-of-00002.safetensors").touch()
    assert kind_of_directory(str(tmp_path)) == "a directory with files of weights; give one of them"
    (tmp_path / "zero_to_fp32.py").touch()
    assert f"python {tmp_path}/zero_to_fp32.py {tmp_path} ." in str(kind_of_directory(str(tmp_path)))


def test_a_number_that_a_file_claims_takes_no_memory(tmp_path: Path) -> None:
    """C's unpickler makes room for as many objects as a file says that it will number."""
    path = tmp_path / "claims.ckpt"
    torch.save({"conv.weight": torch.randn(2, 1, 3)}, path)
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in held if name.endswith("data.pkl"))
    refused = b"cno_such\nthing\n0"
    held[name] = held[name][:2] + refused + b"Nr" + (2**27).to_bytes(4, "little") + b"0" + held[name][2:]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for each, content in held.items():
            archive.writestr(each, content)
    tracemalloc.start()
    try:
        assert list(read_filters(load_file(str(path)))) == ["conv"]
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
