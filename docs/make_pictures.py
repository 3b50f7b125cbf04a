"""Make the images of the documentation from real runs: `python docs/make_pictures.py [NAME...]`.

All are of the solar cells of the demo, computed anew with an empty store; needs the extra `demo`.
`report` (report.svg) is what `headstart fit` prints. `check` and `compare` (page-check.png,
page-compare.png) are the pages that these commands write, as Chromium shows them; they need
playwright and Chromium.
"""

import io
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

IMAGES = Path(__file__).parent / "images"
COMMAND = "headstart fit solar_cells.csv --input image --label label --out model"
WIDTH = 80


SIZE = {"width": 1080, "height": 1700}
COLOURS = 128


@contextmanager
def solar_cells() -> Iterator[str]:
    """The table of the solar cells, in a folder to work in, with an empty store."""
    from headstart.data.demo import solar_cells as written

    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        os.environ["HEADSTART_CACHE"] = str(Path(folder) / "cache")
        yield str(written(Path(), seed=0))


def draw_check() -> None:
    """The page of a check of the solar cells."""
    import headstart

    with solar_cells() as table:
        headstart.check(table, input="image", label="label", page="page.html")
        photograph(Path("page.html"), IMAGES / "page-check.png")


def draw_compare() -> None:
    """The page of two heads on the solar cells, by the kind of cell."""
    import headstart

    with solar_cells() as table:
        for out, head in (("linear", "linear"), ("neighbours", "knn")):
            headstart.fit(
                table, input="image", label="label", head=head, out=out,
                strategy="feature-extraction",
            )  # fmt: skip
        headstart.compare("neighbours", "linear", data=table, by="type", page="page.html")
        photograph(Path("page.html"), IMAGES / "page-compare.png")


def photograph(page: Path, target: Path) -> None:
    """The upper part of a page, in few colours."""
    from PIL import Image
    from playwright.sync_api import sync_playwright

    with sync_playwright() as tool:
        browser = tool.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        tab = browser.new_page(viewport=SIZE)
        tab.goto(page.resolve().as_uri())
        shown = tab.screenshot()
        browser.close()
    with Image.open(io.BytesIO(shown)) as image:
        few = image.convert("RGB").quantize(COLOURS, Image.Quantize.FASTOCTREE)
        few.save(target, optimize=True)


def draw_report() -> None:
    """The report of a fit on the solar cells, as an SVG."""
    from rich._export_format import CONSOLE_SVG_FORMAT
    from rich.console import Console

    import headstart
    from headstart.report.progress_bar import ProgressBar
    from headstart.report.terminal import show_report

    with solar_cells() as table:
        run = headstart.fit(
            table, input="image", label="label", out="model", progress=ProgressBar()
        )
        recorded = Console(
            record=True,
            width=WIDTH,
            file=io.StringIO(),
            markup=False,
            highlight=False,
            emoji=False,
        )
        show_report(run.report, recorded)
    # A picture that fetches its letters from somewhere would be a request nobody asked for.
    layout = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    drawn = recorded.export_svg(title=COMMAND, code_format=layout, unique_id="report")
    lines = "\n".join(line.rstrip() for line in drawn.splitlines())
    (IMAGES / "report.svg").write_text(f"{lines}\n", "utf-8")


PICTURES = {"report": draw_report, "check": draw_check, "compare": draw_compare}

if __name__ == "__main__":
    for name in sys.argv[1:] or PICTURES:
        PICTURES[name]()
