"""The card where its words come from others."""

import pytest
import yaml

from headstart.sharing import hubcard


@pytest.mark.parametrize(
    ("licence", "said"),
    [
        ("Apache-2.0", ("apache-2.0", None)),
        ("See: LICENSE [v2]", ("other", "see-license-v2")),
        ("[a", ("other", "a")),
    ],
)
def test_a_licence_that_is_no_plain_yaml(licence: str, said: tuple[str, str | None]) -> None:
    about = {
        **{"task": "classification", "modality": "text", "classes": ["a", "b"]},
        **{"head": {"name": "linear"}, "strategy": "lora", "metrics": {}},
        "backbone": {"name": "minilm-l6", "licence": licence},
    }
    _, front, text = hubcard.readme(about, "me/x").split("---\n", 2)
    found = yaml.safe_load(front)
    assert (found["license"], found.get("license_name")) == said
    assert text.rstrip().endswith(licence)
