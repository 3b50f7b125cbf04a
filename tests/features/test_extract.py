import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import torch
from PIL import Image

from headstart.data import images
from headstart.data.dataset import Dataset
from headstart.features import extract as extracting
from headstart.features.extract import extract
from headstart.features.store import Store
from headstart.preprocessing import WHOLE, View, fixed_views
from headstart.progress import Silent
from headstart.runtime.torch_engine import TorchEngine

from .conftest import PICTURE, SIZE, key, pictures


def never():
    raise AssertionError("the engine must not be opened")


def run(data, engine, store):
    return extract(data, PICTURE, engine, store, Silent())


def by_hand(trunk, paths):
    pixels = np.stack([images.decode(images.load(path), PICTURE).pixels for path in paths])
    with torch.no_grad():
        return trunk(torch.from_numpy(pixels)).numpy()


def test_features_are_what_the_network_says(tmp_path, trunk, engine, store):
    data = pictures(tmp_path / "data", 23)
    features = run(data, engine, store)
    assert features.kept.tolist() == list(range(23))
    np.testing.assert_allclose(features.vectors(), by_hand(trunk, data.items), atol=2e-3)
    assert (features.hits, features.misses) == (0, 23)
    batches = np.concatenate(list(features.batches(10)))
    assert batches.astype(np.float32).tobytes() == features.vectors().tobytes()


def test_an_items_features_do_not_depend_on_its_neighbours(tmp_path, engine):
    data = pictures(tmp_path / "data", 23)
    whole = run(data, engine, Store(tmp_path / "a", key(), (SIZE,))).vectors()
    order = np.random.default_rng(0).permutation(23)[:13]
    part = run(data.select(order), engine, Store(tmp_path / "b", key(), (SIZE,))).vectors()
    assert part.tobytes() == whole[order].tobytes()


def test_the_second_time_nothing_is_computed(tmp_path, engine, store):
    data = pictures(tmp_path / "data", 9)
    first = run(data, engine, store)
    second = run(data, never, Store(tmp_path / "cache", key(), (SIZE,)))
    assert (second.hits, second.misses) == (9, 0)
    assert second.vectors().tobytes() == first.vectors().tobytes()


def test_a_grown_data_set_computes_what_is_new(tmp_path, engine, store):
    run(pictures(tmp_path / "data", 9), engine, store)
    grown = run(pictures(tmp_path / "data", 12), engine, store)
    assert (grown.hits, grown.misses) == (9, 3)


def test_the_same_content_is_computed_once(tmp_path, engine, store):
    data = pictures(tmp_path / "data", 3)
    twice = Dataset("image", [*data.items, *data.items], [*data.names, *data.names])
    features = run(twice, engine, store)
    assert features.misses == 3
    assert features.vectors()[:3].tobytes() == features.vectors()[3:].tobytes()


def test_the_bad_are_named_and_the_good_are_as_if_alone(tmp_path, engine):
    data = pictures(tmp_path / "data", 7)
    alone = run(data, engine, Store(tmp_path / "a", key(), (SIZE,))).vectors()
    bad = tmp_path / "data" / "bad.png"
    bad.write_bytes(b"not a picture")
    mixed = Dataset(
        "image",
        [str(bad), *data.items[:4], str(tmp_path / "missing.png"), *data.items[4:]],
        ["bad.png", *data.names[:4], "missing.png", *data.names[4:]],
    )
    features = run(mixed, engine, Store(tmp_path / "b", key(), (SIZE,)))
    assert [skipped.item for skipped in features.skipped] == ["bad.png", "missing.png"]
    assert all(skipped.reason for skipped in features.skipped)
    assert features.kept.tolist() == [1, 2, 3, 4, 6, 7, 8]
    assert features.vectors().tobytes() == alone.tobytes()


def test_what_was_odd_is_told_again_from_the_store(tmp_path, engine, store):
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    path = tmp_path / "moving.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    data = Dataset("image", [str(path)], ["moving.gif"])
    first = run(data, engine, store)
    second = run(data, never, store)
    assert first.notes
    assert first.notes == second.notes


