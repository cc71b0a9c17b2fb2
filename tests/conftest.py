"""What every test needs."""

from __future__ import annotations

import pytest
import torch

#: Modules beside the tests that assert: their failures too show the values compared.
pytest.register_assert_rewrite(
    *(
        f"tests.{name}"
        for name in ("faults", "fuzz_watch", "histories", "lifecycles", "pictures", "resumes", "tab_fixtures")
    )
)


@pytest.fixture(autouse=True, scope="session")
def _one_torch_thread() -> None:
    """Tiny fits are many times faster without threads that wait for one another."""
    torch.set_num_threads(1)
