"""A server under load, when it stops, and when its model is replaced."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from headstart.errors import InputError
from headstart.serving.running import named
from headstart.spec import ServeSpec
from tests.serving.server import Server, until


def many(images: list[Path], number: int) -> list:
    return [("a", (f"{at}.jpg", images[at % len(images)].read_bytes())) for at in range(number)]


def test_more_than_can_wait_gets_429_and_all_others_are_answered(place, images, answers):
    expected = [answers("photos", [str(p)]).labels[0] for p in images]
    limits = ("--queue", "64", "--max-items", "64", "--batch", "16")
    with Server(str(place.folder / "photos"), *limits, cache=place.cache) as server:

        def ask(_: int) -> httpx.Response:
            with server.fresh() as client:
                return client.post("predict?top=1", files=many(images, 64))

        with ThreadPoolExecutor(16) as pool:
            responses = list(pool.map(ask, range(32)))
        statuses = [each.status_code for each in responses]
        assert set(statuses) == {200, 429}, statuses
        for each in responses:
            if each.status_code == 429:
                assert int(each.headers["retry-after"]) >= 1
                continue
            labels = [row["label"] for row in each.json()["predictions"]]
            assert labels == [expected[at % len(images)] for at in range(64)]
        assert ask(0).status_code == 200
        figures = server.metrics()
        assert figures['headstart_requests_total{path="/predict",status="429"}'] == statuses.count(
            429
        )


class Client(threading.Thread):
    """Asks again and again until nobody listens; counts what was lost."""

    def __init__(self, server: Server, content: bytes) -> None:
        super().__init__()
        self._server, self._content = server, content
        self.answered, self.lost = 0, []

    def run(self) -> None:
        url = httpx.URL(self._server.address)
        while True:
            connection = http.client.HTTPConnection(url.host, url.port, timeout=60)
            try:
                connection.connect()
            except OSError:  # It is closed: nothing was asked.
                return
            began = time.monotonic()
            try:
                connection.request("POST", "/predict", self._content)
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException) as error:
                # After the signal the system may accept what the server never sees.
                if began < self._server.stopped:
                    self.lost.append(error)
            else:
                self.answered += response.status == 200
                if response.status != 200:
                    self.lost.append(response.status)
            finally:
                connection.close()


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_sigterm_under_load_loses_nothing(place, images, workers):
    options = ("--workers", str(workers), "--drain", "4")
    with Server(str(place.folder / "photos"), *options, cache=place.cache) as server:
        clients = [Client(server, images[at % 6].read_bytes()) for at in range(6)]
        for each in clients:
            each.start()
        for _ in until(lambda: all(each.answered > 3 for each in clients)):
            pass
        server.stop()
        if workers == 1:
            for _ in until(
                lambda: server.client.get("v2/health/ready").status_code == 503, seconds=3.5
            ):
                pass
        for each in clients:
            each.join(60)
        assert [each.lost for each in clients] == [[]] * 6
        assert server.process.wait(30) == 0
        with pytest.raises(httpx.ConnectError):
            server.client.get("v2/health/live")


def test_what_was_accepted_is_answered_after_sigterm(place, images):
    options = ("--drain", "0", "--timeout", "60")
    with Server(str(place.folder / "photos"), *options, cache=place.cache) as server:

        def ask(_: int) -> int:
            with server.fresh() as client:
                return client.post("predict", files=many(images, 60)).status_code

        with ThreadPoolExecutor(4) as pool:
            asked = [pool.submit(ask, at) for at in range(4)]
            for _ in until(lambda: server.metrics()['headstart_queue_items{model="photos"}'] > 0):
                pass
            server.stop()
            assert [each.result() for each in asked] == [200] * 4
        assert server.process.wait(30) == 0


def test_a_replaced_model_is_taken_over_without_losing_a_request(place, copy, images):
    with Server(str(copy), "--drain", "4", cache=place.cache) as server:
        client = Client(server, images[0].read_bytes())
        before = server.client.get("v2/models/model").json()
        client.start()
        version, about = before["versions"], copy / "model.json"

        # What is damaged is not taken over, and said.
        whole = about.read_bytes()
        about.write_bytes(whole[:-100])
        for _ in until(lambda: any("is not served" in line for line in server.errors)):
            pass
        about.write_bytes(whole)

        # Nor is a model for another task.
        other = copy.with_name("other")
        shutil.copytree(place.folder / "texts", other)
        copy.rename(copy.with_name("old"))
        other.rename(copy)
        for _ in until(lambda: any("another task" in line for line in server.errors)):
            pass
        assert server.client.get("v2/models/model").json() == before

        # Another one of the same task is.
        shutil.rmtree(copy)
        shutil.copytree(place.folder / "wary", copy)
        for _ in until(lambda: any("is now version" in line for line in server.errors)):
            pass
        answer = server.client.post("predict", content=images[0].read_bytes()).json()
        assert answer["predictions"][0]["label"] == "red"
        assert server.client.get("v2/models/model").json()["versions"] != version
        answered = client.answered
        for _ in until(lambda: client.answered > answered):
            pass
        server.stop()
        client.join(60)
        assert client.lost == []
        assert server.process.wait(30) == 0


@pytest.mark.slow
def test_a_worker_that_is_killed_comes_back_and_others_answer(place, images):
    options = ("--workers", "2")
    with Server(str(place.folder / "photos"), *options, cache=place.cache) as server:
        content = images[0].read_bytes()
        for _ in until(lambda: len(_serving(server)) == 2):
            assert server.client.post("predict", content=content).status_code == 200
        children = _serving(server)
        os.kill(_serving(server)[0], signal.SIGKILL)
        answered: list[int] = []
        for _ in until(lambda: set(_serving(server)) - set(children) and len(answered) > 3):
            with server.fresh() as client, contextlib.suppress(httpx.TransportError):
                answered.append(client.post("predict", content=content).status_code)
        assert set(answered) == {200}
        total = sum(
            value
            for name, value in server.metrics().items()
            if name.startswith("headstart_items_total") and "answered" in name
        )
        assert total >= len(answered)


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _serving(server: Server) -> list[int]:
    """Workers, not the process that multiprocessing keeps beside them."""
    return [
        pid
        for pid in _children(server.process.pid)
        if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def test_a_token_is_asked_for(place, images):
    with Server(
        str(place.folder / "photos"),
        "--host",
        "0.0.0.0",
        cache=place.cache,
        HEADSTART_TOKEN="s3cret",
    ) as server:
        content = images[0].read_bytes()
        for path in ("", "docs", "openapi.json", "v2/health/live", "v2/health/ready"):
            assert server.client.get(path).status_code == 200
        for path in ("metrics", "models", "v2/models/photos", "v2", "nothing"):
            refused = server.client.get(path)
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        for given, status in (
            ("", 401),
            ("Bearer", 401),
            ("Bearer s3cre", 401),
            ("Bearer s3cret2", 401),
            ("Basic s3cret", 401),
            ("s3cret", 401),
            ("Bearer s3cret", 200),
            ("bearer  s3cret", 200),
        ):
            headers = {"authorization": given}
            found = server.client.post("predict", content=content, headers=headers)
            assert found.status_code == status, given
        assert "no token" not in "".join(server.errors)


def test_a_network_without_a_token_is_warned_of(place):
    with Server(str(place.folder / "texts"), "--host", "0.0.0.0", cache=place.cache) as server:
        assert "no token is set" in "".join(server.errors)
        assert server.client.post("predict", json={"text": "a"}).status_code == 200


def test_a_program_is_told_the_address(place):
    command = [sys.executable, "-m", "headstart", "serve", "texts", "--port", "0", "--json"]
    environment = {**os.environ, "HEADSTART_CACHE": str(place.cache)}
    with subprocess.Popen(
        command, cwd=place.folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        lines = []
        while "}\n" not in lines:
            lines.append(process.stdout.readline())
            assert lines[-1], lines
        said = json.loads("".join(lines))
        assert said["models"].keys() == {"texts"}
        # What is asked before the model is warm waits until it is.
        ready = httpx.get(f"{said['address']}v2/health/ready", timeout=60, trust_env=False)
        assert ready.status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_what_cannot_be_served_is_said(place, tmp_path):
    assert place.run("serve", str(tmp_path)).code == 2
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = place.run("serve", "texts", "--port", port)
    assert (done.code, "Nothing can listen" in done.err) == (2, True)
    for options in (
        {"token": "a b"},
        {"token": ""},
        {"token": "é"},
        {"queue": 2},
        {"max_body": "0"},
        {"max_body": "5"},
        {"workers": 0},
        {"host": " "},
        {"timeout": 0},
    ):
        with pytest.raises(InputError):
            ServeSpec(**options)


def test_names_of_models(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a=b").mkdir()
    assert named(["x/model", "cats=y/model", "a=b"]) == {
        "model": Path("x/model"),
        "cats": Path("y/model"),
        "a-b": Path("a=b"),
    }
    for wrong in (["x/model", "y/model"], ["c d=x"], ["=x"]):
        with pytest.raises(InputError, match="NAME=FOLDER|cannot be the name"):
            named(wrong)
