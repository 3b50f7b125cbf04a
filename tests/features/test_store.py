import multiprocessing
import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from headstart.features.cache import prune, show
from headstart.features.store import MANY, Store, StoreDamagedError
from headstart.preprocessing import fixed_views

from .conftest import SIZE, key


def digests(*numbers: int) -> list[bytes]:
    return [number.to_bytes(16, "big") for number in numbers]


def wanted(names: list[bytes]) -> np.ndarray:
    return np.array(names, "S16")


def put(store: Store, numbers: list[int], value: float = 1.0) -> None:
    values = np.full((len(numbers), SIZE), value, np.float16)
    store.append(digests(*numbers), values, [None] * len(numbers))
    store.refresh()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    names=st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=20, unique=True),
    data=st.data(),
)
def test_it_returns_what_was_put(tmp_path, names, data):
    root = tmp_path / str(abs(hash(tuple(names))))
    store = Store(root, key(), (SIZE,))
    values = data.draw(
        arrays.arrays(np.float16, (len(names), SIZE), elements=st.floats(-100, 100, width=16))
    )
    notes = data.draw(st.lists(st.none() | st.text(), min_size=len(names), max_size=len(names)))
    cut = data.draw(st.integers(0, len(names)))
    for part in (slice(0, cut), slice(cut, None)):
        if names[part]:
            store.append(names[part], values[part], notes[part])
    again = Store(root, key(), (SIZE,))
    order = data.draw(st.permutations(range(len(names))))
    got, said, sound = again.read(wanted([names[i] for i in order]))
    assert sound.all()
    assert got.tobytes() == values[list(order)].tobytes()
    assert said == [notes[i] for i in order]


def test_what_was_not_put_is_not_found(store):
    put(store, [1, 2])
    assert store.find(wanted(digests(3, 1, 0))).tolist() == [-1, 0, -1]


def test_another_key_is_another_store(tmp_path, store):
    put(store, [1])
    for field in ("fingerprint", "cut", "preprocessing", "view", "dtype", "made_by", "backbone"):
        other = Store(tmp_path / "cache", key(**{field: "other"}), (SIZE,))
        assert other.find(wanted(digests(1))).tolist() == [-1], field


def test_the_last_row_of_a_digest_counts(store):
    put(store, [1], value=1)
    put(store, [1], value=2)
    values, _, _ = store.read(wanted(digests(1)))
    assert values[0, 0] == 2


def test_a_disk_that_refuses_keeps_rows_in_memory_with_one_warning(tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "features").write_text("a file where a folder should be")
    store = Store(tmp_path / "cache", key(), (SIZE,))
    put(store, [1], value=3)
    put(store, [2], value=4)
    assert len(store.warnings) == 1
    assert "in memory" in store.warnings[0]
    values, _, sound = store.read(wanted(digests(2, 1)))
    assert sound.all()
    assert values[:, 0].tolist() == [4, 3]


def data_files(store: Store) -> list[Path]:
    return sorted((store.path / "data").iterdir())


def test_a_flipped_bit_is_found(store):
    put(store, list(range(50)), value=1.5)
    file = data_files(store)[0]
    content = bytearray(file.read_bytes())
    at = content.find(np.full(SIZE, 1.5, np.float16).tobytes())
    assert at >= 0
    content[at] ^= 1
    file.write_bytes(content)
    again = Store(store.path.parent.parent, key(), (SIZE,))
    _, _, sound = again.read(wanted(digests(*range(50))))
    assert (~sound).sum() == 1


def test_a_truncated_file_is_found(store):
    put(store, [1, 2])
    file = data_files(store)[0]
    file.write_bytes(file.read_bytes()[:40])
    again = Store(store.path.parent.parent, key(), (SIZE,))
    missing = (again.find(wanted(digests(1))) < 0).all()
    if not missing:
        with pytest.raises(StoreDamagedError):
            again.read(wanted(digests(1, 2)))
    else:
        assert "damaged" in again.warnings[0]


def test_a_store_that_cannot_be_opened_is_removed_and_starts_again(store):
    put(store, [1, 2])
    for manifest in (store.path / "_versions").iterdir():
        manifest.write_bytes(b"nonsense")
    again = Store(store.path.parent.parent, key(), (SIZE,))
    assert "damaged" in again.warnings[0]
    assert again.find(wanted(digests(1))).tolist() == [-1]
    put(again, [1])
    assert again.find(wanted(digests(1))).tolist() == [0]


def test_many_small_fragments_are_joined(store):
    for number in range(MANY + 2):
        put(store, [number], value=number)
    store.tidy()
    again = Store(store.path.parent.parent, key(), (SIZE,))
    assert len(again._disk.get_fragments()) < MANY
    values, _, sound = again.read(wanted(digests(*range(MANY + 2))))
    assert sound.all()
    assert values[:, 0].tolist() == list(range(MANY + 2))


def append_some(root: str, start: int) -> list[str]:
    store = Store(Path(root), key(), (SIZE,))
    for number in range(start, start + 5):
        put(store, [number], value=number)
    return store.warnings


def test_four_processes_fill_one_cold_store(tmp_path):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(4, mp_context=context) as pool:
        warnings = list(pool.map(append_some, [str(tmp_path)] * 8, range(0, 40, 5)))
    assert warnings == [[]] * 8
    store = Store(tmp_path, key(), (SIZE,))
    values, _, sound = store.read(wanted(digests(*range(40))))
    assert sound.all()
    assert values[:, 0].tolist() == list(range(40))


