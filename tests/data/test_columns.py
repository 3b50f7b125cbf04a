import json
import random

import pytest

from headstart.data import read
from headstart.data.reads import TrainedSpec
from headstart.data.rows import dataset_of
from headstart.data.table import read_table
from headstart.errors import InputError
from headstart.spec import ReadSpec
from tests.data.tables import delimited

TEXTS = [f"the text of row {n}" for n in range(12)]


def table(folder, header, rows):
    (folder / "t.csv").write_text(delimited(header, rows))
    return folder / "t.csv"


def test_one_column_for_each_class(tmp_path):
    kinds = ["toxic", "insult", "threat"]
    one = [tuple(int(n % 3 == k) for k in range(3)) for n in range(12)]
    several = [tuple(int(n >> k & 1) for k in range(3)) for n in range(12)]
    for marks in (one, several):
        rows = [(n, text, *mark) for n, (text, mark) in enumerate(zip(TEXTS, marks, strict=True))]
        found = read(table(tmp_path, ["id", "comment_text", *kinds], rows), ReadSpec())
        assert found.reads.label == tuple(kinds)
        said = [label if isinstance(label, tuple) else (label,) for label in found.labels]
        expected = [
            tuple(sorted(k for k, m in zip(kinds, mark, strict=True) if m)) for mark in marks
        ]
        assert said == expected
        assert any("'toxic', 'insult', 'threat'" in note for note in found.notes)


