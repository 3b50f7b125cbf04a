"""What of a report others may see: figures, and nothing that is not known to be one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.backbones import UNNAMED, public_name
from headstart.sharing import public

REPORT = {
    "dataset": "/home/me/patients",
    "backbone": "/home/me/net",
    "task": "classification",
    "rungs": [{"strategy": "lora", "why": "because of smith.jpg"}],
    "findings": [{"kind": "leaks", "message": "smith.jpg", "items": [{"name": "smith.jpg"}]}],
    "skipped": [{"item": "smith.jpg", "reason": "torn"}],
    "warnings": ["smith.jpg"],
    "notes": ["smith.jpg"],
    "near_duplicates": {"pairs": 1, "examples": [{"items": ["smith.jpg"]}]},
    "sample": {"prompt": "Dear smith.jpg", "text": "smith.jpg"},
    "model": "/home/me/model",
    "options": {"test": "/home/me/test"},
    "next_steps": [{"command": "headstart predict /home/me/model"}],
    "backbone_facts": {"parameters": 3, "stages": ["/home/me/net"]},
}


def test_a_report_keeps_its_keys_and_no_name() -> None:
    made = public.report(REPORT, examples=False)
    assert list(made) == list(REPORT)
    assert "smith" not in str(made)
    assert "/home" not in str(made)
    assert made["near_duplicates"]["pairs"] == 1
    assert made["backbone_facts"] == {"parameters": 3}


def test_with_examples_the_paths_of_the_machine_stay_all_the_same() -> None:
    made = public.report(REPORT, examples=True)
    assert list(made) == list(REPORT)
    assert made["skipped"] == REPORT["skipped"]
    assert made["dataset"] == "patients"
    assert "/home" not in str(made)


@given(st.dictionaries(st.text(), st.text(), max_size=4))
def test_what_a_later_version_adds_to_a_report_is_not_shown(more: dict[str, str]) -> None:
    known = {*REPORT, *public._REPORTED}
    added = {f"new {key}": each for key, each in more.items()}
    made = public.report({**REPORT, **added}, examples=False)
    assert set(made) <= known
    for key in ("rungs", "findings"):
        deeper = public.report({**REPORT, key: [{**REPORT[key][0], **added}]}, examples=False)
        assert not set(deeper[key][0]) & set(added)


@pytest.mark.parametrize("name", ["efficientnet-lite0", "hf:me/net@v1", "timm:resnet18.a1_in1k"])
def test_names_that_anybody_may_know(name: str) -> None:
    assert public_name(name) == name


@pytest.mark.parametrize("name", ["/home/me/net", "me/net", "efficientnet-lite0@w.pth", "timm:a@b"])
def test_names_that_may_be_files(name: str) -> None:
    assert public_name(name) == UNNAMED


def test_a_configuration_forgets_where_it_was_read_from() -> None:
    made = public.configuration('{"_name_or_path": "/home/me/net", "n_embd": 32}')
    assert "/home" not in made
    assert '"n_embd": 32' in made
    deep = '{"text": {"_name_or_path": "/home/me/net"}, "tokenizer_file": "/home/me/t.json"}'
    assert "/home" not in public.configuration(deep)
    with pytest.raises(ValueError, match="no JSON object"):
        public.configuration("[]")
