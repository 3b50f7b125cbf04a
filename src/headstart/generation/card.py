"""The model card: README.md of a saved language model, for whoever finds the folder."""

from typing import Any


def card(about: dict[str, Any]) -> str:
    """A page of Markdown from what model.json says."""
    backbone = about["backbone"]
    licence = backbone.get("licence") or "unknown"
    after = f" after `{about['cut']}`" if about.get("cut") else ""
    return "\n".join(
        [
            "---",
            f"license: {licence.lower()}",
            "library_name: transformers",
            "pipeline_tag: text-generation",
            "tags: [headstart, transfer-learning]",
            "---",
            "",
            "# Text generation",
            "",
            f"Made by headstart {about['versions']['headstart']} from the pretrained network "
            f"`{backbone['name']}` by {about['strategy']}{after} (seed {about['seed']}).",
            "",
            "## Use",
            "",
            "```sh",
            'headstart generate . "Once upon a time"',
            "```",
            "",
            "transformers reads the folder too: `AutoModelForCausalLM.from_pretrained`.",
            "",
            "## On the test split",
            "",
            "| perplexity per token | value | 95% interval |",
            "|---|---|---|",
            *(_row(name, found) for name, found in about["metrics"].items()),
            "",
            "## Licence of the pretrained weights",
            "",
            licence,
            "",
        ]
    )


def _row(name: str, found: dict[str, float | None]) -> str:
    value, low, high = ("undefined" if found[key] is None else f"{found[key]:.2f}" for key in found)
    return f"| {name} | {value} | {low} to {high} |"