@pytest.mark.slow
def test_features_that_are_not_finite_are_skipped(tmp_path, store):
    class Broken(torch.nn.Module):
        def forward(self, pixels):
            value = pixels.float().mean(dim=(1, 2, 3)).unsqueeze(1).repeat(1, SIZE)
            return torch.where(value > 250, value * 1e9, value)

    white = Image.new("RGB", (32, 32), "white")
    grey = Image.new("RGB", (32, 32), "grey")
    data = Dataset("image", [white, grey], ["white", "grey"])
    features = run(data, lambda: TorchEngine(Broken(), "cpu", 2), store)
    assert [skipped.item for skipped in features.skipped] == ["white"]
    assert "finite" in features.skipped[0].reason
    assert features.kept.tolist() == [1]


def test_the_torch_engine_agrees_with_the_compiled_one(tmp_path, trunk, engine):
    data = pictures(tmp_path / "data", 5)
    compiled = run(data, engine, Store(tmp_path / "a", key(), (SIZE,))).vectors()
    eager = run(
        data,
        lambda: TorchEngine(trunk, "cpu", 4, compiled=True),
        Store(tmp_path / "b", key(), (SIZE,)),
    ).vectors()
    np.testing.assert_allclose(compiled, eager, atol=0.03)


def test_a_damaged_row_is_computed_again(tmp_path, engine, store):
    data = pictures(tmp_path / "data", 20)
    first = run(data, engine, store).vectors()
    (file,) = (store.path / "data").iterdir()
    content = bytearray(file.read_bytes())
    at = content.find(first.astype(np.float16)[3].tobytes())
    content[at] ^= 1
    file.write_bytes(content)
    again = run(data, engine, Store(tmp_path / "cache", key(), (SIZE,)))
    assert again.misses == 1
    assert any("damaged" in warning for warning in again.warnings)
    assert again.vectors().tobytes() == first.tobytes()
    healed = run(data, never, Store(tmp_path / "cache", key(), (SIZE,)))
    assert healed.warnings == ()
    assert healed.vectors().tobytes() == first.tobytes()


def test_a_truncated_store_is_computed_again(tmp_path, engine, store):
    data = pictures(tmp_path / "data", 20)
    first = run(data, engine, store).vectors()
    (file,) = (store.path / "data").iterdir()
    file.write_bytes(file.read_bytes()[:100])
    again = run(data, engine, Store(tmp_path / "cache", key(), (SIZE,)))
    assert again.misses == 20
    assert any(store.path.name in warning for warning in again.warnings)
    assert again.vectors().tobytes() == first.tobytes()


def test_a_store_that_cannot_be_written_gives_the_same_answer(tmp_path, engine, store):
    data = pictures(tmp_path / "data", 11)
    first = run(data, engine, store)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "features").write_text("in the way")
    again = run(data, engine, Store(tmp_path / "other", key(), (SIZE,)))
    assert len(again.warnings) == 1
    assert again.vectors().tobytes() == first.vectors().tobytes()


def test_ctrl_c_keeps_what_was_computed(tmp_path, graph, engine, store):
    data = pictures(tmp_path / "data", 60)
    seen = 0

    class Impatient(Silent):
        def stage(self, title, total):
            from contextlib import contextmanager

            @contextmanager
            def stage():
                def advance(done):
                    nonlocal seen
                    seen += done
                    if seen >= 40:
                        raise KeyboardInterrupt

                yield advance

            return stage()

    with pytest.raises(KeyboardInterrupt):
        extract(data, PICTURE, engine, store, Impatient())
    store = Store(tmp_path / "cache", key(), (SIZE,))
    assert run(data, engine, store).hits >= 36


def viewed(data, engine, root, view):
    store = Store(root, key(view=view.name), (SIZE,))
    return extract(data, PICTURE, engine, store, Silent(), view)


def test_features_of_a_view_are_what_the_network_says_of_it(tmp_path, trunk, engine):
    data = pictures(tmp_path / "data", 5)
    for view in (View(flip=True), View(0.8, 0.1, 0.9)):
        decoded = [images.decode(images.load(path), PICTURE, view).pixels for path in data.items]
        with torch.no_grad():
            expected = trunk(torch.from_numpy(np.stack(decoded))).numpy()
        features = viewed(data, engine, tmp_path / "cache", view)
        assert features.misses == 5
        np.testing.assert_allclose(features.vectors(), expected, atol=2e-3)


