import gzip

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headstart.data import read
from headstart.data.table import is_table, read_table
from headstart.errors import InputError
from headstart.spec import ReadSpec
from tests.data.tables import delimited

HEADER = ["text", "label"]
ROWS = [("a good, long film", "pos"), ("a bad film; really", "neg"), ("fine | dandy", "pos")]


def table(folder, content, name="t.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path)


def rows_of(found):
    return list(zip(*found.columns.values(), strict=True))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["t.csv", "t.tsv"])
def test_the_separator_is_recognised_and_said(tmp_path, separator, name):
    found = table(tmp_path, delimited(["id", *HEADER], [("1", *r) for r in ROWS], separator), name)
    assert list(found.columns) == ["id", *HEADER]
    assert rows_of(found) == [("1", *row) for row in ROWS]
    expected = {"t.csv": ",", "t.tsv": "\t"}[name]
    assert any("separated by" in note for note in found.notes) == (separator != expected)


def test_what_excel_says_of_its_separator(tmp_path):
    found = table(tmp_path, "sep=;\r\ntext;label\r\na, b, c;pos\r\n")
    assert rows_of(found) == [("a, b, c", "pos")]
    assert found.row_name(0) == "t.csv:3"


def test_commas_in_a_table_of_one_column_are_text(tmp_path):
    found = table(tmp_path, 'text\nwell, then\nno comma\n"quoted, too"\n')
    assert found.columns["text"] == ["well, then", "no comma", "quoted, too"]


ENCODINGS = {
    "utf-8": "", "utf-8-sig": "", "utf-16": "UTF-16", "utf-16-le": "UTF-16-LE",
    "utf-16-be": "UTF-16-BE", "utf-32": "UTF-32", "cp1252": "Windows-1252",
}  # fmt: skip


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_the_encoding_is_recognised_and_said(tmp_path, encoding, ends):
    content = "text,label\nein schöner Film,gut\nun café – très “cher”,schlecht\n"
    found = table(tmp_path, content.replace("\n", ends).encode(encoding))
    assert rows_of(found) == [("ein schöner Film", "gut"), ("un café – très “cher”", "schlecht")]
    assert ENCODINGS[encoding] in " ".join(found.notes)
    assert bool(found.notes) == bool(ENCODINGS[encoding])


def test_an_encoding_that_is_not_sure_names_the_line(tmp_path):
    for encoding in ("cp1251", "shift-jis", "gbk"):
        text = "текст,класс\nхороший фильм,да\n" if encoding == "cp1251" else "文章,分類\n良い,一\n"
        with pytest.raises(InputError, match=r"t\.csv, line 1: byte 1 .*UTF-8"):
            table(tmp_path, text.encode(encoding))
    with pytest.raises(InputError, match="line 3.*UTF-8"):
        table(tmp_path, b"text,label\nx,a\nbad\x81,b\n")


def test_a_damaged_byte_costs_its_row(tmp_path):
    content = "text,label\nschön,a\nkaputt\xff,b\nüber,a\nso,b\x9c\n".encode("latin-1")
    content = content.replace(b"sch\xf6n", "schön".encode()).replace(b"\xfcber", "über".encode())
    (tmp_path / "t.csv").write_bytes(content)
    found = read(tmp_path / "t.csv", ReadSpec())
    assert list(found.items) == ["schön", "über"]
    assert [each.item for each in found.skipped] == ["t.csv:3", "t.csv:5"]
    assert any("line 3" in note for note in found.notes)


