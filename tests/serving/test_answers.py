"""What is sent and what is answered: the answers are those of `headstart predict`."""

import base64
from pathlib import Path

import numpy as np
import pytest

TEXTS = ["the cat sat", "an engine", "dogs", "brakes and oil " * 90, "the cat sat"]


def encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def tensor(kind: str, data: list, *shape: int) -> dict:
    return {"name": "x", "datatype": kind, "shape": shape or [len(data)], "data": data}


def infer(server, name: str, given: dict) -> dict:
    response = server.client.post(f"v2/models/{name}/infer", json={"inputs": [given]})
    assert response.status_code == 200, response.text
    return {each["name"]: each for each in response.json()["outputs"]}


def rows(found: dict, name: str) -> list[dict]:
    """As `predict --json` gives them, without the names of the items."""
    return [{key: each[key] for key in each if key != "item"} for each in found[name]]


@pytest.mark.parametrize("name", ["photos", "wary", "texts", "numbers"])
def test_tensors_have_every_bit_of_the_models_answer(server, answers, images, name):
    image = name in ("photos", "wary")
    items = [str(path) for path in images] if image else TEXTS
    sent = [encoded(path) for path in images] if image else TEXTS
    expected = answers(name, items)
    outputs = infer(server, name, tensor("BYTES", sent))
    assert outputs["errors"]["data"] == [""] * len(items)
    if name == "numbers":
        assert np.array_equal(outputs["values"]["data"], expected.values)
        assert np.array_equal(np.reshape(outputs["intervals"]["data"], (-1, 2)), expected.intervals)
        return
    found = np.array(outputs["probabilities"]["data"], np.float32)
    assert found.tobytes() == expected.probabilities.tobytes()
    assert outputs["probabilities"]["shape"] == list(expected.probabilities.shape)
    assert outputs["labels"]["data"] == expected.labels
    if name == "wary":
        assert set(expected.labels) == {"red"}
        assert outputs["sets"]["data"] == ["; ".join(each) for each in expected.sets] or all(
            "blue" in each for each in outputs["sets"]["data"]
        )


def test_pixels_are_what_an_array_is_to_predict(server, answers):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 30, 50, 3), np.uint8)
    expected = answers("photos", list(pixels)).probabilities
    for data in (pixels.tolist(), pixels.ravel().tolist()):
        outputs = infer(server, "photos", tensor("UINT8", data, *pixels.shape))
        assert np.array_equal(
            np.array(outputs["probabilities"]["data"], np.float32), expected.ravel()
        )


@pytest.mark.parametrize("top", [None, 1])
@pytest.mark.parametrize("name", ["photos", "wary"])
def test_images_are_answered_as_by_the_command_line(server, place, images, name, top):
    named = [] if top is None else ["--top", "1"]
    done = place.run("predict", name, *(path.name for path in images), "--json", *named)
    expected = rows(done.json, "predictions")
    query = "" if top is None else "?top=1"
    files = [("any", (path.name, path.read_bytes())) for path in images]
    for sent in ({"files": files}, {"json": {"images": [encoded(path) for path in images]}}):
        found = server.client.post(f"models/{name}/predict{query}", **sent).json()
        assert rows(found, "predictions") == expected
        assert (found["task"], found["classes"]) == ("classification", ["blue", "red"])
    for path, row in zip(images, expected, strict=True):
        uri = "data:image/jpeg;base64," + encoded(path)
        for sent in (
            {"content": path.read_bytes()},
            {"content": path.read_bytes(), "headers": {"content-type": "image/jpeg"}},
            {
                "content": path.read_bytes(),
                "headers": {"content-type": "application/x-www-form-urlencoded"},
            },
            {"json": {"image": uri}},
        ):
            found = server.client.post(f"models/{name}/predict{query}", **sent).json()
            assert rows(found, "predictions") == [row]


