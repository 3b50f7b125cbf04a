"""Draw the pictures of the documentation from real runs: `python docs/make_pictures.py`.

images/report.svg is what `headstart fit` prints for the solar cells of the demo, computed anew
with an empty store. Needs the extra `demo`.
"""

import io
import os
import re
import tempfile
from contextlib import chdir
from pathlib import Path

PICTURE = Path(__file__).parent / "images" / "report.svg"
COMMAND = "headstart fit solar_cells.csv --input image --label label --out model"
WIDTH = 80


def draw_report() -> str:
    """The report of a fit on the solar cells, as an SVG."""
    from rich._export_format import CONSOLE_SVG_FORMAT
    from rich.console import Console

    import headstart
    from headstart.data.demo import solar_cells
    from headstart.report.progress_bar import ProgressBar
    from headstart.report.terminal import show_report

    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        os.environ["HEADSTART_CACHE"] = str(Path(folder) / "cache")
        table = solar_cells(Path(), seed=0)
        run = headstart.fit(
            str(table), input="image", label="label", out="model", progress=ProgressBar()
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
    return "\n".join(line.rstrip() for line in drawn.splitlines()) + "\n"


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(draw_report(), "utf-8")
