import errno
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from headstart.cli import failure
from headstart.errors import HeadstartError, InputError
from tests.report.sample import report

FIT = ("fit", "photos", "--out", "model")
HEAVY = {"torch", "sklearn", "lance", "pyarrow", "openvino", "numpy", "rich", "PIL", "pandas"}


def raising(error):
    def command(*_, **__):
        raise error

    return command


def finished(*_, **__):
    return SimpleNamespace(report=report())


def program(*arguments, **settings):
    return subprocess.run(
        [sys.executable, "-m", "headstart", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **settings,
    )


def test_help_in_a_process_of_its_own():
    done = program("--help")
    assert done.returncode == 0
    assert done.stderr == ""
    commands = ("fit", "predict", "evaluate", "embed", "export", "backbones", "fetch", "cache")
    commands += ("generate", "demo", "check", "compare", "report", "serve", "push")
    assert all(re.search(rf"^  {name}  +\w.*\w\.$", done.stdout, re.M) for name in commands)
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from headstart.cli.app import run; code = run(['--help'])\n"
        "print(code, *sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    code, *modules = done.stderr.split()
    assert code == "0"
    assert not HEAVY & set(modules)


def test_version(headstart_in_here):
    code, out, err = headstart_in_here("--version")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"headstart \d+\.\d+\S*\n", out)


def test_no_argument_is_help(headstart_in_here):
    assert headstart_in_here() == headstart_in_here("--help")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("fit", "missing argument 'DATA'; see headstart fit --help."),
        ("fit photos", "missing option '--out'; see headstart fit --help."),
        ("predict model", "missing argument 'INPUT...'; see headstart predict --help."),
        ("train", "no such command 'train'; see headstart --help."),
        ("fit photos --out m --colour", "no such option: --colour"),
        ("fit photos --out m --epochs many", "invalid value for '--epochs'"),
        ("predict m a.jpg --top 0", "--top is 0, but it must be 1 or more."),
        ("predict m a.jpg --out a.xls", "must end in .csv, .jsonl or .parquet."),
        ("predict m a.jpg --out no/where/a.csv", "there is no folder 'no/where'; make it."),
        ("demo sounds", "there is no demo 'sounds'"),
    ],
)
def test_a_wrong_command_line_gets_one_sentence(headstart_in_here, line, said):
    code, out, err = headstart_in_here(*line.split())
    assert (code, out) == (2, "")
    assert err.startswith("headstart: ")
    assert err.count("\n") == 1
    assert said in err


def test_wrong_input_gets_its_sentence_and_nothing_from_it_acts(api, headstart_in_here):
    api.fit = raising(InputError("'a\x1b[2J.csv' has no rows;\nadd some."))
    assert headstart_in_here(*FIT) == (
        2,
        "",
        "headstart: 'a\\x1b[2J.csv' has no rows;\\nadd some.\n",
    )


def test_with_json_the_error_is_json_too(api, headstart_in_here):
    api.fit = raising(InputError("no \udcff rows"))
    code, out, err = headstart_in_here(*FIT, "--json")
    assert code == 2
    assert json.loads(out) == {"error": "no \udcff rows"}
    assert err == "headstart: no \\udcff rows\n"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (HeadstartError("the store is locked."), "the store is locked."),
        (OSError(errno.ENOSPC, "No space left on device", "/a/b"), "No space left on device: /a/b"),
        (MemoryError(), "there is not enough memory"),
        (RuntimeError("can't start new thread"), "there is not enough memory"),
        (ImportError("x.so: failed to map segment from shared object"), "not enough memory"),
        (RuntimeError("std::bad_alloc"), "there is not enough memory"),
    ],
)
def test_trouble_of_the_machine_is_not_a_traceback(api, headstart_in_here, error, said):
    api.fit = raising(error)
    code, out, err = headstart_in_here(*FIT)
    assert (code, out) == (1, "")
    assert said in err
    assert "fault" not in err


def test_a_limit_of_the_address_space_is_named(api, headstart_in_here, monkeypatch, tmp_path):
    monkeypatch.setattr(failure, "_is_limited", lambda: True)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    api.fit = raising(SystemError("returned NULL without setting an exception"))
    code, _, err = headstart_in_here(*FIT)
    assert code == 1
    assert "ulimit -v" in err


def test_no_folder_for_temporary_files(api, headstart_in_here):
    api.fit = raising(FileNotFoundError(errno.ENOENT, "No usable temporary directory found in []"))
    code, _, err = headstart_in_here(*FIT)
    assert code == 2
    assert "TMPDIR" in err


def test_a_place_that_is_not_ours_is_wrong_input(api, headstart_in_here):
    api.fit = raising(PermissionError(errno.EACCES, "Permission denied", "/a/model"))
    assert headstart_in_here(*FIT) == (
        2,
        "",
        "headstart: Permission denied: /a/model; name another place.\n",
    )