@pytest.mark.parametrize("name", ["texts", "numbers"])
def test_texts_are_answered_as_by_the_command_line(server, place, name):
    done = place.run("predict", name, *TEXTS, "--json")
    expected = rows(done.json, "predictions")
    at = f"models/{name}/predict"
    found = server.client.post(at, json={"texts": TEXTS}).json()
    assert rows(found, "predictions") == expected
    assert found["warnings"] == done.json["warnings"]
    for sent in (
        {"json": {"text": TEXTS[0]}},
        {"content": TEXTS[0].encode(), "headers": {"content-type": "text/plain; charset=utf-8"}},
        {"content": TEXTS[0].encode()},
        {"data": {"text": TEXTS[0]}},
        {"files": {"text": (None, TEXTS[0])}},
        {"files": {"one": ("a.txt", TEXTS[0].encode())}},
    ):
        assert rows(server.client.post(at, **sent).json(), "predictions") == expected[:1]


def test_one_bad_item_gets_its_own_error(server, images):
    good = images[0].read_bytes()
    files = [("a", ("good.jpg", good)), ("b", ("bad.jpg", good[:200])), ("c", ("c.jpg", b"text"))]
    response = server.client.post("models/photos/predict", files=files)
    assert response.status_code == 200
    first, second, third = response.json()["predictions"]
    assert first["label"] == "blue"
    assert second.keys() == third.keys() == {"item", "error"}
    assert (second["item"], "damaged" in second["error"]) == ("bad.jpg", True)
    assert "not an image" in third["error"]
    alone = server.client.post("models/photos/predict", content=good[:200])
    assert (alone.status_code, alone.json()["predictions"][0]["error"]) == (422, second["error"])


def test_what_speaks_for_an_answer(server, images):
    found = server.client.post("models/photos/predict?explain=1", content=images[0].read_bytes())
    why = found.json()["explanations"][0]
    assert why["label"] == found.json()["predictions"][0]["label"]
    assert base64.b64decode(why["image"].partition(",")[2]).startswith(b"\x89PNG")
    texts = {"texts": ["the cat sat", " "]}
    first, second = server.client.post("models/texts/predict?explain=1", json=texts).json()[
        "explanations"
    ]
    assert max(first["words"], key=lambda each: each["weight"])["word"] == "cat"
    assert "empty" in second["error"]
    many = server.client.post("models/texts/predict?explain=1", json={"texts": ["a"] * 5})
    assert many.status_code == 413


def test_what_is_served_describes_itself(server):
    assert server.client.get("v2/health/live").json() == {"live": True}
    assert server.client.get("v2/health/ready").json() == {"ready": True}
    assert server.client.get("v2/models/photos/ready").json()["ready"] is True
    about = server.client.get("v2/models/photos").json()
    assert [each["name"] for each in about["inputs"]] == ["images", "pixels"]
    assert about["outputs"][1] == {"name": "probabilities", "datatype": "FP32", "shape": [-1, 2]}
    assert about["parameters"]["classes"] == ["blue", "red"]
    listed = [each["name"] for each in server.client.get("models").json()["models"]]
    assert listed == ["photos", "texts", "numbers", "wary"]
    assert "infer" in server.client.get("docs").text
    paths = server.client.get("openapi.json").json()["paths"]
    assert {"/predict", "/v2/models/{name}/infer", "/metrics"} <= paths.keys()


def test_pages_ask_nothing_of_anybody_else(server):
    for path in ("", "docs"):
        response = server.client.get(path)
        assert "http" not in response.text.replace("http-equiv", "")
        policy = response.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy


def test_figures_are_counted(server, images):
    before = server.metrics()
    server.client.post("models/texts/predict", json={"texts": ["a", " ", "b"]})
    after = server.metrics()
    for name, more in (
        ('headstart_items_total{model="texts",outcome="answered"}', 2),
        ('headstart_items_total{model="texts",outcome="error"}', 1),
        ('headstart_requests_total{path="/models/{name}/predict",status="200"}', 1),
        ('headstart_request_seconds_count{path="/models/{name}/predict"}', 1),
        ('headstart_batch_items_sum{model="texts"}', 3),
    ):
        assert after[name] - before.get(name, 0) == more
    assert after['headstart_queue_items{model="texts"}'] == 0


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="nothing says what is loaded")
def test_there_is_no_torch_in_the_process(server, images):
    server.client.post("models/photos/predict?explain=1", content=images[0].read_bytes())
    maps = Path(f"/proc/{server.process.pid}/maps").read_text()
    assert "libopenvino" in maps
    assert "libtorch" not in maps
