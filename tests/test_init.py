"""What `import headstart` gives, and what it must not do."""

import json
import os
import subprocess
import sys

import pytest

import headstart
from tests.runs import pictures

PUBLIC = [
    "BackboneError",
    "DataError",
    "HeadstartError",
    "InputError",
    "Model",
    "ModelError",
    "Predictor",
    "Run",
    "Session",
    "TransferClassifier",
    "TransferRegressor",
    "catalogue",
    "check",
    "compare",
    "embed",
    "evaluate",
    "explain",
    "fit",
    "generate",
    "load",
    "predict",
    "push",
    "session",
]
HEAVY = {
    *("PIL", "datasets", "lance", "numpy", "openvino", "pandas", "pyarrow"),
    *("sklearn", "timm", "torch", "transformers"),
}

# Audit hooks see what C code does too, and every process of Python's reads sitecustomize.
NO_SOCKETS = """
import os, sys

def refuse(event, arguments):
    if event in ("socket.__new__", "socket.connect", "socket.getaddrinfo", "socket.sendto"):
        with open(os.environ["SOCKETS"], "a") as file:
            print(event, *map(str, arguments), file=file)
        raise RuntimeError("a socket was opened")

sys.addaudithook(refuse)
"""


def _imported(code: str) -> set[str]:
    """The packages that are imported once `code` has run."""
    shown = "; import json, sys; print(json.dumps([*filter(sys.modules.get, sys.modules)]))"
    done = subprocess.run(
        [sys.executable, "-c", code + shown], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_the_public_names_are_these():
    assert sorted(headstart.__all__) == PUBLIC
    assert dir(headstart) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there_and_says_what_it_is(name):
    found = getattr(headstart, name)
    assert found.__name__ == name
    assert found.__module__.startswith("headstart.")
    assert found.__doc__


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="'headstart' has no attribute 'fitt'"):
        headstart.fitt  # noqa: B018


def test_importing_it_imports_nothing_heavy():
    assert not HEAVY & _imported("import headstart; headstart.InputError; dir(headstart)")


@pytest.mark.parametrize(
    ("before", "given", "policy"),
    [
        ("", None, "PASSIVE"),
        ("", "ACTIVE", "ACTIVE"),
        ("sys.modules['torch'] = 'loaded';", None, None),
    ],
)
def test_threads_wait_without_spinning_unless_the_user_or_a_loaded_torch_decides(
    before, given, policy
):
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    if given:
        environment["OMP_WAIT_POLICY"] = given
    done = subprocess.run(
        [
            *(sys.executable, "-c"),
            f"import os, sys; {before} import headstart; print(os.environ.get('OMP_WAIT_POLICY'))",
        ],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert done.stdout.split() == [str(policy)]


def test_names_are_imported_when_asked_for():
    assert not {"torch", "sklearn", "lance"} & _imported("import headstart; headstart.load")
    assert "sklearn" in _imported("import headstart; headstart.TransferClassifier")


def test_telemetry_is_blocked(tmp_path):
    (tmp_path / "openvino_telemetry.py").write_text("print('reporting')")
    code = (
        "import headstart\n"
        "try: import openvino_telemetry\n"
        "except ImportError: print('blocked')\n"
        "import openvino; print(openvino.__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.stdout.split() == ["blocked", "openvino"]


@pytest.fixture
def guarded(tmp_path):
    """Runs Python where opening a socket is an error, and says which were."""
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(NO_SOCKETS)
    log = tmp_path / "sockets.log"
    # Nothing may rest on these being set: they would make the libraries behave.
    without = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
    environment = {
        **{name: value for name, value in os.environ.items() if name not in without},
        "PYTHONPATH": str(tmp_path / "guard"),
        "HEADSTART_CACHE": str(tmp_path / "cache"),
        "OMP_NUM_THREADS": "1",
        "SOCKETS": str(log),
    }

    def run(*arguments: str):
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env=environment,
        )
        return done, log.read_text() if log.exists() else ""

    return run


def test_the_guard_sees_sockets(guarded):
    done, opened = guarded("-c", "import socket; socket.socket()")
    assert "a socket was opened" in done.stderr
    assert opened.startswith("socket.__new__")


@pytest.mark.slow
def test_offline_opens_no_socket(guarded, tmp_path):
    """From nothing: the network's graph is converted too, which is where OpenVINO reports."""
    pictures(tmp_path / "photos", 5)
    done, opened = guarded("-m", "headstart", "fit", "photos", "--out", "model", "--offline")
    assert done.returncode == 0, done.stderr
    assert opened == ""
    done, opened = guarded("-m", "headstart", "predict", "model", "photos", "--offline")
    assert done.returncode == 0, done.stderr
    assert opened == ""
