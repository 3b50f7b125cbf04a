import re
from dataclasses import fields

import pytest

from headstart.cli.app import COMMANDS
from headstart.cli.command import command as made
from headstart.spec import GROUPS, FitSpec, ItemSpec, LabelledSpec, flag


@pytest.mark.parametrize(
    ("command", "spec"),
    [
        *[("fit", FitSpec), ("predict", ItemSpec), ("evaluate", LabelledSpec)],
        *[("compare", LabelledSpec), ("embed", ItemSpec)],
    ],
)
def test_the_help_of_a_command_tells_every_option_of_its_spec(headstart_in_here, command, spec):
    code, out, _ = headstart_in_here(command, "--help")
    told = " ".join(out.split())
    assert code == 0
    for each in fields(spec):
        assert re.search(rf"{flag(each.name)}\b", told)
        assert each.metadata["help"] in told
        if each.metadata["choices"]:
            assert "|".join(each.metadata["choices"]) in told
        if each.default not in (None, False):
            assert f"[default: {each.default}]" in told


@pytest.mark.parametrize("command", [*COMMANDS, None])
def test_a_short_question_gets_the_whole_help(headstart_in_here, command):
    words = [] if command is None else [command]
    code, out, err = headstart_in_here(*words, "-h")
    assert (code, err) == (0, "")
    assert headstart_in_here(*words, "--help")[1] == out
    assert "-h, --help" in out


def test_the_help_of_fit_is_in_groups_and_ends_with_two_examples(headstart_in_here):
    out = headstart_in_here("fit", "-h")[1]
    titles = re.findall(r"^(\w+):$", out, re.M)
    assert titles == ["Arguments", *GROUPS, "Examples"]
    parts = dict(zip(titles, re.split(r"^\w+:$", out, flags=re.M)[1:], strict=True))
    for each in fields(FitSpec):
        assert re.search(rf"^  {flag(each.name)} ?", parts[each.metadata["group"]], re.M)
    assert "--out DIR" in parts["Output"]
    examples = [line.split() for line in parts["Examples"].strip().splitlines()]
    assert len(examples) == 2
    for program, name, *arguments in examples:
        assert program == "headstart"
        made(name, COMMANDS[name]).make_context(name, arguments)


def test_a_command_gets_every_option_with_its_default(api, headstart_in_here):
    got = {}

    def fit(data, **options):
        got.update(options, data=data)
        raise KeyboardInterrupt

    api.fit = fit
    headstart_in_here("fit", "photos", "--out", "m")
    del got["progress"], got["began"]
    assert got == {
        "data": "photos",
        "out": "m",
        **{each.name: each.default for each in fields(FitSpec)},
    }


def test_values_have_the_types_of_the_fields(api, headstart_in_here):
    got = {}

    def fit(data, **options):
        got.update(options)
        raise KeyboardInterrupt

    api.fit = fit
    line = "fit d --out m --seed 3 --test-size 0.5 --offline --head mlp:8 --epochs 9 --input text"
    headstart_in_here(*line.split())
    wanted = {"seed": 3, "test_size": 0.5, "offline": True, "head": "mlp:8", "epochs": 9}
    assert {key: got[key] for key in wanted} == wanted
    assert got["input"] == "text"


def test_every_command_takes_json(headstart_in_here):
    for command in COMMANDS:
        assert "--json" in headstart_in_here(command, "--help")[1]
