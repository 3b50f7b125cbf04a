"""Documents from files, folders and tables."""

import json
from pathlib import Path

import pytest

from headstart.data import from_memory
from headstart.errors import InputError
from headstart.generation.texts import Document, read
from headstart.spec import FitSpec


def spec(**options) -> FitSpec:
    return FitSpec(task="generation", **options)


def paragraphs(number: int) -> str:
    return "\n\n".join(f"Paragraph {n}.\n" + "Some words of it. " * 20 for n in range(number))


def test_one_text_file_is_divided_into_parts_that_are_all_of_it(tmp_path):
    (tmp_path / "book.txt").write_text(paragraphs(60))
    found = read(str(tmp_path / "book.txt"), spec())
    assert len(found) > 10
    assert "".join(each.text for each in found.items) == paragraphs(60)
    assert [each.ends for each in found.items] == [False] * (len(found) - 1) + [True]
    assert found.names[0] == "book.txt, part 1"
    assert "book.txt is one text: it was divided into" in found.notes[0]


def test_a_text_without_blank_lines_is_divided_at_line_ends(tmp_path):
    (tmp_path / "log").write_text("a line of some words\n" * 2000)
    found = read(tmp_path / "log", spec())
    assert len(found) > 20
    assert all(each.text.endswith("words\n") for each in found.items)


def test_a_folder_with_one_text_is_that_text(tmp_path):
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "book.txt").write_text(paragraphs(60))
    assert len(read(tmp_path / "all", spec())) > 10


def test_a_folder_gives_a_document_a_file(tmp_path):
    for name in ("a.txt", "deep/b.txt", "deep/c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"text of {name}")
    (tmp_path / "empty.txt").write_text(" \n")
    found = read(tmp_path, spec())
    assert [each.text for each in found.items] == [
        "text of a.txt",
        "text of deep/b.txt",
        "text of deep/c.txt",
    ]
    assert all(each.ends and not each.prompt for each in found.items)
    assert [(each.item, each.reason) for each in found.skipped] == [
        ("empty.txt", "the text is empty or blank")
    ]
    with pytest.raises(InputError, match=r"empty\.txt"):
        read(tmp_path, spec(strict=True))


def test_folders_named_by_splits_are_splits(tmp_path):
    for name in ("train", "test", "val"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.txt").write_text(name)
    found = read(tmp_path, spec())
    assert {each.text: side for each, side in zip(found.items, found.splits, strict=True)} == {
        "train": "train",
        "test": "test",
        "val": "validation",
    }


def test_a_column_of_a_table_gives_a_document_a_row(tmp_path):
    (tmp_path / "t.csv").write_text("id,words\n1,one text\n2,\n3,another text\n")
    found = read(tmp_path / "t.csv", spec(input="words"))
    assert [each.text for each in found.items] == ["one text", "another text"]
    assert [each.item for each in found.skipped] == ["t.csv:3"]


def test_prompts_and_completions_of_a_row_stay_together(tmp_path):
    rows = [("Q1", "A1"), ("", "A2"), ("Q3", None), ("Q4", "A4")]
    lines = [json.dumps({"q": q, "a": a}) for q, a in rows]
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    found = read(tmp_path / "t.jsonl", spec(prompt="q", completion="a"))
    assert list(found.items) == [Document("A1", "Q1"), Document("A4", "Q4")]
    assert sorted(each.item for each in found.skipped) == ["t.jsonl:2", "t.jsonl:3"]


def test_other_data_can_be_tested_on(tmp_path):
    (tmp_path / "a.csv").write_text("text\none\ntwo\n")
    (tmp_path / "b.csv").write_text("text\nthree\n")
    found = read(tmp_path / "a.csv", spec(test=str(tmp_path / "b.csv")))
    assert [each.text for each in found.items] == ["one", "two", "three"]
    assert list(found.splits) == ["train", "train", "test"]


def test_texts_in_memory_are_documents():
    found = read(from_memory(["one", " ", "two\0"], modality="text"), spec())
    assert [each.text for each in found.items] == ["one", "two "]
    assert [each.reason for each in found.skipped] == ["the text is empty or blank"]


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (b"\xff\xfe\x00", {}, "line 1 is not UTF-8; give a text file in UTF-8"),
        (b" \n", {}, "the text is empty or blank"),
        (b"words", {"input": "text"}, "has no columns"),
        (b"words", {"prompt": "a", "completion": "b"}, "has no columns"),
    ],
)
def test_a_text_file_that_cannot_be_used_gets_a_sentence(tmp_path, content, options, said):
    (tmp_path / "x.txt").write_bytes(content)
    with pytest.raises(InputError, match=said):
        read(tmp_path / "x.txt", spec(**options))


