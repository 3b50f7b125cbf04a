"""What the README and the pages in docs/ say is so: examples run, commands and links exist."""

import re
import runpy
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from headstart.cli.app import COMMANDS
from headstart.keywords import EmbedOptions, FitOptions, GenerateOptions, ReadOptions
from headstart.spec import CheckSpec, EmbedSpec, FitSpec, GenerateSpec, ReadSpec, flag

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
REFERENCE = runpy.run_path(str(ROOT / "docs" / "make_reference.py"))
OTHER_PROGRAMS = {"--no-index", "--find-links", "--no-deps", "--data-binary"}

every_page = pytest.mark.parametrize("page", PAGES, ids=NAMES)


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.S | re.M)


def pages_with(language: str) -> list[Path]:
    return [page for page in PAGES if blocks(page, language)]


def long(page: Path) -> Any:
    """A page as a parameter; one that trains many models takes long."""
    marks = pytest.mark.slow if "GridSearchCV" in page.read_text("utf-8") else ()
    return pytest.param(page, id=str(page.relative_to(ROOT)), marks=marks)


def run(block: str, names: dict[str, object]) -> None:
    exec(compile(block, "example", "exec"), names)


def commands(page: Path) -> list[list[str]]:
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    return [shlex.split(line) for line in lines if line.startswith("headstart ")]


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for every page, so that the network is converted once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def photos(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the examples speak of: dark cats and light dogs."""
    rng = np.random.default_rng(0)

    def draw(path: Path, low: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(low, low + 100, (40, 60, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path, quality=95)

    for number in range(12):
        draw(tmp_path / "photos" / "cat" / f"{number}.jpg", 0)
        draw(tmp_path / "photos" / "dog" / f"{number}.jpg", 150)
    draw(tmp_path / "new.jpg", 0)
    monkeypatch.setenv("HEADSTART_CACHE", str(cache))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", [long(page) for page in pages_with("python")[1:]])
def test_python_examples_run(page: Path, photos: Path) -> None:
    names: dict[str, object] = {"__name__": "example"}
    for block in blocks(page, "python"):
        run(block, names)


def test_readme_example_gives_the_right_answers(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = blocks(ROOT / "README.md", "python")
    names: dict[str, object] = {}
    run(first, names)
    assert names["answers"].labels == ["cat"]  # type: ignore[attr-defined]
    assert (photos / "model" / "report.json").is_file()
    capsys.readouterr()
    run(second, names)
    assert capsys.readouterr().out.split() == ["[1.", "1.", "1.]"]


@pytest.mark.parametrize("page", pages_with("sh"), ids=lambda page: str(page.relative_to(ROOT)))
def test_shell_examples_are_commands_with_their_options(page: Path) -> None:
    for _, name, *arguments in commands(page):
        assert name in COMMANDS
        REFERENCE["command"](name).make_context(name, arguments)


def test_a_wrong_shell_example_would_be_found() -> None:
    with pytest.raises(Exception, match="--nonsense"):
        REFERENCE["command"]("fit").make_context("fit", ["photos", "--out", "m", "--nonsense"])


@every_page
def test_commands_and_options_in_the_text_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    spoken = set(re.findall(r"`headstart ([a-z]+)", text))
    assert spoken <= set(COMMANDS)
    known = {"--help", "--version", *OTHER_PROGRAMS}
    known |= {
        each for name in COMMANDS for p in REFERENCE["command"](name).params for each in p.opts
    }
    in_code = " ".join(re.findall(r"`[^`]+`", text))
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", in_code)) <= known


@pytest.mark.parametrize("page", REFERENCE["PAGES"])
def test_reference_is_what_the_program_says(page: str) -> None:
    written = (ROOT / "docs" / "reference" / page).read_text("utf-8")
    assert written == REFERENCE["PAGES"][page](), "run: python docs/make_reference.py"


def test_reference_lists_the_options_of_the_specs() -> None:
    text = (ROOT / "docs" / "reference" / "options.md").read_text("utf-8")
    _, *parts = text.split("\n## ")
    specs = (FitSpec, ReadSpec, CheckSpec, EmbedSpec, GenerateSpec)
    for part, spec in zip(parts, specs, strict=True):
        listed = re.findall(r"^\| `(\w+)` \| `(--[\w-]+)`", part, re.M)
        assert listed == [(each.name, flag(each.name)) for each in fields(spec)]


@pytest.mark.parametrize(
    ("spec", "options"),
    [(FitSpec, FitOptions), (ReadSpec, ReadOptions), (EmbedSpec, EmbedOptions),
     (GenerateSpec, GenerateOptions)],
)  # fmt: skip
def test_an_editor_knows_every_option(spec: type[Any], options: type[Any]) -> None:
    known = set(options.__annotations__) | ({"task"} if spec is FitSpec else set())
    assert known == {each.name for each in fields(spec)}


WRONG_WORDS = r"\b(pictures?|squash\w*|strangers?|symmetr\w+|foretell\w*|housed|always saying)\b"


@every_page
def test_pages_use_the_terms_of_the_field(page: Path) -> None:
    assert not re.findall(WRONG_WORDS, page.read_text("utf-8"), re.I)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_uses_the_terms_of_the_field(name: str) -> None:
    made = REFERENCE["command"](name)
    with made.make_context(name, [], resilient_parsing=True) as context:
        assert not re.findall(WRONG_WORDS, made.get_help(context), re.I)


@every_page
def test_no_bar_is_escaped(page: Path) -> None:
    """In code the backslash would be shown."""
    assert "\\|" not in page.read_text("utf-8")


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.is_file(), f"{page.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", there.read_text("utf-8"), re.M)
            assert anchor in map(slug, headings), f"{page.name} links to {target}"


def test_every_page_is_in_the_navigation() -> None:
    listed = set(re.findall(r": ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.M))
    assert listed == {
        page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")
    }


def test_make_targets_in_the_readme_exist() -> None:
    spoken = set(re.findall(r"\bmake ([a-z-]+)$", "\n".join(blocks(PAGES[0], "sh")), re.M))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    assert {"demo", "test"} <= spoken <= targets


def test_the_picture_is_a_report_and_fetches_nothing() -> None:
    drawn = (ROOT / "docs" / "images" / "report.svg").read_text("utf-8").replace("&#160;", " ")
    assert "Data: solar_cells.csv" in drawn
    assert "95% interval" in drawn
    assert "url(&quot;http" not in drawn
    assert 'url("http' not in drawn


def test_the_way_of_a_fit_has_the_names_of_the_code():
    story = (ROOT / "docs" / "how-it-works.md").read_text("utf-8").partition("## The pipeline")[0]
    steps = re.findall(r"^ (?:[│ ]*[├└] )?([a-zA-Z_.]+(?:, [a-zA-Z_.]+)*)  +\S", story, re.M)
    assert len(steps) >= 10
    code = "\n".join(file.read_text("utf-8") for file in (ROOT / "src").rglob("*.py"))
    for name in (name.split(".")[-1] for step in steps for name in step.split(", ")):
        assert re.search(rf"^ *(def|class) {name}\b", code, re.M), name
