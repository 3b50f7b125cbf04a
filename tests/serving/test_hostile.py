"""Whatever a client sends: a sentence and a status, never a fault, and nothing of the disk."""

import json
import socket
import struct
import time
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headstart.serving.guard import is_loopback

JSON = {"content-type": "application/json"}


def png_of(width: int, height: int) -> bytes:
    """A small file that claims many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 100_000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "status", "said"),
    [
        (b"", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b"\xff\xfe{}", 400, "not JSON"),
        (b"[" * 100_000, 400, "nested too deeply"),
        (b'{"texts": [NaN]}', 400, "NaN is not a number"),
        (b'{"texts": [1e999]}', 422, ""),
        (b'{"text": ' + b"9" * 10_000 + b"}", 400, "not JSON"),
        (b"null", 422, "object"),
        (b"[]", 422, "object"),
        (b"{}", 422, "object"),
        (b'{"text": "a", "texts": []}', 422, "object"),
        (b'{"text": "a", "path": "/etc/passwd"}', 422, '"path" means nothing'),
        (b'{"texts": "a"}', 422, "not a list"),
        (b'{"texts": []}', 422, "no items"),
        (b'{"text": ""}', 422, "empty"),
        (b'{"text": null}', 422, "not a text"),
        (b'{"text": "\\ud800"}', 422, "empty"),
        (b'{"text": "' + b"a" * 6000 + b'"}', 422, "6,000 characters"),
        (json.dumps({"texts": ["a"] * 9}).encode(), 413, "9 items"),
        (b'{"text": "' + b"a" * 1_100_000 + b'"}', 413, "larger than the 1 MB"),
    ],
)
def test_json_that_is_wrong(server, content, status, said):
    response = server.client.post("models/texts/predict", content=content, headers=JSON)
    assert response.status_code == status, response.text
    assert said in response.text.replace('\\"', '"')


@pytest.mark.parametrize("query", ["top=0", "top=x", "top=1e3", "explain=maybe"])
def test_queries_that_are_wrong(server, query):
    response = server.client.post(f"models/texts/predict?{query}", json={"text": "a"})
    assert response.status_code == 422
    assert response.json().keys() == {"error"}


def test_addresses_that_are_wrong(server):
    for method, path, status in (
        ("GET", "nothing", 404),
        ("GET", "models/photos/predict", 405),
        ("POST", "predict", 404),
        ("POST", "models/gone/predict", 404),
        ("GET", "v2/models/%2e%2e%2fphotos", 404),
        ("GET", "v2/models/gone/ready", 404),
        # No redirection, which would go where the header Host says.
        ("GET", "docs/", 404),
        ("POST", "models/texts/predict/", 404),
    ):
        response = server.client.request(method, path)
        assert (response.status_code, response.json().keys()) == (status, {"error"})
    number = server.client.post("models/numbers/predict?top=1", json={"text": "a"})
    assert (number.status_code, "a number" in number.text) == (422, True)


@pytest.mark.parametrize(
    ("kind", "status"),
    [("text/html", 415), ("application/xml", 415), ("multipart/form-data", 400), ("\x7f", 415)],
)
@pytest.mark.parametrize("name", ["photos", "texts"])
def test_types_that_are_wrong(server, name, kind, status):
    response = server.client.post(
        f"models/{name}/predict", content=b"abc", headers={"content-type": kind}
    )
    assert response.status_code == status, response.text


def test_forms_that_are_wrong(server, images):
    at = "models/photos/predict"
    broken = {"content-type": "multipart/form-data; boundary=x"}
    assert server.client.post(at, content=b"--x\r\nnothing", headers=broken).status_code == 422
    odd = {"content-type": "multipart/form-data; boundary=x; charset=hex"}
    part = b'--x\r\nContent-Disposition: form-data; name="image"\r\n\r\nzz\r\n--x--\r\n'
    assert server.client.post(at, content=part, headers=odd).status_code == 422
    nameless = part.replace(b' name="image"', b"")
    assert server.client.post(at, content=nameless, headers=broken).status_code == 400
    many = [("a", ("a.jpg", b"x"))] * 12
    assert server.client.post(at, files=many).status_code == 413
    field = server.client.post(at, files={"url": (None, "http://127.0.0.1/x.jpg")})
    assert (field.status_code, "'url' means nothing" in field.text) == (422, True)


def test_no_path_or_address_is_opened(server, folder, images):
    """An image and a text that are there, by names that would find them."""
    (folder / "secret.txt").write_text("the cat sat on the mat, and dogs like bones")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.3)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/x.jpg"
        for value in (str(images[0]), images[0].as_uri(), address, "/etc/passwd"):
            found = server.client.post("models/photos/predict", json={"image": value})
            assert found.status_code == 422
            found = server.client.post("models/photos/predict", content=value.encode())
            assert "not an image" in found.json()["predictions"][0]["error"]
            files = {"image": (value, images[0].read_bytes())}
            found = server.client.post("models/wary/predict", files=files)
            assert found.json()["predictions"][0]["label"] == "red"
            body = {"inputs": [{"datatype": "BYTES", "shape": [1], "data": [value]}]}
            assert server.client.post("v2/models/photos/infer", json=body).status_code == 422
        with pytest.raises(TimeoutError):
            listening.accept()
    named = server.client.post("models/texts/predict", json={"text": str(folder / "secret.txt")})
    said = server.client.post("models/texts/predict", json={"text": "the cat sat on the mat"})
    assert named.json()["predictions"] != said.json()["predictions"]


def test_images_that_are_wrong(server, images):
    whole = images[0].read_bytes()
    for content, said in (
        (whole[:200], "damaged"),
        (png_of(2000, 2000), "2,000 x 2,000 pixels"),
        (png_of(60_000, 60_000), "pixels"),
        (b"\x89PNG\r\n\x1a\n", ""),
        (b"", "zero bytes"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
    ):
        response = server.client.post("models/photos/predict", content=content)
        assert response.status_code == 422, response.text
        assert said in response.json()["predictions"][0]["error"]


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"inputs": []},
        {"inputs": [1]},
        {"inputs": [{}]},
        {"id": 3, "inputs": [{}]},
        {"inputs": [{"datatype": "FP32", "shape": [1], "data": [0.5]}]},
        {"inputs": [{"datatype": "BYTES", "shape": [2], "data": ["a"]}]},
        {"inputs": [{"datatype": "BYTES", "shape": [-1], "data": ["a"]}]},
        {"inputs": [{"datatype": "BYTES", "shape": [True], "data": ["a"]}]},
        {"inputs": [{"datatype": "BYTES", "shape": [1, 2], "data": ["a", "b"]}]},
        {"inputs": [{"datatype": "UINT8", "shape": [1, 1, 1, 3], "data": [1, 2]}]},
        {"inputs": [{"datatype": "UINT8", "shape": [1, 1, 1, 3], "data": [1, 2, 256]}]},
        {"inputs": [{"datatype": "UINT8", "shape": [1, 1, 1, 3], "data": [1, 2, 0.5]}]},
        {"inputs": [{"datatype": "UINT8", "shape": [1, 1, 1, 3], "data": [1, [2], 3]}]},
        {"inputs": [{"datatype": "UINT8", "shape": [1, 1, 1, 3], "data": [1, 2, 10**40]}]},
        {"inputs": [{"datatype": "UINT8", "shape": [1, 1, 1, 3], "data": "abc"}]},
        {"inputs": [{"datatype": "UINT8", "shape": [0, 1, 1, 3], "data": []}]},
        {"inputs": [{"datatype": "UINT8", "shape": [1, 99999, 99999, 3], "data": []}]},
        {"inputs": [{"datatype": "BYTES", "shape": [1], "data": ["YQ=="]}], "outputs": [{}]},
    ],
)
def test_tensors_that_are_wrong(server, body):
    content = json.dumps(body).encode()
    response = server.client.post("v2/models/photos/infer", content=content)
    assert response.status_code in (413, 422), response.text
    assert response.json().keys() == {"error"}


def test_an_output_that_there_is_not(server):
    body = {"inputs": [{"datatype": "BYTES", "shape": [1], "data": ["a"]}]}
    for wanted, status in (("labels", 200), ("logits", 422)):
        asked = body | {"outputs": [{"name": wanted}]}
        response = server.client.post("v2/models/texts/infer", json=asked)
        assert response.status_code == status
    binary = {"inference-header-content-length": "10"}
    assert server.client.post("v2/models/texts/infer", json=body, headers=binary).status_code == 415


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example:8000", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example", 421),
        ("[::1", 421),
        ("localhost:8000", 200),
        ("LOCALHOST.", 200),
        ("model.localhost", 200),
        ("127.0.0.1", 200),
        ("[::1]:8000", 200),
        ("192.168.0.7", 200),
    ],
)
def test_a_name_that_was_made_to_lead_here(server, host, status):
    """DNS rebinding: a stranger's page asks a server of this machine by the stranger's name."""
    asked = {"json": {"text": "a"}, "headers": {"host": host}}
    assert server.client.post("models/texts/predict", **asked).status_code == status
    assert server.client.get("models", headers={"host": host}).status_code == status
    assert server.client.get("v2/health/live", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *(("127.0.0.1", True), ("127.1", True), ("localhost", True), ("::1", True)),
        *(("::ffff:127.0.0.1", True), ("0.0.0.0", False), ("::", False), ("192.0.2.7", False)),
    ],
)
def test_where_only_this_machine_is_answered(host, loopback):
    assert is_loopback(host) == loopback


def test_a_slow_client_is_given_up_and_others_are_answered(server):
    host, port = server.client.base_url.host, server.client.base_url.port
    with socket.create_connection((host, port)) as slow:
        slow.sendall(
            b"POST /models/texts/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"
        )
        for _ in range(3):
            assert server.client.post("models/texts/predict", json={"text": "a"}).is_success
            slow.sendall(b"a")
            time.sleep(0.1)
        slow.settimeout(30)
        assert b" 408 " in slow.recv(1000)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["text", "texts", "image", "images", "inputs", "shape", "datatype", "data", "id",
                 "outputs", "name", "parameters"]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)  # fmt: skip
tensors = st.fixed_dictionaries(
    {
        "datatype": st.sampled_from(["BYTES", "UINT8", "FP32"]) | values,
        "shape": st.lists(st.integers(-1, 4), max_size=5) | values,
        "data": st.lists(st.text(max_size=9) | st.integers(-1, 300) | values, max_size=12) | values,
    }
)
bodies = (
    values
    | st.fixed_dictionaries({"inputs": st.lists(tensors, min_size=1, max_size=2)})
    | st.fixed_dictionaries({"texts": st.lists(st.text() | values, max_size=4)})
    | st.fixed_dictionaries({"images": st.lists(st.text() | values, max_size=4)})
)


@given(
    body=bodies,
    path=st.sampled_from(["models/{}/predict", "v2/models/{}/infer"]),
    name=st.sampled_from(["photos", "texts", "numbers", "wary"]),
)
@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_json_is_a_fault(server, body, path, name):
    content = json.dumps(body).encode()
    response = server.client.post(path.format(name), content=content, headers=JSON)
    assert response.status_code in (200, 400, 413, 422), (content, response.text)
    response.json()


@given(content=st.binary(max_size=300), kind=st.sampled_from(["", "image/png", "text/plain",
       "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]),
       name=st.sampled_from(["photos", "texts"]))  # fmt: skip
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_bytes_are_a_fault(server, content, kind, name):
    headers = {"content-type": kind} if kind else {}
    response = server.client.post(f"models/{name}/predict", content=content, headers=headers)
    assert response.status_code < 500, (content, kind, response.text)


def test_the_server_had_no_fault(server):
    """Of all that the tests above sent."""
    assert not [name for name in server.metrics() if 'status="500"' in name]
    assert server.process.poll() is None
    assert "".join(server.errors) == ""
