"""The Filters tab as TensorBoard finds it: a loader that cannot stop TensorBoard, and the plugin that it makes.

TensorBoard imports this module at every start, whether there are filters to show or not, and an error here would end
it. So nothing is imported before TensorBoard asks for the plugin itself, which it does under a guard of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from tensorboard.plugins import base_plugin

#: Name of the plugin, of the summaries it reads, and of its part of every URL; ``events.blob`` has the same.
NAME = "filterscope"
#: Snapshots kept of each layer, unless ``--samples_per_plugin filterscope=N`` says otherwise: a fit of 1000 epochs
#: has one more, and one of averaged weights perhaps. TensorBoard would keep 10. It holds what it keeps in memory: of
#: each layer no more than so many times 2 bytes per weight of its monitored filters, and a header of some 300 bytes.
SNAPSHOTS = 1024

_log = logging.getLogger("tensorboard")


class FiltersLoader(base_plugin.TBLoader):  # type: ignore[misc]
    """What the entry point names: raises the number of snapshots kept, then makes the plugin."""

    def fix_flags(self, flags: Any) -> None:
        """Have TensorBoard keep every epoch, before it decides how much of a run to keep.

        Args:
            flags: All flags, parsed.
        """
        try:
            flags.samples_per_plugin.setdefault(NAME, SNAPSHOTS)
        except Exception:
            _log.warning("The Filters tab may show 10 epochs only: start with --samples_per_plugin %s=0", NAME)

    def load(self, context: Any) -> base_plugin.TBPlugin | None:
        """Make the plugin.

        Args:
            context: What TensorBoard offers to plugins.

        Returns:
            The plugin; ``None`` if a second installation has it already, since two of one name stop TensorBoard.
        """
        if NAME in (context.plugin_name_to_instance or {}):
            return None
        return FiltersPlugin(context)


class FiltersPlugin(base_plugin.TBPlugin):  # type: ignore[misc]
    """The Filters tab: routes, and how TensorBoard shows it."""

    plugin_name = NAME

    def __init__(self, context: Any) -> None:
        from filterscope.tab import serve

        self._provider, self._state = context.data_provider, serve.static_state()
        self._routes = serve.routes(self._provider, self._state, context.sampling_hints or {}, context.multiplexer)

    def get_plugin_apps(self) -> dict[str, Callable[..., Any]]:
        """WSGI applications by route."""
        return dict(self._routes)

    def is_active(self) -> bool:
        """Whether a run has filters. TensorBoard looks first by itself, so that this is mostly asked in vain."""
        from tensorboard.context import RequestContext

        if self._provider is None:
            return False
        return NAME in (self._provider.list_plugins(RequestContext(), experiment_id="") or ())

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        """The tab's title, and the module that draws it."""
        return base_plugin.FrontendMetadata(es_module_path=f"/static-{self._state}/index.js", tab_name="Filters")