def test_two_columns_of_yes_and_no_are_a_question(tmp_path):
    rows = [(text, n % 2, n // 2 % 2) for n, text in enumerate(TEXTS)]
    with pytest.raises(InputError, match="--label"):
        read(table(tmp_path, ["text", "verified", "retweet"], rows), ReadSpec())
    rows = [(text, n % 2, 1 - n % 2) for n, text in enumerate(TEXTS)]
    found = read(table(tmp_path, ["text", "good", "bad"], rows), ReadSpec())
    assert found.reads.label == ("good", "bad")


def test_texts_of_several_columns(tmp_path):
    rows = [("one", "two", "a"), ("three", "", "b"), ("", "", "a")]
    path = table(tmp_path, ["title", "body", "label"], rows)
    found = read(path, ReadSpec(input="title,body"))
    assert list(found.items) == ["one\ntwo", "three"]
    assert found.reads.input == ("title", "body")
    assert [each.item for each in found.skipped] == ["t.csv:4"]
    with pytest.raises(InputError, match="'bodies'"):
        read(path, ReadSpec(input="title,bodies"))
    with pytest.raises(InputError, match="both"):
        read(path, ReadSpec(input="title,label", label="label"))


def test_an_index_is_neither_input_nor_label(tmp_path):
    rows = [(n, n, text, "xy"[n % 2]) for n, text in enumerate(TEXTS)]
    found = read(table(tmp_path, ["Unnamed: 0", "id", "words", "mood"], rows), ReadSpec())
    assert found.reads.input == ("words",)
    assert found.reads.label == ("mood",)


def test_what_can_have_no_answer_keeps_its_place(tmp_path):
    lines = [{"text": t} for t in ("a", "", None, 7, "b", "c\ud800", [1])]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n\n" + '{"text": "c"}')
    table = read_table(tmp_path / "t.jsonl")
    found = dataset_of(table, ReadSpec(), labelled=False, in_place=True)
    assert found.names == [f"t.jsonl:{n}" for n in range(1, 10)]
    assert [item for item in found.items if isinstance(item, str)] == [
        "a",
        "7",
        "b",
        "c\ufffd",
        "c",
    ]
    assert [getattr(item, "reason", None) for item in found.items][1] == (
        "the text is empty or blank"
    )
    with pytest.raises(InputError, match=r"t\.jsonl:2"):
        dataset_of(table, ReadSpec(strict=True), labelled=False, in_place=True)


def test_twenty_thousand_columns(tmp_path):
    names = [f"c{n}" for n in range(20_000)]
    rows = [(f"text {n}", "ab"[n % 2], *["1"] * 20_000) for n in range(3)]
    found = read(table(tmp_path, ["text", "label", *names], rows), ReadSpec())
    assert found.labels == ["a", "b", "a"]
    repeated = [*names, random.Random(0).choice(names)]
    with pytest.raises(InputError, match="twice"):
        read(
            table(tmp_path, ["text", "label", *repeated], [("t", "a", *["1"] * 20_001)]), ReadSpec()
        )


@pytest.mark.parametrize(
    "names", [("sentence1", "sentence2"), ("text_a", "text_b"), ("premise", "hypothesis")]
)
def test_half_of_a_pair_of_texts_is_a_question(tmp_path, names):
    rows = [(text, f"{text}, again", n % 3) for n, text in enumerate(TEXTS)]
    path = table(tmp_path, [*names, "label"], rows)
    with pytest.raises(InputError, match=f"--input {','.join(names)}"):
        read(path, ReadSpec())
    assert len(read(path, ReadSpec(input=",".join(names)))) == 12
    rows = [("ham" if n % 3 else "spam", text) for n, text in enumerate(TEXTS)]
    found = read(table(tmp_path, ["v1", "v2"], rows), ReadSpec())
    assert (found.reads.input, found.reads.label) == (("v2",), ("v1",))


def test_columns_whose_names_differ_in_case_are_a_question(tmp_path):
    rows = [(text, n % 2, n % 3) for n, text in enumerate(TEXTS)]
    with pytest.raises(InputError, match="'Label', 'label'; name one with --label"):
        read(table(tmp_path, ["text", "Label", "label"], rows), ReadSpec())
    with pytest.raises(InputError, match="'Text', 'text'; name one with --input"):
        read(
            table(tmp_path, ["Text", "text", "label"], [(t, t, n) for t, n, _ in rows]), ReadSpec()
        )


def test_a_title_gives_way_to_the_text_below_it(tmp_path):
    rows = [("fine", text, n % 5) for n, text in enumerate(TEXTS)]
    found = read(table(tmp_path, ["Title", "Review Text", "Rating"], rows), ReadSpec())
    assert found.reads.input == ("Review Text",)


def test_one_column_has_no_label(tmp_path):
    for header in ("text", "text::label"):
        path = tmp_path / "t.csv"
        path.write_text("\n".join([header, *TEXTS]))
        with pytest.raises(InputError, match="no column for the label"):
            read(path, ReadSpec())
        assert len(read(path, ReadSpec(), labelled=False)) == 12


def test_a_model_splits_labels_as_it_learnt_to(tmp_path):
    """A file in which nobody has several classes does not tell how they are separated."""
    tags = ["New York|Paris", "New York", "Paris"]
    rows = [(text, tags[n % 3]) for n, text in enumerate(TEXTS)]
    spec = {"task": "multilabel"}
    learnt = read(table(tmp_path, ["text", "tags"], rows), ReadSpec(**spec)).reads
    assert learnt.separator == "|"
    path = table(tmp_path, ["text", "tags"], [(text, "New York") for text in TEXTS])
    assert set(read(path, TrainedSpec(**spec, trained=learnt)).labels) == {("New York",)}


def test_a_text_of_digits_is_one_in_every_format(tmp_path):
    rows = [(7, "a"), ("seven", "b"), (2.5, "a")]
    (tmp_path / "t.jsonl").write_text(
        "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
    )
    for path in (table(tmp_path, ["text", "label"], rows), tmp_path / "t.jsonl"):
        assert list(read(path, ReadSpec()).items) == ["7", "seven", "2.5"]


def test_a_sentence_of_its_own_in_every_row_is_no_label(tmp_path):
    rows = [(text, f"{text}, said otherwise") for text in TEXTS]
    path = table(tmp_path, ["english", "french"], rows)
    with pytest.raises(InputError, match="no column that is surely the label"):
        read(path, ReadSpec())
    assert len(read(path, ReadSpec(label="french"))) == 12
    amounts = table(tmp_path, ["text", "price"], [(text, n * 1.5) for n, text in enumerate(TEXTS)])
    assert read(amounts, ReadSpec()).task == "regression"
