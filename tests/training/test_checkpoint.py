import contextlib
import itertools
import json
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from headstart.errors import InputError
from headstart.training.checkpoint import Checkpoint, Unfinished

MADE_FOR = {"the data": "abc", "--seed": 3, "--budget": None, "torch": "2.14"}


class Killed(BaseException):
    """What a kill is to the code that is killed: nothing that it could catch."""


@contextlib.contextmanager
def killed_at(moment: int, done: float):
    """Die at the n-th change of a file, of which a share was done; after the last, do not."""
    operations = itertools.count()
    saved = {
        name: getattr(Path, name) for name in ("write_bytes", "write_text", "replace", "unlink")
    }

    def dying(name):
        def operation(path, *args, **named):
            if next(operations) != moment:
                return saved[name](path, *args, **named)
            if done == 1:
                saved[name](path, *args, **named)
            elif done and name.startswith("write"):
                saved[name](path, args[0][: int(done * len(args[0]))], *args[1:], **named)
            raise Killed

        return operation

    with pytest.MonkeyPatch.context() as patch:
        for name in saved:
            patch.setattr(Path, name, dying(name))
        yield


MOMENTS = [(moment, done) for moment in range(6) for done in (0, 0.5, 1)]


def state(number: int) -> dict[str, torch.Tensor]:
    return {"weights/a": torch.full((3, 2), float(number)), "step": torch.tensor(number)}


def save(checkpoint: Checkpoint, number: int) -> None:
    checkpoint.save(state(number), {"step": number})


def number_in(checkpoint: Checkpoint) -> int | None:
    """Which of the states is there; fails on a mixture."""
    saved = checkpoint.load()
    if saved is None:
        return None
    number = saved.counters["step"]
    assert saved.tensors.keys() == state(number).keys()
    assert all(torch.equal(saved.tensors[name], each) for name, each in state(number).items())
    return number


def bits(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


@settings(max_examples=20, deadline=None)
@given(
    shapes=st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=9),
        st.tuples(
            st.lists(st.integers(0, 4), max_size=4),
            st.sampled_from([torch.float32, torch.bfloat16, torch.float64, torch.int64]),
        ),
        max_size=4,
    ).filter(lambda found: "__metadata__" not in found),
    losses=st.lists(st.floats(), max_size=5),
    seed=st.integers(0, 9),
)
def test_what_was_saved_is_loaded_bit_for_bit(tmp_path_factory, shapes, losses, seed):
    random = torch.Generator().manual_seed(seed)
    tensors = {
        name: torch.randn(shape, generator=random).to(dtype)
        for name, (shape, dtype) in shapes.items()
    }
    checkpoint = Checkpoint(tmp_path_factory.mktemp("checkpoint") / "a" / "b")
    checkpoint.save(tensors, {"step": seed, "losses": losses})
    saved = checkpoint.load()
    assert saved.tensors.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert saved.tensors[name].dtype == tensor.dtype
        assert saved.tensors[name].shape == tensor.shape
        assert bits(saved.tensors[name]) == bits(tensor)
    assert repr(saved.counters) == repr({"step": seed, "losses": losses})


def test_a_tensor_of_another_layout_is_kept_too(tmp_path):
    tensor = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    Checkpoint(tmp_path).save({"a": tensor, "b": tensor[0, 0].T}, {})
    saved = Checkpoint(tmp_path).load()
    assert torch.equal(saved.tensors["a"], tensor)
    assert torch.equal(saved.tensors["b"], tensor[0, 0].T)


def test_where_nothing_was_saved_there_is_nothing(tmp_path):
    assert Checkpoint(tmp_path / "absent").load() is None
    assert not (tmp_path / "absent").exists()


def test_the_last_state_counts_and_the_others_are_gone(tmp_path):
    for number in range(7):
        save(Checkpoint(tmp_path), number)
        assert number_in(Checkpoint(tmp_path)) == number
        assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(("moment", "done"), MOMENTS)
@pytest.mark.parametrize("before", [None, 1])
def test_a_kill_leaves_the_old_state_or_the_new(tmp_path, before, moment, done):
    checkpoint = Checkpoint(tmp_path / "rung")
    if before:
        save(checkpoint, before)
    try:
        with killed_at(moment, done):
            save(checkpoint, 2)
        survived = True
    except Killed:
        survived = False
    assert number_in(checkpoint) in ({2} if survived else {before, 2})
    save(checkpoint, 3)
    assert number_in(checkpoint) == 3


def test_the_moments_reach_past_the_end_of_a_save(tmp_path):
    save(Checkpoint(tmp_path), 1)
    with killed_at(MOMENTS[-1][0], 1):
        save(Checkpoint(tmp_path), 2)


def test_two_kills_one_after_the_other_leave_an_old_state_or_the_new(tmp_path):
    for one, other in itertools.product(MOMENTS, MOMENTS):
        folder = tmp_path / "rung"
        checkpoint = Checkpoint(folder)
        save(checkpoint, 1)
        for number, moment in ((2, one), (3, other)):
            with contextlib.suppress(Killed), killed_at(*moment):
                save(checkpoint, number)
            assert number_in(checkpoint) in (1, 2, number), (one, other)
        save(checkpoint, 4)
        assert number_in(checkpoint) == 4
        assert len(list(folder.glob("*.safetensors"))) == 1, (one, other)
        shutil.rmtree(folder)


