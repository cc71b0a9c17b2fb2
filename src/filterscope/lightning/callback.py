"""The Lightning callback."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import pytorch_lightning
import torch
from pytorch_lightning.utilities.exceptions import MisconfigurationException
from pytorch_lightning.utilities.rank_zero import rank_zero_info, rank_zero_warn
from typing_extensions import override

from filterscope.lightning import loggers
from filterscope.lightning.trainer import (
    advised_steps,
    current_step,
    epochs_planned,
    is_last_batch,
    step_of_batch,
    steps_planned,
)
from filterscope.plots.kinds import NAMES, PlotName
from filterscope.recording.observation import hindrance
from filterscope.recording.reading import check_layers
from filterscope.recording.resume import seen_names
from filterscope.recording.session import Session
from filterscope.recording.settings import Settings

if TYPE_CHECKING:
    from pytorch_lightning import Callback as _Callback
else:
    _BASES = [pytorch_lightning.Callback]
    try:
        from lightning.pytorch import Callback as _LightningCallback

        _BASES.append(_LightningCallback)
    except ImportError:
        pass

    class _Callback(*_BASES):
        """A callback for Trainers of both ``pytorch_lightning`` and ``lightning.pytorch``, where both are there."""


class Conv1dFilterMonitor(_Callback):
    """Logs the 1-D convolution filters of a model to TensorBoard, from initialisation to the end of training.

    At every snapshot a histogram and a few scalars per layer; at milestones images: the filters over their taps, their
    frequency response, what the layer passes as a whole, their evolution over the epochs and their drift from
    initialisation, and an overview of all layers. Monitored are ``Conv1d``, ``ConvTranspose1d``, their subclasses, and
    ``Conv2d`` whose kernel is ``(K, 1)`` or ``(1, K)``; and what the first training batch, observed while it runs,
    convolves with otherwise: kernels made in a ``forward`` (sinc, Gabor, weight standardisation, masks) and functional
    calls, under the name of the module that makes them, with ``#0``, ``#1`` where it makes several. Such kernels are
    read by running their module's ``forward`` alone, in evaluation mode, as far as the convolution. Those that do not
    learn are recorded if ``layers`` names them.

    Training is bit-identical with and without the callback, and no fault in drawing or writing ends it.

    A snapshot shows the weights when Lightning calls the monitor: after callbacks listed before it, and before those
    listed after it and the module's own hook of that name. What changes weights at an epoch's end (pruning, a bound on
    norms) is in that epoch's snapshot if it is a callback listed before the monitor: list the monitor last, and move
    such work of the module's own ``on_train_epoch_end`` into a callback, or into its ``on_train_batch_end``.

    Args:
        layers: Layers to monitor: a glob on the dotted name, or several. ``*`` crosses dots; ``conv1`` is not
            ``conv10``. ``None``: every layer with more than one tap that learns. ``"*"`` adds all others.
        every_n_epochs: Epochs between snapshots. The initial and the final weights are always logged.
        plot_every_n_epochs: Epochs between images. ``None``: the initial, the final, and at most eight epochs
            between, as many as TensorBoard shows of a card. Fewer where all images of a fit would be more than 400,
            unless this or ``layers`` is given.
        plots: Which images to log: names of pictures, and functions of your own ``(bank, *, reference) -> Figure``,
            given the monitored filters as :class:`filterscope.FilterBank`, now and at first; ``()`` for none. Functions
            run on another thread than training: they must leave global random streams alone, and should make their
            figure without pyplot (``matplotlib.figure.Figure``). Their ``__name__`` becomes the card's.
        channels: How images show a filter's input channels: ``"all"``, or reduced by ``"sum"``, ``"mean"``,
            ``"max"``, ``"l2"`` or ``"principal"`` (best rank-one shape); ``"logo"`` stacks them as the letters of
            ``channel_names``. ``"auto"``: a logo where names are letters, else all up to 8, principal above.
        max_filters: Filters that images show and raw filters hold, the lowest-numbered ones; ``None`` for all.
            Histograms and scalars always cover the whole layer.
        save_filters: Whether to keep the filters of every snapshot, 2 bytes per weight, for the Filters tab,
            :func:`filterscope.load_history`, the command line, and for resuming.
        sample_rate: Samples per second (Hz) of the signal that the model's first convolution meets: the rates of all
            layers follow from it, where strides and pooling tell them for sure, and are unknown elsewhere. A mapping
            of globs gives layers' own, as in ``{"stem.*": 16000}``.
        tag: First segment of every TensorBoard tag. Several monitors need different ones.
        every_n_train_steps: Steps between snapshots within epochs, beside those at epochs' ends: for streams, endless
            data and long epochs. Counted as on TensorBoard's axis: batches that stepped, whatever the number of
            optimisers. Steps are then the axis of time.
        channel_names: Names of the input channels of the model's first layer, such as ``["Fz", "Cz"]``, or a string
            with a letter for each, ``"ACGT"``; a mapping of globs names other layers' channels, as in
            ``{"stem.*": "ACGT"}``. Where names are capital letters, taps are drawn as sequence logos, and there is no
            frequency response.
        scale: Of the picture of the taps. ``"layer"``: all filters to one, which a few large ones cannot flatten.
            ``"filter"``: each to its own, its norm above.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument has a value that cannot work; at the start of training, a glob matches neither a layer
            nor a module that may turn out to be one, or there are not as many ``channel_names`` as channels.
        MisconfigurationException: At the start of training, the Trainer has no logger, or another monitor has the
            same ``tag``.

    Example:
        >>> from pytorch_lightning import Trainer
        >>> from filterscope import Conv1dFilterMonitor
        >>> trainer = Trainer(callbacks=[Conv1dFilterMonitor()])  # doctest: +SKIP
    """

    def __init__(
        self,
        layers: str | Sequence[str] | None = None,
        every_n_epochs: int = 1,
        plot_every_n_epochs: int | None = None,
        plots: Sequence[PlotName | Callable[..., Any]] = NAMES,
        channels: Literal["auto", "all", "sum", "mean", "max", "l2", "principal", "logo"] = "auto",
        max_filters: int | None = 64,
        save_filters: bool = True,
        sample_rate: float | Mapping[str, float] | None = None,
        tag: str = "filters",
        *,
        every_n_train_steps: int | None = None,
        channel_names: str | Sequence[str] | Mapping[str, str | Sequence[str]] | None = None,
        scale: Literal["layer", "filter"] = "layer",
    ) -> None:
        self.settings = Settings(
            layers, every_n_epochs, plot_every_n_epochs, plots, channels, max_filters, save_filters, sample_rate, tag,
            every_n_train_steps, channel_names, scale,
        )  # fmt: skip
        self._session: Session | None = None
        self._is_started = False  # whether the session is of this fit, and not of one before
        self._is_under_way = False  # whether a batch of this fit has begun
        self._step: int | None = None  # of the last batch that stepped
        self._state: Mapping[str, Any] | None = None

    @property
    @override
    def state_key(self) -> str:
        return str(self._generate_state_key(tag=self.settings.tag))

    def __getstate__(self) -> dict[str, Any]:
        """Settings only: threads and writers stay in the process that made them."""
        return self.__dict__ | {"_session": None}

    @override
    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        _require_trainer(trainer)
        self._require_own_tag(trainer)
        self._is_started = False

    @override
    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self._start(trainer, pl_module)
        if (session := self._session) is not None:
            self._is_under_way, self._step = False, None
            with session.faults.harmless("start"):
                session.plan(epochs_planned(trainer), steps_planned(trainer))
                if trainer.global_step == 0:
                    session.tell_superseded()
                    session.begin(trainer.model)
                if session.writes and self.settings.every_n_train_steps is None:
                    _advise(advised_steps(trainer))

    def _start(self, trainer: Any, pl_module: Any) -> None:
        """A session for this fit, once all hooks before the training have made their layers."""
        checkpoint = trainer.ckpt_path or ""
        state = self._state if checkpoint else None
        # Before a directory is made.
        unobserved = hindrance(trainer.model)
        check_layers(pl_module, self.settings, seen_names(state or {}), unobserved is None)
        writers = loggers.writers(trainer, state)
        before = self._session
        if before is not None and (not trainer.global_step or trainer.ckpt_path or not before.is_of(pl_module)):
            before = None  # a new fit, or weights from elsewhere
        say = rank_zero_info
        session = Session(self.settings, writers, pl_module, before, state, checkpoint, say, unobserved)
        # Rank 0 alone has writers; all ranks must agree whether the model is read.
        self._session, self._is_started = session if trainer.strategy.broadcast(bool(writers)) else None, True

    @override
    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if (session := self._session) is not None:
            if not self._is_under_way:
                self._is_under_way = True
                with session.faults.harmless("resume"):
                    if trainer.global_step > 0:  # only now does Lightning tell the step of a resume within an epoch
                        session.resume(trainer.model, trainer.current_epoch, current_step(trainer))
            session.draw_waiting()
            session.intake.watch(trainer.model)

    @override
    def on_before_backward(self, trainer: Any, pl_module: Any, loss: Any) -> None:
        if self._session is not None:
            self._session.intake.watched(trainer.model)

    @override
    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        if self._session is not None:  # who goes backward without Lightning steps with it
            self._session.intake.watched(trainer.model)

    @override
    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        every, session = self.settings.every_n_train_steps, self._session
        if session is None:
            return
        session.intake.watched(trainer.model)
        with session.faults.harmless("batch"):
            step = step_of_batch(trainer)
            if step is None or step == self._step:
                return
            is_first, self._step = self._step is None, step
            if every is None:
                return
            if is_first:  # optimisers per batch are known from the first one on
                session.plan(epochs_planned(trainer), steps_planned(trainer))
            epoch = trainer.current_epoch
            if step % every == 0 and not (is_last_batch(trainer) and session.is_due(epoch + 1)):
                session.end_batch(trainer.model, epoch, step)

    @override
    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        if (session := self._session) is not None and self._is_under_way:  # else an end that a checkpoint replays
            with session.faults.harmless("epoch"):
                session.end_epoch(trainer.model, trainer.current_epoch + 1, current_step(trainer))

    @override
    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        if self._session is not None:
            self._session.end_training(trainer.model)

    @override
    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        if self._session is not None and self._is_started:
            self._session.finish(trainer.model)
            loggers.release(trainer)

    @override
    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        if self._session is not None:
            self._session.intake.unwatch()

    @override
    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        if self._session is not None and self._is_started:
            session = self._session
            epoch, step, model = 0, 0, None
            with session.faults.harmless("end"):
                if trainer.world_size == 1 and self._is_under_way and not _is_of_device(exception):
                    # Lightning counts a batch after the validation that may follow it.
                    step = max(current_step(trainer), self._step or 0)
                    epoch, model = trainer.current_epoch, trainer.model
            session.fail(model, epoch, step)
            loggers.release(trainer)

    def on_after_setup(self, fabric: Any, module: Any) -> None:
        """Fabric calls this when it takes in a model: it has no epochs of its own, and calls no hook of ours."""
        _require_trainer(fabric)

    # Not state_dict: Lightning would refuse two monitors of one tag before we can say what works.
    @override
    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        if self._session is not None and (state := self._session.state()):
            checkpoint.setdefault("callbacks", {})[self.state_key] = state

    @override
    def on_load_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        self._state = checkpoint.get("callbacks", {}).get(self.state_key)

    def _require_own_tag(self, trainer: Any) -> None:
        monitors = [each for each in trainer.callbacks if isinstance(each, Conv1dFilterMonitor)]
        if sum(each.settings.tag == self.settings.tag for each in monitors) > 1:
            raise MisconfigurationException(
                f"two Conv1dFilterMonitors log under tag={self.settings.tag!r}; give each its own, e.g. "
                f"tag='{self.settings.tag}_2'"
            )


def _require_trainer(trainer: Any) -> None:
    if not hasattr(trainer, "fit_loop"):
        raise MisconfigurationException(
            f"Conv1dFilterMonitor is for a Trainer, and this is a {type(trainer).__name__}; in a loop of your own use "
            "recorder = filterscope.FilterRecorder(model, log_dir), and recorder.snapshot(epoch) after every epoch"
        )


def _advise(steps: int | None) -> None:
    """One warning where epochs' ends would give no history."""
    if steps is not None:
        rank_zero_warn(
            "filterscope takes snapshots at epochs' ends, and this fit has no end of an epoch before its own: give "
            f"Conv1dFilterMonitor(every_n_train_steps={steps}) for snapshots within the epoch"
        )


def _is_of_device(error: BaseException) -> bool:
    """Whether a device may have gone with an error: what it holds cannot be read then, and to ask could hang."""
    return "CUDA error" in str(error) or isinstance(error, getattr(torch, "AcceleratorError", ()))
