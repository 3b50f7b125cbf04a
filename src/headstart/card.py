"""The model card: README.md of a saved model, for whoever finds the folder."""

from typing import Any


def card(about: dict[str, Any]) -> str:
    """A page of Markdown from what model.json says."""
    backbone = about.get("backbone", {})
    licence = backbone.get("licence") or "unknown"
    lines = [
        "---",
        f"license: {licence.lower()}",
        "library_name: headstart",
        f"tags: [transfer-learning, {about['modality']}-{about['task']}]",
        "---",
        "",
        f"# {about['modality'].capitalize()} {about['task']}",
        "",
        f"Made by headstart {about.get('versions', {}).get('headstart', '')} from the pretrained "
        f"network `{backbone.get('name', 'unknown')}` by {about.get('strategy', 'unknown')}"
        f"{', averaged with feature extraction,' if about.get('averaged') else ''} "
        f"with a `{about['head']['name']}` head (seed {about.get('seed', 0)}).",
        "",
        "## Use",
        "",
        "```sh",
        f"headstart predict . {'photo.jpg' if about['modality'] == 'image' else 'texts.csv'}",
        "```",
        "",
        *_classes(about["classes"]),
        *_metrics(about.get("metrics", {})),
        "## Licence of the pretrained weights",
        "",
        licence,
        "",
    ]
    return "\n".join(lines)


def _classes(classes: list[str]) -> list[str]:
    if not classes:
        return []
    return ["## Classes", "", *(f"- `{_plain(name)}`" for name in classes), ""]


def _metrics(metrics: dict[str, dict[str, float | None]]) -> list[str]:
    if not metrics:
        return []
    rows = [
        f"| {name} | {_number(m['value'])} | {_number(m['low'])} to {_number(m['high'])} |"
        for name, m in metrics.items()
    ]
    header = ["| metric | value | 95% interval |", "|---|---|---|"]
    return ["## On the test split", "", *header, *rows, ""]


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _plain(name: str) -> str:
    return "".join(c if c.isprintable() and c != "`" else "?" for c in name)
