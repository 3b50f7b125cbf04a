import logging
import subprocess
import sys
import warnings

import pytest

from headstart.cli.quiet import quiet_libraries

PLACE = "/usr/lib/python3/dist-packages/PIL/TiffImagePlugin.py"


@pytest.fixture
def shown(monkeypatch, capsys):
    """Give warnings to libraries' own channel; what is printed comes back."""
    monkeypatch.setattr(sys, "warnoptions", [])
    monkeypatch.delenv("HEADSTART_TRACEBACK", raising=False)

    def call(*said: tuple[str, type[Warning], str]) -> str:
        with quiet_libraries():
            for text, kind, place in said:
                warnings.showwarning(text, kind, place, 7)
        return capsys.readouterr().err

    return call


def test_a_warning_is_one_sentence_once(shown):
    said = ("Corrupt EXIF data.\n  Expecting\x1b[2J 4 bytes", UserWarning, PLACE)
    expected = "headstart: PIL warns: Corrupt EXIF data. Expecting\\x1b[2J 4 bytes\n"
    assert shown(said, said, said) == expected
    assert shown(("odd", RuntimeWarning, "<string>")) == "headstart: a library warns: odd\n"
    assert len(shown(("x" * 9999, UserWarning, PLACE))) < 400


@pytest.mark.parametrize("kind", [DeprecationWarning, FutureWarning, ResourceWarning])
def test_what_is_for_developers_is_not_shown(shown, kind):
    assert shown(("soon gone", kind, PLACE)) == ""


def test_all_is_as_before_afterwards(shown):
    before, level = warnings.showwarning, logging.root.manager.disable
    with pytest.raises(KeyError), quiet_libraries():
        raise KeyError
    assert (warnings.showwarning, logging.root.manager.disable) == (before, level)


NOISE = """
import logging, sys, types, warnings
import headstart
from headstart.cli.app import run

def catalogue():
    warnings.warn("the array is not writable", UserWarning)
    warnings.warn("use another name", FutureWarning)
    logging.getLogger("transformers").warning("newly initialized")
    own = logging.getLogger("own")
    own.addHandler(logging.StreamHandler())
    own.error("retrying")
    return ()

fake = types.SimpleNamespace(catalogue=catalogue, ways=lambda: ())
headstart.api = sys.modules["headstart.api"] = fake
sys.exit(run(["backbones", "--json"]))
"""


def test_a_command_shows_nothing_raw():
    done = subprocess.run([sys.executable, "-c", NOISE], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert done.stderr == "headstart: a library warns: the array is not writable\n"
