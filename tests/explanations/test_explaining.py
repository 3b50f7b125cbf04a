import io
import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import headstart
from headstart.data import from_memory
from headstart.errors import InputError
from headstart.explanations import (
    ImageExplanation,
    TextExplanation,
    Unexplained,
    explain,
    explaining,
)
from tests.runs import COLOURS, picture


@pytest.fixture
def photos(here):
    return sorted((here.folder / "photos").rglob("*.jpg"))


def alike(some, others):
    for a, b in zip(some, others, strict=True):
        assert (a.name, a.target, a.answer, a.method) == (b.name, b.target, b.answer, b.method)
        if isinstance(a, ImageExplanation):
            assert np.array_equal(a.heat, b.heat)
        else:
            assert a.words == b.words


def test_an_activation_map_adds_up_to_the_log_odds(fit, photos):
    model = fit("photos")
    items = [str(photos[0]), str(photos[-1])]
    found = headstart.explain(model, items, method="activation map")
    answers = model.predict([str(photos[0]), str(photos[-1])])
    assert [each.target for each in found] == answers.labels
    for each, row in zip(found, answers.probabilities, strict=True):
        assert each.method == "activation map"
        assert each.answer == pytest.approx(row.max())
        assert each.heat.shape == (48, 64)
        assert each.heat.dtype == np.float32
        assert each.image.shape == (48, 64, 3)
        assert each.size == (64, 48)
        odds = np.log(row.max() / (1 - row.max()))
        assert each.heat.sum() == pytest.approx(odds, rel=0.1)
        # The network sees the square in the middle.
        assert not each.heat[:, :8].any()
        assert each.heat[10:-10, 20:-20].any()


def test_a_class_can_be_asked_for_and_several(fit, photos):
    one, two = headstart.explain(fit("photos"), str(photos[0]), target=["blue", "red"])
    assert (one.target, two.target) == ("blue", "red")
    assert one.answer + two.answer == pytest.approx(1)
    assert np.allclose(one.heat, -two.heat, atol=1e-6)


def test_what_decides_is_found(fit):
    """A red part and a blue one, on grey."""
    rng = np.random.default_rng(0)
    image = np.asarray(picture(rng, (120, 50, 120), (64, 64))).copy()
    image[20:44, 10:26] = picture(rng, COLOURS["blue"], (24, 16))
    image[20:44, 38:54] = picture(rng, COLOURS["red"], (24, 16))
    for method in ("occlusion", "activation map"):
        (found,) = headstart.explain(fit("photos"), image, target="red", method=method)
        assert found.method == method
        assert found.heat[20:44, 38:54].mean() > found.heat[20:44, 10:26].mean()


def test_other_heads_are_explained_by_occlusion(fit, photos):
    model = fit("photos", head="knn")
    (found,) = headstart.explain(model, str(photos[0]))
    assert found.method == "occlusion"
    with pytest.raises(InputError, match="no activation maps"):
        headstart.explain(model, str(photos[0]), method="activation map")


def test_answers_are_the_same_in_a_session_and_in_threads(fit, photos):
    model, items = fit("photos"), [str(photos[0])]
    texts = ["the cat sat on my bird", "the engine of the dog"]
    expected = headstart.explain(model, items), headstart.explain(fit("texts.csv"), texts)
    alike(expected[0], headstart.explain(model, items))
    mapped = headstart.explain(model, items, method="activation map")
    with model.session() as session, fit("texts.csv").session() as reader:
        found = {}

        def ask(number):
            found[number] = (
                headstart.explain(session, items),
                headstart.explain(reader, texts),
                headstart.explain(session, items, method="activation map"),
            )

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert len(found) == 3
    for one, two, three in found.values():
        alike(one, expected[0])
        alike(two, expected[1])
        alike(three, mapped)
    with pytest.raises(InputError, match="closed"):
        headstart.explain(session, items)


def test_words_that_tell_a_topic(fit):
    (found,) = headstart.explain(fit("texts.csv"), "now the cat sat by an engine", target="animal")
    assert isinstance(found, TextExplanation)
    weights = {word.text: word.weight for word in found.words}
    assert weights["cat"] > 0 > weights["engine"]
    for word in found.words:
        assert found.text[word.start : word.end] == word.text


