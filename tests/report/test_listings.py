import io
import re

import pytest

from headstart.backbones import BackboneSummary, Stage
from headstart.backbones.catalogue import Entry
from headstart.cli.answer import console
from headstart.report.listings import show_backbone, show_backbones

ENTRY = Entry(
    name="small-net",
    modality="image",
    default=True,
    family="timm",
    reference="timm:small-net",
    description="A small network.",
    source="a package",
    licence="Apache-2.0",
    parameters=3_371_024,
    gflops=0.777,
    megabytes=19,
    input="224 x 224 pixels",
    features=1280,
    accuracy="ImageNet-1k top-1 75.1%",
)


def printed(show, *said) -> str:
    stream = io.StringIO()
    show(*said, console(stream))
    return stream.getvalue()


@pytest.mark.parametrize(("here", "weights"), [(True, "here"), (False, r"19 MB")])
def test_backbones(here, weights):
    text = printed(show_backbones, (ENTRY,), (here,), ("hf:OWNER/NAME", "timm:NAME"))
    row = rf"small-net +image\* +3\.37M +0\.777 +1,280 +{weights} +Apache-2\.0"
    assert re.search(row, text)
    assert "* the default" in text
    assert "Others by name: hf:OWNER/NAME, timm:NAME" in text
    assert "small-net: A small network. ImageNet-1k top-1 75.1%." in text
    assert max(map(len, text.splitlines())) <= 80


def test_one_backbone():
    about = BackboneSummary(
        name="small\x1b[2J",
        family="timm",
        modality="image",
        parameters=3_371_024,
        gflops=1.52,
        features=384,
        pool="mean",
        licence=None,
        fingerprint="ab",
        preprocessing={"height": 224, "mean": (0.5, 0.5, 0.5)},
        stages=(
            Stage("stem", (32, 112, 112), 896, 0.02),
            Stage("[red]", (None, 384), 2_000_000, 1.5),
        ),
    )
    text = printed(show_backbone, about)
    assert "\x1b" not in text
    assert re.search(r"parameters +3,371,024", text)
    assert "height 224, mean 0.5, 0.5, 0.5" in text
    assert re.search(r"stem +32 x 112 x 112 +896 +0\.02", text)
    assert re.search(r"\[red\] +length x 384 +2M +1\.5", text)
