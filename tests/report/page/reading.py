"""A page as a parser reads it."""

from html.parser import HTMLParser

VOID = {"meta", "link", "img", "br", "line", "rect", "circle", "path", "polyline", "polygon"}


class Read(HTMLParser):
    """Elements, their attributes, and the text outside of style."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.open, self.tables = "", [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag) -> None:
        while self.open and self.open.pop() != tag:
            assert self.open, f"a stray </{tag}>"

    def handle_data(self, data) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def check_whole(read: Read) -> None:
    """A page is well formed, and for everyone: titles, landmarks, a text for each plot."""
    assert not read.open or set(read.open) <= {"html", "body"}
    plots = read.all("svg")
    ids = [a["id"] for _, a in read.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for each in plots:
        assert each["role"] == "img"
        assert set(each["aria-labelledby"].split()) <= set(ids)
    assert len(read.all("details")) == len(plots) == len(read.all("figure"))
    levels = [int(tag[1]) for tag, _ in read.elements if tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))
    for landmark in ("header", "nav", "main", "footer"):
        assert len(read.all(landmark)) == 1
    targets = {a["href"] for a in read.all("a")}
    assert targets <= {f"#{each}" for each in ids}
    assert not read.all("script")