def test_the_weight_of_a_word_is_what_leaving_it_out_costs(fit):
    model = fit("texts.csv")
    (found,) = headstart.explain(model, "check the brakes")
    shares = model.predict(["check the brakes", "check brakes"]).probabilities
    at = model.classes.index(found.target)
    odds = np.log(shares[:, at] / (1 - shares[:, at]))
    assert found.words[1].weight == pytest.approx(odds[0] - odds[1], abs=0.01)


def test_a_long_text_is_read_as_far_as_the_network_does(fit):
    (found,) = headstart.explain(fit("texts.csv"), "dogs like bones " + "word " * 5000)
    assert found.text.endswith("word…")
    assert 1_000 < len(found.text) < 2_000
    assert 200 < len(found.words) < 260


def test_several_classes_and_numbers(fit):
    model = fit("tags.csv", task="multilabel", separator="|")
    assert model.task == "multilabel"
    found = headstart.explain(model, "a red round ball")
    assert [each.target for each in found] == list(model.predict("a red round ball").labels[0])
    (none,) = headstart.explain(model, "a red round ball", target="plain")
    assert none.target == "plain"
    (number,) = headstart.explain(fit("numbers.csv"), "more more words")
    assert number.target is None
    assert sum(word.weight for word in number.words[:2]) > 0
    assert number.answer == pytest.approx(fit("numbers.csv").predict("more more words").values[0])


def test_what_cannot_be_read_keeps_its_place(fit, photos, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    items = [str(tmp_path / "broken.jpg"), str(photos[0])]
    first, second = headstart.explain(fit("photos"), items)
    assert isinstance(first, Unexplained)
    assert "not an image" in first.reason
    assert isinstance(second, ImageExplanation)
    with pytest.raises(InputError, match="strict"):
        headstart.explain(fit("photos"), items, strict=True)
    blank, text = headstart.explain(fit("texts.csv"), [" ", "a cat"])
    assert isinstance(blank, Unexplained)
    assert isinstance(text, TextExplanation)


def test_wrong_questions_are_refused_at_once(fit, photos):
    with pytest.raises(InputError, match="'green' is none of the model's, which are 'blue', 'red'"):
        headstart.explain(fit("photos"), str(photos[0]), target="green")
    with pytest.raises(InputError, match="'cam', but it must be one of activation map, occlusion"):
        headstart.explain(fit("photos"), str(photos[0]), method="cam")
    with pytest.raises(InputError, match="predicts a number"):
        headstart.explain(fit("numbers.csv"), "words", target="blue")
    texts = from_memory(["a text"], modality="text")
    with pytest.raises(InputError, match="answers for images"):
        explain(fit("photos"), texts)
    with pytest.raises(InputError, match="no model that answers"):
        headstart.explain(object(), "x")


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_heat_lies_on_the_upright_image(fit, orientation):
    """The same photograph, however it is stored."""
    rng = np.random.default_rng(1)
    upright = np.concatenate(
        [np.asarray(picture(rng, COLOURS[name], (40, 60))) for name in ("blue", "red")]
    )
    turns = {1: 0, 3: 2, 6: 1, 8: 3}[orientation]
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.rot90(upright, turns).copy()).save(file, "PNG", exif=exif)
    asked = {"target": "red", "method": "activation map"}
    (found,) = headstart.explain(fit("photos"), file.getvalue(), **asked)
    assert found.size == (60, 80)
    assert np.abs(found.image.astype(int) - upright).mean() < 2
    (expected,) = headstart.explain(fit("photos"), upright, **asked)
    # It is resized as it is stored, and then turned.
    assert np.corrcoef(found.heat.ravel(), expected.heat.ravel())[0, 1] > 0.98


def test_a_huge_image_gives_a_small_map(fit):
    file = io.BytesIO()
    Image.new("L", (9000, 3000), 90).save(file, "PNG")
    (found,) = headstart.explain(fit("photos"), file.getvalue())
    assert found.size == (9000, 3000)
    assert found.heat.shape == found.image.shape[:2] == (171, explaining.LONGEST)
    tall = Image.new("RGB", (1, 2000))
    (thin,) = headstart.explain(fit("photos"), tall)
    assert thin.heat.shape == (explaining.LONGEST, 1)


def test_a_copied_model_explains_alike(fit, photos):
    model = fit("photos")
    alike(
        headstart.explain(model, str(photos[0])), headstart.explain(replace(model), str(photos[0]))
    )