def test_our_fault_names_a_file_with_the_traceback(api, headstart_in_here, monkeypatch, tmp_path):
    monkeypatch.delenv("HEADSTART_TRACEBACK", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    api.fit = raising(KeyError("stage"))
    code, out, err = headstart_in_here(*FIT)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "KeyError: 'stage'" in err
    log = Path(re.search(r"traceback in (\S+\.log)", err)[1])
    assert log.parent == tmp_path
    assert "Traceback (most recent call last)" in log.read_text()


def test_our_fault_where_no_file_can_be_written(api, headstart_in_here, monkeypatch):
    monkeypatch.delenv("HEADSTART_TRACEBACK", raising=False)
    full = raising(OSError(errno.ENOSPC, "No space left on device"))
    monkeypatch.setattr(failure, "tempfile", SimpleNamespace(NamedTemporaryFile=full))
    api.fit = raising(KeyError("stage"))
    code, _, err = headstart_in_here(*FIT)
    assert code == 1
    assert "set HEADSTART_TRACEBACK=1 to see the traceback." in err


def test_our_fault_shows_the_traceback_when_asked(api, headstart_in_here, monkeypatch):
    monkeypatch.setenv("HEADSTART_TRACEBACK", "1")
    api.fit = raising(KeyError("stage"))
    code, _, err = headstart_in_here(*FIT)
    assert code == 1
    assert "Traceback (most recent call last)" in err


def test_ctrl_c(api, headstart_in_here):
    api.fit = raising(KeyboardInterrupt())
    code, out, err = headstart_in_here(*FIT)
    assert (code, out) == (130, "")
    assert err == (
        "headstart: stopped; finished work is kept, and the same command goes on from there.\n"
    )


def test_a_pipe_that_breaks_inside_is_not_taken_for_a_closed_output(api, headstart_in_here):
    api.fit = raising(BrokenPipeError(errno.EPIPE, "Broken pipe"))
    code, _, err = headstart_in_here(*FIT)
    assert code == 1
    assert "BrokenPipeError" in err


@pytest.mark.parametrize(
    "arguments", [("backbones",), ("backbones", "--json"), ("--help",), ("--version",)]
)
def test_nobody_reads_the_output(arguments):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as gone:
        done = subprocess.run(
            [sys.executable, "-m", "headstart", *arguments],
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (141, "")


def test_nobody_reads_an_error():
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as gone:
        done = subprocess.run(
            [sys.executable, "-m", "headstart", "demo", "sounds", "--json"],
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 141
    assert done.stderr.count("\n") == 1


WAITING = """
import sys, time, types
import headstart
from headstart.cli.app import run

def fit(*_, **__):
    print("ready", file=sys.stderr, flush=True)
    time.sleep(60)

headstart.api = sys.modules["headstart.api"] = types.SimpleNamespace(fit=fit)
sys.exit(run(["fit", "photos", "--out", "model", "--json"]))
"""


def test_a_real_ctrl_c():
    with subprocess.Popen(
        [sys.executable, "-c", WAITING], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert json.loads(out)["error"].startswith("stopped; ")
    assert err.startswith("headstart: stopped; ")
    assert err.count("\n") == 1


def test_standard_output_closed_before_the_start():
    done = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m headstart backbones >&-"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


NOISY = """
import os, sys, types
import headstart
from headstart.cli.app import run
from tests.report.sample import report

def fit(*_, **__):
    print("telemetry is on")
    os.write(1, b"downloading\\n")
    return types.SimpleNamespace(report=report())

headstart.api = sys.modules["headstart.api"] = types.SimpleNamespace(fit=fit)
code = run(["fit", "photos", "--out", "model", "--json"])
os.write(1, b"\\n")
sys.exit(code or run(["--version"]))
"""


def test_whatever_a_library_prints_is_kept_out_of_the_answer():
    done = subprocess.run(
        [sys.executable, "-c", NOISY],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    answer, _, afterwards = done.stdout.rpartition("\n\n")
    assert json.loads(answer) == report().to_json()
    assert afterwards.startswith("headstart ")
    assert sorted(done.stderr.splitlines()) == ["downloading", "telemetry is on"]


def test_the_report_is_for_people_without_json(api, headstart_in_here):
    api.fit = finished
    code, out, err = headstart_in_here(*FIT)
    assert (code, err) == (0, "")
    assert "Accuracy 91.2% (95% CI 88.9 to 93.1)" in out


def test_demo_reports_every_run(api, headstart_in_here):
    asked = []
    api.demo = lambda which, progress, began: asked.append(which) or finished()
    code, out, _ = headstart_in_here("demo", "--json")
    assert code == 0
    assert json.loads(out) == [report().to_json()] * 2
    assert headstart_in_here("demo", "texts")[1].count("Accuracy 91.2%") == 1
    assert asked == ["images", "texts", "texts"]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_old_terminal_gets_escapes_not_an_error(encoding, tmp_path):
    done = program(
        "predict",
        str(tmp_path / "日本"),
        "a.jpg",
        "--json",
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert done.returncode == 2
    assert "日本" in json.loads(done.stdout)["error"]
    assert "\\u65e5\\u672c" in done.stderr


def test_what_a_person_waits_counts_from_the_start_of_the_program(monkeypatch, capsys):
    from headstart.cli.app import run

    began = []

    def fit(*_, **given):
        began.append(given["began"])
        return finished()

    monkeypatch.setattr("headstart.api.fit", fit)
    assert run([*FIT, "--json"], began=5.0) == 0
    assert run([*FIT, "--json"]) == 0
    assert began == [5.0, None]
    assert capsys.readouterr().out