@pytest.mark.parametrize("name", ["t.csv.gz", "t.tsv.bz2", "t.csv.xz"])
def test_compressed(tmp_path, name):
    import bz2
    import lzma

    pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}[name[5:]]
    whole = pack(delimited(HEADER, ROWS, "\t" if "tsv" in name else ",").encode() * 50)
    assert is_table(tmp_path / name)
    assert not is_table(tmp_path / "archive.tar.gz")
    content = whole if len(whole) else b""
    assert rows_of(table(tmp_path, content, name))[:3] == ROWS
    for damaged in (whole[: len(whole) // 2], b"no archive at all", whole[:20] + b"\0" * 40):
        with pytest.raises(InputError, match=f"{name}.*decompressed"):
            table(tmp_path, damaged, name)


def test_lone_quotes_are_characters_and_never_merge_rows(tmp_path):
    lines = ['"Good movie, all told\tpos', "plain\tneg", 'bad, she said"\tneg', '5" nails\tpos']
    found = table(tmp_path, "\n".join(["text\tlabel", *lines]), "t.tsv")
    assert rows_of(found) == [tuple(line.split("\t")) for line in lines]
    assert "line 2" in found.warnings[0]
    found = table(tmp_path, 'text,label\n"Good" movie,pos\n"never closed,neg\nlast,pos\n')
    assert rows_of(found) == [('"Good" movie', "pos"), ('"never closed', "neg"), ("last", "pos")]


def test_quoted_cells_may_span_lines_and_that_is_said(tmp_path):
    content = 'text,label\n"two\nlines, ""quoted""",pos\nx,neg\n"three\n\nmore",pos\n'
    found = table(tmp_path, content)
    assert rows_of(found) == [('two\nlines, "quoted"', "pos"), ("x", "neg"),
                              ("three\n\nmore", "pos")]  # fmt: skip
    assert [found.row_name(row) for row in range(3)] == ["t.csv:2", "t.csv:4", "t.csv:5"]
    assert any("2 rows" in note and "5 lines" in note for note in found.notes)
    assert not found.warnings


def test_quotes_escaped_by_backslashes(tmp_path):
    found = table(tmp_path, 'text,label\n"He said \\"hi, you\\" there",pos\nx,neg\n')
    assert rows_of(found) == [('He said "hi, you" there', "pos"), ("x", "neg")]
    assert "backslash" in found.warnings[0]


def test_an_index_without_a_name_is_passed_over(tmp_path):
    for content in (
        ",text,label\n0,x,a\n1,y,b\n",
        '"","text","label"\n"Mazda RX4","x","a"\n"Fiat","y","b"\n',
        "text,label\n1,x,a\n2,y,b\n",
    ):
        found = table(tmp_path, content)
        assert rows_of(found) == [("x", "a"), ("y", "b")]
        assert "no name" in found.notes[0]
    for content, line in (("text,,label\nx,1,a\n", 1), ("text,label\nx,y,a\nz,w,b\n", 2)):
        with pytest.raises(InputError, match=rf"t\.csv, line {line}"):
            table(tmp_path, content)


def test_empty_cells_beyond_the_header_are_none(tmp_path):
    found = table(tmp_path, "text,label,,\nx,a,,\ny,b\n".replace("y,b", "y,b,,"))
    assert rows_of(found) == [("x", "a"), ("y", "b")]
    assert rows_of(table(tmp_path, "text,label\nx,a,\ny,b\n")) == [("x", "a"), ("y", "b")]


def test_blanks_around_names_and_after_separators(tmp_path):
    found = table(tmp_path, 'text, label\nhello, pos\n "a, b", neg\n')
    assert rows_of(found) == [("hello", "pos"), ("a, b", "neg")]
    assert any("Blanks" in note for note in found.notes)
    found = table(tmp_path, " text ;label \nx;a\n")
    assert list(found.columns) == ["text", "label"]
    assert any("Blanks" in note and "' text '" in note for note in found.notes)


def test_blank_lines_keep_their_place(tmp_path):
    found = table(tmp_path, "\n\ntext,label\n\nx,a\n\n,\ny,b\n\n\n")
    assert rows_of(found) == [(None, None), ("x", "a"), (None, None), (None, None), ("y", "b")]
    assert [found.row_name(row) for row in range(5)] == [f"t.csv:{n}" for n in (4, 5, 6, 7, 8)]


cells = st.text(
    st.one_of(st.sampled_from("\"',;|\t \n\\ab1é"), st.characters(codec="utf-8")), max_size=12
)


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(cells, cells, st.sampled_from("ab")), min_size=1, max_size=8),
    separator=st.sampled_from(",;\t|"),
    quoted=st.booleans(),
)
@example([('"', "a", "a")], "\t", False)
def test_what_csv_writes_is_read_back(tmp_path_factory, rows, separator, quoted):
    def cell(text):
        text = text.replace("\r", "").replace("\0", "")
        # With separators too, the lines of one cell can be whole rows: then they are rows.
        return text.replace("\n", "") if separator in text else text

    rows = [tuple(map(cell, row)) for row in rows]
    content = delimited(["one", "two", "label"], rows, separator, quoting=1 if quoted else 0)
    found = table(tmp_path_factory.mktemp("t"), content, "t.tsv")
    assert rows_of(found) == [tuple(cell or None for cell in row) for row in rows]


LINES = st.lists(
    st.tuples(st.text("ab \"'x", min_size=1, max_size=8), st.sampled_from(["p", '"q', 'r"'])),
    min_size=1,
    max_size=30,
)


@settings(deadline=None)
@given(LINES)
def test_no_row_is_lost_to_quotes(tmp_path_factory, lines):
    """However quotes stand in them: lines that are whole rows by themselves stay rows."""
    content = "text\tlabel\n" + "".join(f"{a.strip() or 'x'}\t{b}\n" for a, b in lines)
    found = table(tmp_path_factory.mktemp("t"), content, "t.tsv")
    assert len(found) == len(lines)


def test_a_header_that_is_there_again_is_no_row(tmp_path):
    """Files put one after another, as `cat` does, with the second's byte order mark."""
    one = delimited(HEADER, ROWS)
    path = tmp_path / "all.csv"
    path.write_text(f"\ufeff{one}\ufeff{one}", "utf-8")
    found = read(path, ReadSpec())
    assert list(found.items) == [text for text, _ in ROWS] * 2
    assert [each.item for each in found.skipped] == ["all.csv:5"]
    assert "the header again" in found.warnings[0]
    path.write_text("| text | label |\n| --- | :--- |\n| a film | pos |\n| a bore | neg |\n")
    found = read(path, ReadSpec())
    assert list(found.labels) == ["pos", "neg"]
    assert [each.item for each in found.skipped] == ["all.csv:2"]


def test_columns_without_a_name_that_hold_hardly_anything_are_left_out(tmp_path):
    """As in a well-known table of messages, some of which have commas in them."""
    lines = [f"{'ham' if n % 3 else 'spam'},the message {n},,," for n in range(20)]
    lines[4] = "ham,the message 4, and so on,,"
    found = table(tmp_path, "\n".join(["v1,v2,,,", *lines]))
    assert list(found.columns) == ["v1", "v2"]
    assert "Column 3 of t.csv has no name" in found.warnings[0]
    with pytest.raises(InputError, match="column 2 has no name"):
        table(tmp_path, "\n".join(["text,", *(f"x,{n}" for n in range(20))]))