def test_what_is_wrong_gets_a_sentence(tmp_path):
    with pytest.raises(InputError, match="There is no file or folder"):
        read(tmp_path / "none.txt", spec())
    (tmp_path / "t.csv").write_text("q,a\none,\n")
    with pytest.raises(InputError, match="can be used"):
        read(tmp_path / "t.csv", spec(prompt="q", completion="a"))
    with pytest.raises(InputError, match="has no column 'b'"):
        read(tmp_path / "t.csv", spec(prompt="q", completion="b"))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "x.jpg").write_bytes(b"")
    with pytest.raises(InputError, match="The data holds images"):
        read(tmp_path / "photos", spec())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"task": "generation", "strategy": "from-scratch"}, "--strategy is 'from-scratch'"),
        ({"task": "generation", "prompt": "a"}, "--prompt and --completion go together"),
        ({"task": "generation", "head": "knn"}, "--head means nothing to --task generation"),
        ({"task": "generation", "budget": "5m"}, "--budget means nothing to --task generation"),
        ({"task": "generation", "label": "x"}, "--label means nothing to --task generation"),
        ({"prompt": "a", "completion": "b"}, "--prompt is for --task generation"),
        (
            {"task": "generation", "prompt": "a", "completion": "b", "input": "c"},
            "--input names whole texts",
        ),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        FitSpec(**options)


def test_the_limit_of_the_store_goes_with_the_default_strategy():
    assert spec(store_limit="1GB").store_limit == "1GB"


def test_a_special_file_is_refused_and_not_waited_for(tmp_path: Path):
    import os

    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="not a regular file"):
        read(tmp_path / "pipe", spec())


def test_texts_beside_splits_are_refused(tmp_path):
    for name in ("train/a.txt", "train/b.txt", "test/c.txt", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"text of {name}")
    with pytest.raises(InputError, match=r"'test', 'train' look like splits, but 'notes.txt' is"):
        read(tmp_path, spec())
    (tmp_path / "notes.txt").unlink()
    assert sorted(read(tmp_path, spec()).splits) == ["test", "train", "train"]


@pytest.mark.parametrize("options", [{"input": "q"}, {"prompt": "q", "completion": "a"}])
def test_what_is_in_memory_has_no_columns(options):
    with pytest.raises(InputError, match="What is in memory has no columns"):
        read(from_memory(["a text", "another"], modality="text"), spec(**options))


def test_a_short_text_is_one_part_and_nothing_is_said_of_parts(tmp_path):
    (tmp_path / "note.txt").write_text("A few words.")
    found = read(tmp_path / "note.txt", spec())
    assert (len(found), found.notes) == (1, ())


def test_a_folder_without_texts_is_said_to_have_none(tmp_path):
    (tmp_path / "notes.md").write_text("A few words.")
    with pytest.raises(InputError, match=r"There are no \.txt files in .*, and no table"):
        read(tmp_path, spec())


def test_a_missing_column_is_named_by_its_own_option(tmp_path):
    (tmp_path / "qa.csv").write_text("q,a\nwhat,this\n")
    with pytest.raises(InputError, match=r"'zz' \(--completion\)"):
        read(tmp_path / "qa.csv", spec(prompt="q", completion="zz"))
