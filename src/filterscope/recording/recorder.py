"""Records a model's filters from any training loop, on the engine that the Lightning callback uses."""

from __future__ import annotations

import atexit
import os
import threading
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal

import torch.distributed
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from filterscope.filters.checks import check_count, check_position, given
from filterscope.filters.words import plural
from filterscope.models.layers import unwrapped
from filterscope.models.observe import observe
from filterscope.plots.kinds import NAMES, PlotName
from filterscope.recording.intake import Intake
from filterscope.recording.observation import Observation, hindrance, observation
from filterscope.recording.reading import check_layers
from filterscope.recording.resume import Past, canonical, recorded_before
from filterscope.recording.session import Session
from filterscope.recording.settings import Settings


class FilterRecorder:
    """Records the 1-D convolution filters of a model as any loop trains it, for TensorBoard and its Filters tab.

    What :class:`filterscope.Conv1dFilterMonitor` logs in a Trainer, this logs wherever you call it: the same cards,
    raw filters, history and command. The calling thread copies the weights, no more; a thread of ours computes, draws
    and writes. Training is bit-identical with and without it, and no fault in drawing or writing ends it.

    In distributed training all ranks may call all of it: rank 0 alone writes, and sharded models need every rank.
    Models wrapped by DDP, FSDP, ``torch.compile`` or Fabric are read under their own names.

    Args:
        model: The model that is trained, wrapped or not.
        writer: A ``SummaryWriter``, which stays open, or a directory, for which one is made and closed at the end.
        inputs: One example batch, as for :func:`filterscope.read_filters`: it is run through the model once, when
            the recorder is made, to see all that convolves. Without, the model's next forward in training is observed.
        total: How many snapshots are planned, the initial one included. Images are logged at the first, the last, and
            at most eight geometrically spaced ones between; without it at powers of four.
        layers: As in :class:`filterscope.Conv1dFilterMonitor`, and so are all that follow.
        plots: Which images to log.
        channels: How images show a filter's input channels.
        max_filters: Filters that images show and raw filters hold.
        save_filters: Whether to keep the filters of every snapshot.
        sample_rate: Samples per second (Hz) of the signal that the first convolution meets, or a mapping of globs to
            layers' own.
        tag: First segment of every TensorBoard tag. Several recorders of one directory need different ones.
        channel_names: Names of the input channels.
        scale: Of the picture of the taps: ``"layer"`` or ``"filter"``.

    Raises:
        TypeError: An argument is of the wrong type, such as a ``writer`` that is neither of the two.
        ValueError: An argument has a value that cannot work; a glob matches no layer; there are not as many
            ``channel_names`` as channels.

    Example:
        >>> import filterscope
        >>> with filterscope.FilterRecorder(model, "runs/plain", total=61) as recorder:  # doctest: +SKIP
        ...     recorder.snapshot(0)
        ...     for epoch in range(60):
        ...         train_one_epoch(model)
        ...         recorder.snapshot(epoch + 1)
    """

    def __init__(
        self,
        model: nn.Module,
        writer: SummaryWriter | str | os.PathLike[str],
        *,
        inputs: Tensor | tuple[Any, ...] | Mapping[str, Any] | None = None,
        total: int | None = None,
        layers: str | Sequence[str] | None = None,
        plots: Sequence[PlotName | Callable[..., Any]] = NAMES,
        channels: Literal["auto", "all", "sum", "mean", "max", "l2", "principal", "logo"] = "auto",
        max_filters: int | None = 64,
        save_filters: bool = True,
        sample_rate: float | Mapping[str, float] | None = None,
        tag: str = "filters",
        channel_names: str | Sequence[str] | Mapping[str, str | Sequence[str]] | None = None,
        scale: Literal["layer", "filter"] = "layer",
    ) -> None:
        if not isinstance(model, nn.Module):
            raise TypeError(f"model must be a torch module, got {given(model)}")
        if not isinstance(writer, SummaryWriter | str | os.PathLike):
            raise TypeError(f"writer must be a torch SummaryWriter or a directory, got {given(writer)}")
        if not isinstance(writer, SummaryWriter) and (not os.fspath(writer) or os.path.isfile(writer)):
            raise ValueError(f"writer={os.fspath(writer)!r} is no directory; give one such as 'runs/mine'")
        if total is not None:
            check_count("total", total, ", or None if that is not known")
        self._settings = Settings(
            layers, plots=plots, channels=channels, max_filters=max_filters, save_filters=save_filters,
            sample_rate=sample_rate, tag=tag, channel_names=channel_names, scale=scale,
        )  # fmt: skip
        self._unobserved = hindrance(model)
        check_layers(model, self._settings, waits=self._unobserved is None)
        self._observed: Observation | None = None
        self._forward: _NextForward | None = None  # what sees the next one, while that is to be seen
        if inputs is not None and _rank() == 0:
            if self._unobserved is not None:
                raise ValueError(f"inputs cannot be run through this model: {self._unobserved}; leave them out")
            self._observed = observation(model, self._settings, observe(model, inputs, gradients=True))
        self._model = model
        # A relative directory is that of now: TensorBoard's writer would follow each change of the working directory.
        self._writer = writer if isinstance(writer, SummaryWriter) else canonical(os.fspath(writer))
        self._planned = None if total is None else total - 1  # after the initial one
        self._own: SummaryWriter | None = None
        self._session: Session | None = None
        self._abandoned: weakref.finalize[..., FilterRecorder] | None = None  # what to do if nobody closes us
        self._last: tuple[int, int] | None = None  # epoch and step of the last snapshot
        self._is_within = False  # whether that was taken within its epoch
        self._count = 0  # snapshots so far, those of a record that went on included
        self._is_closed = self._is_broken = False

    def snapshot(self, epoch: int, step: int | None = None) -> None:
        """Record the weights as they are.

        Epoch 0 without a step, or at step 0, begins a record, which supersedes an older one in the same directory:
        further snapshots within epoch 0 need a step. A first snapshot at any other moment goes on from what the
        directory holds of earlier steps (without a step: of earlier epochs), initial filters and history included.

        Args:
            epoch: Epochs completed: 0 is before training. Where it is the same as at the snapshot before, this one is
                taken within an epoch, and steps become the axis of time.
            step: Position on TensorBoard's step axis, which rises; an epoch may end at the step of the last snapshot
                within it. Default: one more than the last.

        Raises:
            TypeError: Not integers.
            ValueError: Below 0; or ``epoch`` or ``step`` goes backwards, in the directory too.
            RuntimeError: The recorder is closed.
        """
        epoch = check_position("epoch", epoch)
        step = step if step is None else check_position("step", step)
        if self._is_closed:
            raise RuntimeError("this FilterRecorder is closed; make another one, which goes on where it ended")
        begins = epoch == 0 and not step
        if self._last is not None and not begins:
            if (epoch > self._last[0], step, self._is_within) == (True, self._last[1], True):
                self._last, self._is_within = (epoch, self._last[1]), False
                self._current(anew=False).end_last(self._model, *self._last)
                return
            step = self._checked(epoch, step, *self._last)
        session, past = self._current(anew=begins), None
        if begins:
            step, self._count = 0, 0
            session.tell_superseded()
        elif self._last is None and session.writes:
            past = self._known(session, epoch, step)
        if self._last is None and session.writes:
            self._tell_beside(session)
            _OPEN.add(self)
        before = self._last[0] if self._last is not None else _last_epoch(past)
        if step is None:
            step = max((layer.last_step for layer in (past or {}).values()), default=-1) + 1
        self._is_within = not begins and before is not None and epoch == before
        self._last = epoch, step
        if begins:
            session.begin(self._model)
        else:
            session.snapshot(self._model, epoch, step, self._count, self._is_within, past)
        self._count += 1
        if session.intake.is_watching and self._forward is None:
            self._forward = _NextForward(session.intake, self._model)
        if self._abandoned is None:
            self._abandoned = weakref.finalize(self, _end, session, self._own, os.getpid())
            atexit.register(self._abandoned)  # after the thread's own ending, and so done before it

    def close(self) -> None:
        """Draw the last snapshot as the final one, and write everything; nothing more can be recorded then."""
        self._finish(lambda session: session.finish())

    def __getstate__(self) -> dict[str, Any]:
        """A copy, as of a model that holds its recorder, has files and threads of its own, if it records at all."""
        where = self._writer.log_dir if isinstance(self._writer, SummaryWriter) else self._writer
        nothing = dict.fromkeys(("_session", "_forward", "_observed", "_own", "_abandoned", "_last"))
        return self.__dict__ | nothing | {"_writer": where, "_count": 0}

    def __enter__(self) -> FilterRecorder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Close. After an exception the last snapshot is drawn too, but not called the final one."""
        if kind is None:
            self.close()
        else:
            self._finish(lambda session: session.fail())

    def _checked(self, epoch: int, step: int | None, last_epoch: int, last_step: int) -> int:
        if epoch < last_epoch:
            raise ValueError(f"epoch={epoch} comes after epoch {last_epoch}; snapshot(0) would begin a new record")
        if step is not None and step <= last_step:
            words = f"is that of epoch {last_epoch}" if step == last_step else f"comes after step {last_step}"
            raise ValueError(f"step={step} {words}; steps must rise, or be left out")
        return last_step + 1 if step is None else step

    def _tell_beside(self, session: Session) -> None:
        """Warn if another one that is open records in the same place: what the files hold then is of both."""
        tag, where = self._settings.tag, os.path.abspath(session.directory)
        others = [each._session for each in list(_OPEN) if each is not self and each._settings.tag == tag]
        if any(other is not None and os.path.abspath(other.directory) == where for other in others):
            session.faults.report(
                "beside",
                f"filterscope: another FilterRecorder that is not closed records under tag={tag!r} in "
                f"{session.directory}, and what both write there is mixed: give each its own, e.g. tag='{tag}_2'",
            )

    def _known(self, session: Session, epoch: int, step: int | None) -> Mapping[str, Past]:
        """What the directory holds from before a first snapshot."""
        past: Mapping[str, Past] = {}
        with session.faults.harmless("history"):
            past, self._count, given_up = recorded_before(session.directory, self._settings.tag, epoch, step)
            if given_up:
                session.faults.report(
                    "superseded",
                    f"filterscope: {session.directory} holds {plural(given_up, 'snapshot')} that this one of epoch "
                    f"{epoch} supersedes; to go on after them, count epochs on, or give step=",
                )
        last = _last_epoch(past)
        if last is not None and epoch < last:
            raise ValueError(
                f"epoch={epoch} comes after epoch {last}, which {session.directory} holds; count epochs on"
            )
        return past

    def _current(self, anew: bool) -> Session:
        """The session to record with. The rank is looked up each time: processes may be joined at any moment."""
        try:
            return self._opened(anew)
        except Exception as error:
            self._is_broken = True
            reason = f"{type(error).__name__}: {error}"
            warnings.warn(f"filterscope cannot record ({reason}); training goes on", RuntimeWarning, stacklevel=3)
        return self._opened(anew)  # without files, but with its part in reading a sharded model

    def _opened(self, anew: bool) -> Session:
        is_first = _rank() == 0 and not self._is_broken
        if self._session is not None:
            if not anew and (is_first or not self._session.writes):
                return self._session
            self._session.close()
            self._forget()
        if is_first and self._own is None and not isinstance(self._writer, SummaryWriter):
            self._own = SummaryWriter(self._writer)
        writers = [each for each in (self._own or self._writer,) if isinstance(each, SummaryWriter)] if is_first else []
        seen = self._observed
        self._session = Session(self._settings, writers, self._model, unobserved=self._unobserved, observed=seen)
        self._session.plan(self._planned)
        return self._session

    def _finish(self, how: Callable[[Session], None]) -> None:
        self._is_closed = True
        _OPEN.discard(self)
        if self._session is not None:
            how(self._session)  # if Ctrl-C cuts it short, the rest is done at exit
            self._forget()
        if self._own is not None:
            self._own.close()

    def _forget(self) -> None:
        if self._forward is not None:
            self._forward.remove()
            self._forward = None
        if self._abandoned is not None:
            self._abandoned.detach()
            atexit.unregister(self._abandoned)
            self._abandoned = None


#: Recorders that have begun and are not closed.
_OPEN: weakref.WeakSet[FilterRecorder] = weakref.WeakSet()


class _NextForward:
    """Lets an intake see the next forward of a model in training; a copy of it, as in a copy of the model, does not."""

    def __init__(self, intake: Intake | None = None, model: nn.Module | None = None) -> None:
        self._intake, self._handles = intake, []
        if model is not None:
            root = unwrapped(model)
            self._handles = [
                root.register_forward_pre_hook(self._before, with_kwargs=True),
                root.register_forward_hook(self._after, always_call=True),
            ]

    def __reduce__(self) -> tuple[type[_NextForward], tuple[()]]:
        return _NextForward, ()

    def _before(self, model: nn.Module, args: Any, kwargs: Any) -> None:
        if self._intake is not None and model.training and not torch.compiler.is_compiling():
            self._intake.watch(model, args, kwargs)

    def _after(self, model: nn.Module, args: Any, output: Any) -> None:
        if self._intake is None or not model.training or torch.compiler.is_compiling():
            return
        if output is None:  # it raised
            self._intake.unwatch(for_good=False)
        else:
            self._intake.watched(model)
        if not self._intake.is_watching:
            self.remove()

    def remove(self) -> None:
        """See nothing more."""
        for handle in self._handles:
            handle.remove()


def _end(session: Session, own: SummaryWriter | None, process: int) -> None:
    """The recorder was given up, or the process ends: draw its last snapshot, write everything."""
    if os.getpid() != process:
        return  # a fork of it ends: the files are its parent's
    if session.is_on_its_thread():  # which collected garbage
        threading.Thread(target=_end, args=(session, own, process)).start()
        return
    session.fail(mark="")
    if own is not None:
        own.close()


def _last_epoch(past: Mapping[str, Past] | None) -> int | None:
    """Epochs completed at the last snapshot that is known."""
    return max((layer.snapshots[-1][0].epoch or 0 for layer in (past or {}).values()), default=None)


def _rank() -> int:
    is_distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_rank() if is_distributed else 0
