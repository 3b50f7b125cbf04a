from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backbones.fake_hub import FakeHub


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A hub without repositories, that this process takes for the real one; its cache is empty."""
    with FakeHub() as made:
        template = f"{made.address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        for name, value in (
            ("ENDPOINT", made.address),
            ("HUGGINGFACE_CO_URL_TEMPLATE", template),
            ("HF_HUB_CACHE", str(tmp_path / "hub")),
        ):
            monkeypatch.setattr(f"huggingface_hub.constants.{name}", value)
        yield made
