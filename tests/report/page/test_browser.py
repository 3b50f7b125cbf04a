"""The page in a real browser: Chromium, where there is one."""

from pathlib import Path

import pytest

from headstart.report import page
from headstart.report.page import checked, compared
from tests.browser import in_browser
from tests.report.page.others import check, comparison
from tests.report.page.stories import HOSTILE, digests, folder, heated, hostile, png, story
from tests.report.page.test_checked import hostile as hostile_check
from tests.report.page.test_compared import hostile as hostile_comparison
from tests.report.page.test_decided import CASES, decided

pytestmark = in_browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    at = tmp_path_factory.mktemp("pages")
    folders = {"hostile": hostile(at / "hostile")}
    for task in ("classification", "multilabel", "regression"):
        made, found = story(task)
        folders[task] = folder(at / task, made, found, heated(found))
    made, found = decided("classification", **CASES["target"][1])
    said = {"text": "good and bad", "words": [["good", 1], [" and ", 0], ["bad", -1]]}
    kept = {each: {**said, "explains": "owl"} for each in digests(found)}
    folders["texts"] = folder(at / "texts", made, found, kept)
    for each in folders.values():
        page.write(each, each / page.FILE)
    made = {name: each / page.FILE for name, each in folders.items()}
    kept = {f"{at:032x}": {"image": png()} for at in range(200)}
    others = {
        "check": checked.render(check().to_json(), kept),
        "hostile check": checked.render(hostile_check().to_json(), kept),
        "private check": checked.render(check().to_json(), {}, private=True),
        "comparison": compared.render(comparison().to_json(), kept),
        "three": compared.render(comparison(models=("a", "b", "c")).to_json(), kept),
        "hostile comparison": compared.render(hostile_comparison().to_json(), kept),
    }
    for name, text in others.items():
        made[name] = at / f"{name}.html"
        made[name].write_text(text, "utf-8")
    return made


@pytest.fixture(params=["light", "dark"])
def tab(request, browser):
    """A tab, what it prints, and what it asks of anybody."""
    context = browser.new_context(
        color_scheme=request.param, viewport={"width": 900, "height": 700}
    )
    made = context.new_page()
    made.printed, made.asked = [], []
    made.on("console", lambda message: made.printed.append(message.text))
    made.on("pageerror", lambda error: made.printed.append(str(error)))
    made.on("dialog", lambda dialog: (made.printed.append(dialog.message), dialog.dismiss()))
    made.on("request", lambda request: made.asked.append(request.url))
    yield made
    context.close()


PLOTS = {
    **dict.fromkeys(("classification", "multilabel", "regression", "texts", "hostile"), 4),
    **dict.fromkeys(("check", "hostile check", "private check"), 1),
    **{"comparison": 3, "three": 10, "hostile comparison": 3},
}


@pytest.mark.parametrize("name", PLOTS)
def test_no_error_no_request_and_every_plot_has_text(tab, pages, name) -> None:
    tab.goto(pages[name].as_uri())
    assert tab.printed == []
    assert [each for each in tab.asked if not each.startswith("data:")] == [pages[name].as_uri()]
    assert tab.evaluate("document.scripts.length") == 0
    plots = tab.get_by_role("img")
    drawn = tab.locator("figure svg")
    assert drawn.count() >= PLOTS[name]
    for at in range(drawn.count()):
        labels = drawn.nth(at).get_attribute("aria-labelledby").split()
        texts = [tab.locator(f"[id='{each}']").text_content() for each in labels]
        assert all(text.strip() for text in texts)
        assert plots.filter(has=tab.locator(f"[id='{labels[0]}']")).count() == 1
    assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert tab.evaluate("[...document.images].every(each => each.naturalWidth > 0)")


@pytest.mark.parametrize("name", ["hostile", "hostile check", "hostile comparison"])
def test_hostile_names_are_text(tab, pages, name) -> None:
    tab.goto(pages[name].as_uri())
    assert tab.locator("main").inner_text().count("<script>alert(1)</script>") > 5
    assert HOSTILE[2] in tab.title()
    assert tab.locator("[onmouseover], [onerror], script").count() == 0


@pytest.mark.parametrize("name", ["classification", "check", "comparison"])
def test_the_keyboard_reaches_the_results_and_the_numbers(tab, pages, name) -> None:
    tab.goto(pages[name].as_uri())
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"
    tab.locator("summary").first.focus()
    tab.keyboard.press("Enter")
    assert tab.locator("details[open] table").count() == 1


def test_it_fits_a_telephone_and_prints(tab, pages) -> None:
    tab.set_viewport_size({"width": 360, "height": 700})
    for path in pages.values():
        tab.goto(path.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= 360
        assert tab.pdf(format="A4").startswith(b"%PDF")


def test_text_can_be_read_on_its_ground(tab, pages) -> None:
    tab.goto(pages["classification"].as_uri())
    contrast = """() => {
      const luminance = c => { const [r, g, b] = c.match(/\\d+/g).slice(0, 3).map(v => v / 255)
        .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
        return .2126 * r + .7152 * g + .0722 * b; };
      const ground = luminance(getComputedStyle(document.body).backgroundColor);
      return ['h1', '.soft', 'figcaption', 'nav a', 'summary', 'footer'].map(each => {
        const ink = luminance(getComputedStyle(document.querySelector(each)).color);
        return (Math.max(ink, ground) + .05) / (Math.min(ink, ground) + .05); });
    }"""
    assert min(tab.evaluate(contrast)) >= 4.5


def test_marked_words_can_be_read_and_told_apart_without_colour(tab, pages) -> None:
    tab.goto(pages["texts"].as_uri())
    marks = tab.locator("blockquote mark")
    assert marks.count() > 5
    lines = tab.evaluate("""() => ['for', 'against'].map(side => getComputedStyle(
      document.querySelector(`blockquote mark.${side}`)).textDecorationStyle)""")
    assert lines == ["solid", "dotted"]
    contrast = """() => {
      const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
      const on = (...layers) => { for (const each of layers) {
        paint.fillStyle = each; paint.fillRect(0, 0, 1, 1); }
        return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3).map(v => v / 255)
          .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); };
      const luminance = ([r, g, b]) => .2126 * r + .7152 * g + .0722 * b;
      return ['for', 'against'].map(side => {
        const mark = document.querySelector(`blockquote mark.${side}`);
        const paper = getComputedStyle(mark.parentElement).backgroundColor;
        const style = getComputedStyle(mark);
        const ground = luminance(on(paper, style.backgroundColor));
        const ink = luminance(on(style.color));
        return (Math.max(ink, ground) + .05) / (Math.min(ink, ground) + .05); });
    }"""
    assert min(tab.evaluate(contrast)) >= 4.5