def damaged(folder: Path) -> str:
    with pytest.raises(InputError) as error:
        Checkpoint(folder).load()
    return str(error.value)


def test_damage_is_told_in_one_sentence(tmp_path):
    said = f"The checkpoint in {str(tmp_path)!r} is damaged; remove the folder to start again."
    save(Checkpoint(tmp_path), 1)
    (tensors,) = tmp_path.glob("*.safetensors")
    whole = tensors.read_bytes()
    for content in (b"", whole[:5], whole[:-1], whole[: len(whole) // 2], b"nonsense" * 20):
        tensors.write_bytes(content)
        assert damaged(tmp_path) == said
    tensors.unlink()
    assert damaged(tmp_path) == said
    tensors.write_bytes(whole)
    for content in (b"", b"{", b"[]", b"7", b"{}", b'{"tensors": 3, "counters": {}}', b"\xff"):
        (tmp_path / "state.json").write_bytes(content)
        assert damaged(tmp_path) == said


def test_a_flipped_bit_is_found(tmp_path):
    save(Checkpoint(tmp_path), 1)
    (tensors,) = tmp_path.glob("*.safetensors")
    content = bytearray(tensors.read_bytes())
    content[-1] ^= 1
    tensors.write_bytes(content)
    damaged(tmp_path)


def test_the_files_are_tensors_and_json_alone(tmp_path):
    unfinished = Unfinished(tmp_path / "x", MADE_FOR)
    unfinished.decide([{"rung": "lora"}])
    save(unfinished.checkpoint("lora"), 1)
    files = [each for each in (tmp_path / "x").rglob("*") if each.is_file()]
    assert len(files) == 3
    for file in files:
        if file.suffix == ".json":
            assert isinstance(json.loads(file.read_text("utf-8")), dict)
        else:
            with safe_open(file, "pt") as tensors:
                assert set(tensors.keys()) == set(state(1))


def test_each_rung_has_a_checkpoint_of_its_own(tmp_path):
    unfinished = Unfinished(tmp_path, MADE_FOR)
    save(unfinished.checkpoint("lora"), 1)
    save(unfinished.checkpoint("fine-tuning-after-blocks.4"), 2)
    assert number_in(unfinished.checkpoint("lora")) == 1
    assert number_in(unfinished.checkpoint("fine-tuning-after-blocks.4")) == 2


def test_a_checkpoint_is_never_without_what_it_belongs_to(tmp_path):
    Unfinished(tmp_path / "x", MADE_FOR).checkpoint("lora after h.1")
    again = Unfinished(tmp_path / "x", {**MADE_FOR, next(iter(MADE_FOR)): "other"})
    with pytest.raises(InputError, match="run the same command as then"):
        again.check()


def test_what_is_unfinished_goes_on_with_the_same(tmp_path):
    first = Unfinished(tmp_path / "x", MADE_FOR)
    first.check()
    assert first.decisions() == []
    assert not (tmp_path / "x").exists()
    decisions = [{"rung": "lora", "left": 12.5, "why_not": None}]
    first.decide(decisions)
    again = Unfinished(tmp_path / "x", dict(MADE_FOR))
    again.check()
    assert again.decisions() == decisions


@pytest.mark.parametrize("name", MADE_FOR)
def test_what_is_unfinished_does_not_go_on_with_something_else(tmp_path, name):
    Unfinished(tmp_path, MADE_FOR).decide([])
    with pytest.raises(InputError) as error:
        Unfinished(tmp_path, MADE_FOR | {name: "other"}).check()
    assert str(error.value) == (
        f"The unfinished training in {str(tmp_path)!r} was begun with {name} {MADE_FOR[name]!r}, "
        "but now it is 'other'; run the same command as then to go on, or remove the folder to "
        "start again."
    )


@pytest.mark.parametrize("done", [0, 0.5, 1])
@pytest.mark.parametrize("moment", range(3))
def test_a_kill_leaves_the_old_decisions_or_the_new(tmp_path, moment, done):
    unfinished = Unfinished(tmp_path, MADE_FOR)
    unfinished.decide([{"rung": "a"}])
    with contextlib.suppress(Killed), killed_at(moment, done):
        unfinished.decide([{"rung": "a"}, {"rung": "b"}])
    unfinished.check()
    assert [each["rung"] for each in unfinished.decisions()] in (["a"], ["a", "b"])


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"run_identity"'])
def test_damaged_decisions_are_told_in_one_sentence(tmp_path, content):
    (tmp_path / "ladder.json").write_bytes(content)
    for ask in (Unfinished(tmp_path, MADE_FOR).check, Unfinished(tmp_path, MADE_FOR).decisions):
        with pytest.raises(InputError, match="is damaged; remove the folder to start again"):
            ask()


@pytest.mark.parametrize("run_identity", [[], 3, None])
def test_damaged_settings_are_told_in_one_sentence(tmp_path, run_identity):
    (tmp_path / "ladder.json").write_text(json.dumps({"run_identity": run_identity}))
    with pytest.raises(InputError, match="remove the folder to start again"):
        Unfinished(tmp_path, MADE_FOR).check()


def test_forgetting_is_forgiving(tmp_path):
    unfinished = Unfinished(tmp_path / "x", MADE_FOR)
    unfinished.remove()
    unfinished.decide([])
    save(unfinished.checkpoint("lora"), 1)
    unfinished.remove()
    assert list(tmp_path.iterdir()) == []
