"""Where OpenVINO or Lance is missing, PyTorch computes, and features are kept in memory."""

import json
import subprocess
import sys

import pytest

from tests.runs import pictures

WITHOUT = """
import json, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

MISSING = sys.argv[2].split()
sys.meta_path.insert(0, Missing())

import headstart

try:
    headstart.fit(sys.argv[1], out="model", offline=True)
    refused = ""
except headstart.InputError as error:
    refused = str(error)
run = headstart.fit(sys.argv[1], offline=True, device="cpu")
tuned = headstart.fit(
    sys.argv[1], offline=True, strategy="fine-tuning", cut="blocks.5", epochs=1, size=64
)
with run.model.session() as session:
    answers = session.predict(sys.argv[3:])
found = {
    "refused": refused,
    "labels": answers.labels,
    "probabilities": answers.probabilities.tolist(),
    "tuned": tuned.model.predict(sys.argv[3:]).labels,
    "precision": run.report.backbone_facts["precision"],
    "warnings": run.report.warnings,
    "imported": [each for each in ("openvino", "lance") if each in sys.modules],
    "hits": run.report.store["misses"],
}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return pictures(tmp_path_factory.mktemp("without") / "photos", 10)


def _without(missing: str, photos, cache) -> dict:
    items = sorted(map(str, photos.rglob("*.jpg")))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WITHOUT, str(photos), missing, *items],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=photos.parent,
        env={**__import__("os").environ, "HEADSTART_CACHE": str(cache)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_without_openvino_and_lance_a_model_is_trained_and_answers(photos, tmp_path):
    found = _without("openvino lance", photos, tmp_path / "cache")
    expected = [path.parent.name for path in sorted(photos.rglob("*.jpg"))]
    assert found["labels"] == found["tuned"] == expected
    assert found["imported"] == []
    assert found["precision"] == "float32"
    assert "`pip install openvino`, or leave out --out" in found["refused"]
    assert len([each for each in found["warnings"] if "pip install pylance" in each]) == 1
    assert len([each for each in found["warnings"] if "pip install openvino" in each]) == 1
    assert not (tmp_path / "cache" / "features").exists()
    assert not (photos.parent / "model").exists()