def test_whole_and_mirrored_are_told_apart_and_mirrored_twice_is_whole(tmp_path, engine):
    data = pictures(tmp_path / "data", 6)
    mirrored = []
    for number, path in enumerate(data.items):
        mirrored.append(str(tmp_path / f"{number}.png"))
        with Image.open(path) as image:
            image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(mirrored[-1])
    back = Dataset("image", mirrored, data.names)
    whole = viewed(data, engine, tmp_path / "cache", WHOLE).vectors()
    flipped = viewed(data, engine, tmp_path / "cache", View(flip=True)).vectors()
    twice = viewed(back, engine, tmp_path / "cache", View(flip=True)).vectors()
    assert (np.abs(whole - flipped).max(axis=1) > 1e-3).all()
    np.testing.assert_allclose(twice, whole, atol=2e-3)


def test_a_view_is_computed_once_and_apart_from_the_others(tmp_path, engine):
    data, cache = pictures(tmp_path / "data", 6), tmp_path / "cache"
    views = fixed_views(4, 0)
    first = [viewed(data, engine, cache, view) for view in views]
    assert [(each.hits, each.misses) for each in first] == [(0, 6)] * 4
    assert len({each._store.path for each in first}) == 4
    again = [viewed(data, never, cache, view) for view in views]
    for one, other in zip(first, again, strict=True):
        assert one.vectors().tobytes() == other.vectors().tobytes()


def test_the_progress_says_which_view_is_read(tmp_path, engine):
    titles = []

    class Listening(Silent):
        def stage(self, title, total):
            titles.append(title)
            return super().stage(title, total)

    data = pictures(tmp_path / "data", 1)
    for view in (WHOLE, View(flip=True)):
        store = Store(tmp_path / "cache", key(view=view.name), (SIZE,))
        extract(data, PICTURE, engine, store, Listening(), view)
    assert titles == ["Reading images", "Reading images, view whole flipped"]


SCRIPT = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from headstart.features import extract as extracting
    from headstart.runtime.openvino_engine import OpenVINOEngine
    from headstart.features.store import Store
    from headstart.progress import Silent
    import openvino as ov
    from tests.features.conftest import PICTURE, SIZE, key, Dataset

    extracting.COMMIT_SECONDS = 0.05
    root, graph = Path(sys.argv[1]), sys.argv[2]
    paths = sorted(str(path) for path in (root / "data").iterdir())
    engine = lambda: OpenVINOEngine(ov.Core().read_model(graph), 1, "float32")
    store = Store(root / "cache", key(), (SIZE,))
    print("go", flush=True)
    features = extracting.extract(Dataset("image", paths, paths), PICTURE, engine, store, Silent())
    print(features.misses, features.vectors().tobytes().hex())
    """
)


@pytest.mark.slow
def test_kill_9_at_random_moments_then_the_same_bytes(tmp_path, graph, engine):
    import openvino as ov

    data = pictures(tmp_path / "data", 1500)
    expected = run(data, engine, Store(tmp_path / "undisturbed", key(), (SIZE,)))
    ov.save_model(graph, tmp_path / "graph.xml", compress_to_fp16=False)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), str(tmp_path / "graph.xml")]
    random = np.random.default_rng(0)
    stored = [0]
    for _ in range(10):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"go\n"
            time.sleep(random.uniform(0.05, 0.4))
            os.kill(process.pid, signal.SIGKILL)
        rows = Store(tmp_path / "cache", key(), (SIZE,))._on_disk
        assert rows >= stored[-1]
        stored.append(rows)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    misses, values = done.stdout.split()[1:]
    assert bytes.fromhex(values) == expected.vectors().tobytes()
    assert int(misses) == len(data) - stored[-1], "a committed row was computed again"
    assert Store(tmp_path / "cache", key(), (SIZE,))._on_disk == len(data)


def test_commits_happen_while_computing(tmp_path, engine, store, monkeypatch):
    monkeypatch.setattr(extracting, "COMMIT_SECONDS", 0.0)
    run(pictures(tmp_path / "data", 40), engine, store)
    assert len(list((store.path / "data").iterdir())) > 1
