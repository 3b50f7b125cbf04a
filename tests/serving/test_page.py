"""The page to try models on, in a real browser: Chromium, where there is one."""

import json

import pytest

from tests.browser import in_browser
from tests.serving.server import Server

pytestmark = in_browser


@pytest.fixture
def tab(browser):
    """A tab, what it prints, and what it asks of anybody."""
    context = browser.new_context(viewport={"width": 400, "height": 800})
    made = context.new_page()
    made.printed, made.asked = [], []
    made.on("console", lambda message: made.printed.append(message.text))
    made.on("pageerror", lambda error: made.printed.append(str(error)))
    made.on("request", lambda request: made.asked.append(request.url))
    yield made
    context.close()


def test_images_are_chosen_dropped_and_explained(tab, server, images):
    tab.goto(server.address)
    tab.get_by_label("Model:").select_option("photos")
    assert "blue, red" in tab.locator("#about").inner_text()
    tab.locator("#files").set_input_files([images[0], images[2]])
    tab.locator("article").nth(1).wait_for()
    articles = tab.locator("article")
    assert articles.nth(0).locator("h2").inner_text() == images[2].name
    first = articles.nth(1)
    assert "Answer: blue" in first.inner_text()
    said = server.client.post("models/photos/predict?top=8", content=images[0].read_bytes()).json()
    for line, each in zip(first.locator("tr").all(), said["predictions"][0]["top"], strict=True):
        assert line.inner_text().split() == [each["label"], f"{100 * each['probability']:.1f}%"]
    first.get_by_role("button", name="What speaks for it?").click()
    why = first.get_by_role("img", name="What speaks for blue, as colour")
    why.wait_for()
    assert why.evaluate("each => each.naturalWidth") >= 256

    dropped = tab.evaluate_handle(
        """bytes => {
          const all = new DataTransfer();
          all.items.add(new File([new Uint8Array(bytes)], "<b>dropped</b>.jpg"));
          return all; }""",
        list(images[0].read_bytes()),
    )
    tab.dispatch_event("#drop", "drop", {"dataTransfer": dropped})
    tab.locator("article").nth(2).wait_for()
    assert tab.locator("article h2").first.inner_text() == "<b>dropped</b>.jpg"
    assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert tab.printed == []
    assert all(
        each.startswith((server.address, f"blob:{server.address}", "data:")) for each in tab.asked
    )


def test_a_file_that_is_no_image_is_said(tab, server):
    tab.goto(server.address)
    tab.get_by_label("Model:").select_option("photos")
    tab.locator("#files").set_input_files(
        {"name": "a.txt", "mimeType": "text/plain", "buffer": b"no image"}
    )
    tab.locator("article .wrong").wait_for()
    assert "not an image" in tab.locator("article .wrong").inner_text()


@pytest.mark.parametrize("name", ["texts", "numbers"])
def test_texts_are_typed_and_explained(tab, server, name):
    text = "😀 the cat <i>sat</i>"
    tab.goto(server.address)
    tab.get_by_label("Model:").select_option(name)
    tab.get_by_label("A text:").fill(text)
    tab.get_by_role("button", name="Predict").click()
    article = tab.locator("article")
    article.wait_for()
    said = server.client.post(f"models/{name}/predict", json={"text": text}).json()
    [row] = said["predictions"]
    expected = f"Answer: {row['label']}" if name == "texts" else str(row["value"])
    assert expected in article.inner_text()
    article.get_by_role("button", name="What speaks for it?").click()
    words = article.locator(".words")
    words.wait_for()
    assert words.text_content() == text
    assert words.locator("mark").count() > 0
    assert tab.printed == []


def test_a_token_is_asked_for(tab, place):
    with Server(str(place.folder / "texts"), cache=place.cache, HEADSTART_TOKEN="s3cret") as server:
        tab.goto(server.address)
        tab.get_by_label("This server asks for a token:").fill("s3cret")
        tab.get_by_role("button", name="Use it").click()
        tab.get_by_label("A text:").fill("the cat")
        tab.get_by_role("button", name="Predict").click()
        tab.locator("article").wait_for()
        assert "s3cret" not in json.dumps(tab.asked)