def aged(root: Path, days: float, **changes: str) -> Store:
    store = Store(root, key(**changes), (SIZE,))
    put(store, [1, 2, 3])
    when = datetime.now(UTC).timestamp() - days * 86_400
    os.utime(store.path, (when, when))
    return store


@pytest.mark.parametrize("folder", [".", "thumbnails"])
def test_show_and_prune(tmp_path, folder):
    new = aged(tmp_path, 0, backbone="new")
    old = aged(tmp_path / folder, 40, backbone="old")
    infos = show(tmp_path)
    assert [info.backbone for info in infos] == ["new", "old"]
    assert [info.rows for info in infos] == [3, 3]
    assert all(info.bytes > 0 and info.cut == "layers.6" for info in infos)
    assert prune(tmp_path, older_than_days=60) == []
    assert prune(tmp_path, older_than_days=1e300) == []
    assert [info.name for info in prune(tmp_path, older_than_days=30)] == [old.path.name]
    assert prune(tmp_path, max_bytes=10**9) == []
    assert prune(tmp_path, backbone="other") == []
    assert [info.name for info in prune(tmp_path, max_bytes=0)] == [new.path.name]
    assert show(tmp_path) == []


def test_the_least_recently_used_goes_first_however_large_the_last(tmp_path):
    new = aged(tmp_path, 0, backbone="new")
    put(new, list(range(100, 20_100)))
    middle, old = (aged(tmp_path, days, backbone=f"used {days}") for days in (10, 40))
    when = datetime.now(UTC).timestamp()
    os.utime(new.path, (when, when))
    sizes = {info.name: info.bytes for info in show(tmp_path)}
    assert sizes[new.path.name] > 10 * sizes[old.path.name]
    room = sizes[new.path.name] + sizes[middle.path.name]
    assert [info.name for info in prune(tmp_path, max_bytes=room)] == [old.path.name]
    aged(tmp_path, 40, backbone="used 40")
    gone = prune(tmp_path, max_bytes=sizes[new.path.name])
    assert [info.name for info in gone] == [old.path.name, middle.path.name]
    assert [info.name for info in show(tmp_path)] == [new.path.name]


def test_the_network_counts_with_its_features(tmp_path):
    store = aged(tmp_path, 0)
    before = show(tmp_path)[0].bytes
    graph = tmp_path / "graphs" / store.path.name.removesuffix(".lance")
    graph.mkdir(parents=True)
    (graph / "network.bin").write_bytes(b"x" * 1000)
    assert show(tmp_path)[0].bytes == before + 1000
    prune(tmp_path, max_bytes=before)
    assert not graph.exists()


def test_the_views_of_one_training_are_told_apart(tmp_path):
    views = fixed_views(8, 0)
    form = "ImagePreprocessing(height=224, width=192, crop_fraction=0.875)"
    for view in views:
        aged(tmp_path, 0, view=view.name, preprocessing=form)
    infos = show(tmp_path)
    assert {info.view for info in infos} == {view.name for view in views}
    assert {info.size for info in infos} == {"224 x 192"}
    aged(tmp_path, 0, pool="mean, a (mean), b (max)")
    assert {info.pool for info in show(tmp_path)} >= {"mean and 2 more"}


def test_prune_with_no_limit_removes_everything(tmp_path):
    aged(tmp_path, 0)
    assert len(prune(tmp_path)) == 1
    assert not any((tmp_path / "features").iterdir())


def test_show_names_a_damaged_store(tmp_path):
    store = aged(tmp_path, 0)
    shutil.rmtree(store.path / "_versions")
    (store.path / "_versions").mkdir()
    (store.path / "_versions" / "1.manifest").write_bytes(b"x")
    assert [info.backbone for info in show(tmp_path)] == ["(damaged)"]


def test_tidying_beside_another_writer_moves_no_row(store, tmp_path):
    for number in range(MANY + 2):
        put(store, [number], value=number)
    put(Store(tmp_path / "cache", key(), (SIZE,)), [1000], value=1000)
    store.tidy()
    values, _, sound = store.read(wanted(digests(*range(MANY + 2), 1000)))
    assert sound.all()
    assert values[:, 0].tolist() == [*range(MANY + 2), 1000]


def test_a_row_that_is_not_the_one_asked_for_is_found(store):
    put(store, [1, 2], value=1)
    store._rows = store._rows[::-1].copy()
    _, _, sound = store.read(wanted(digests(1, 2)))
    assert not sound.any()


def test_what_is_not_there_is_not_sound(store):
    put(store, [1])
    values, _, sound = store.read(wanted(digests(7, 1)))
    assert sound.tolist() == [False, True]
    assert values.shape == (2, SIZE)


def test_trouble_of_the_machine_is_not_taken_for_damage(store, tmp_path, monkeypatch):
    put(store, [1, 2], value=3)

    def refuse(*_):
        raise OSError("LanceError(IO): Too many open files (os error 24)")

    with monkeypatch.context() as patch:
        patch.setattr("lance.dataset", refuse)
        hindered = Store(tmp_path / "cache", key(), (SIZE,))
        assert "cannot be read now" in hindered.warnings[0]
        put(hindered, [9], value=9)
        values, _, sound = hindered.read(wanted(digests(9)))
        assert sound.all()
        assert values[0, 0] == 9
    again = Store(tmp_path / "cache", key(), (SIZE,))
    assert again.warnings == []
    assert again.find(wanted(digests(1, 2))).tolist() == [0, 1]
