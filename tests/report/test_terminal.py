import io
import math
import re

import pytest
from rich.console import Console

from headstart.data.dataset import Skipped
from headstart.evaluation import ClassRow, Interval
from headstart.report.report import EmbedReport, EvaluationReport
from headstart.report.result import confused
from headstart.report.terminal import show_embedding, show_evaluation, show_report
from headstart.search.outlook import Outlook
from tests.report.sample import CLASSES, MAJORITY, TEST, report


def printed(said, show=show_report, width=80, **console) -> str:
    stream = io.StringIO()
    show(said, Console(file=stream, width=width, **console))
    return stream.getvalue()


def test_says_what_was_read_guessed_skipped_and_done():
    text = printed(report())
    assert "2,624: 1,679 to train, 420 to validate, 525 to test" in text
    assert "3: functional (1,153), cracked (400), fin[red]ger (126)" in text
    assert "the label column is 'kind'" in text
    assert "! the same picture is in two classes" in text
    assert "efficientnet-lite0 (3.4M parameters, licence Apache-2.0)" in text
    assert re.search(r"extract +7\.4 s +1,624 +219/s +1,000 of 2,624 found there", text)
    assert re.search(r"evaluate +0\.62 s +2,624 ", text)
    assert re.search(r"evaluate +0\.62 s +525 ", printed(report(model=None)))
    assert re.search(r"fine-tuning after \S+ +0\.904 +2\.34M +3 min 32 s +no", text)


def test_ends_with_what_more_minutes_would_buy():
    said = Outlook("Fine-tuning after blocks.4 would take about 5 min.", "6m")
    words = " ".join(printed(report(outlook=said)).split())
    assert words.endswith(f"{said.sentence} The same command with --budget 6m")
    nothing = Outlook("More minutes would probably buy nothing.")
    words = " ".join(printed(report(outlook=nothing)).split())
    assert words.endswith(nothing.sentence)
    assert "--budget" not in words


def test_says_the_result_in_words_beside_the_baseline():
    text = printed(report())
    assert "Accuracy 91.2% (95% CI 88.9 to 93.1)" in text
    assert "always predicting 'functional': 68.7%" in text
    assert "no clear gain" not in text
    assert re.search(r"accuracy +0\.912 +0\.889 to 0\.931 +0\.687", text)
    assert "cracked predicted as functional: 30 of 120 items (25.0%)" in text
    assert "headstart predict 'runs/solar cells' photo.jpg" in text


@pytest.mark.parametrize(
    ("task", "metric", "model", "baseline", "gain"),
    [
        ("classification", "accuracy", (0.7, 0.66, 0.74), 0.68, False),
        ("classification", "accuracy", (0.7, 0.66, 0.74), 0.65, True),
        ("regression", "mae", (2.0, 1.8, 2.2), 2.1, False),
        ("regression", "mae", (2.0, 1.8, 2.2), 2.3, True),
        ("multilabel", "macro_f1", (0.5, 0.4, 0.6), 0.45, False),
    ],
)
def test_admits_when_the_model_is_no_better_than_the_baseline(task, metric, model, baseline, gain):
    name = "mean" if task == "regression" else "majority"
    text = printed(
        report(
            task=task,
            test={metric: Interval(*model)},
            baselines={name: {metric: Interval(baseline, baseline, baseline)}},
        )
    )
    assert ("no clear gain" in text) is not gain


def test_does_not_name_the_commonest_class_where_two_are_nearly_as_common():
    text = printed(report(class_counts={"cracked": 99, "fin[red]ger": 1, "functional": 100}))
    assert "always predicting the most frequent class: 68.7%" in text


def test_a_second_baseline_gets_its_sentence_and_its_column():
    words = {"accuracy": Interval(0.9, 0.88, 0.92)}
    text = printed(report(modality="text", baselines={"majority": MAJORITY, "tfidf": words}))
    assert "TF-IDF (word counts, no pretrained network): 90.0%" in text
    assert "no clear gain over it: on these test items words alone may do as well." in text
    assert re.search(r"accuracy +0\.912 +0\.889 to 0\.931 +0\.687 +0\.900", text)


def test_names_the_first_skipped_items_and_where_the_rest_are():
    text = printed(report())
    assert "Skipped: 13 items" in text
    assert "photos/9.jpg: the file is truncated" in text
    assert "photos/10.jpg" not in text
    assert "and 3 more; in runs/solar cells/report.json" in text


@pytest.mark.parametrize("markup", [True, False])
def test_nothing_from_outside_acts_on_the_terminal(markup):
    hostile = "\x1b[2J[bold]\r\n\x07‮"
    said = report(
        dataset=hostile,
        classes=(hostile, "b"),
        class_counts={hostile: 3, "b": 2},
        per_class=(ClassRow(hostile, 1, 1, 1, 2), ClassRow("b", 1, 1, 1, 1)),
        confusion=((1, 1), (0, 1)),
        skipped=(Skipped(hostile, hostile),),
        warnings=(hostile,),
        notes=(hostile,),
        backbone=hostile,
        cut=hostile,
        head=hostile,
        model=hostile,
        baselines={hostile: MAJORITY},
        seconds={"total": 1.0, hostile: 2.0},
    )
    text = printed(said, markup=markup)
    assert "\\x1b[2J[bold]\\r\\n\\x07\\u202e" in text
    assert not set(text) & set("\x1b\r\x07‮")


def test_no_colour_where_there_is_no_terminal_or_none_is_wanted(monkeypatch):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b" not in printed(report())
    assert "\x1b[1;36m" in printed(report(), force_terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1;36m" not in printed(report(), force_terminal=True)


@pytest.mark.parametrize("width", [40, 60, 80])
def test_fits_a_narrow_terminal_without_losing_a_digit(width):
    text = printed(report(), width=width)
    long = [line for line in text.splitlines() if len(line) > width]
    assert all(line.startswith("    headstart ") for line in long)
    assert "…" not in text


def test_an_undefined_figure_is_said_to_be():
    nan = Interval(math.nan, math.nan, math.nan)
    text = printed(report(test={"accuracy": nan}, baselines={}))
    assert "Accuracy could not be computed" in text
    assert "nan" not in text.lower().replace("finance", "")


def test_a_table_of_too_many_classes_is_left_out():
    rows = tuple(ClassRow(f"class {n}", 1, 1, 1, 1) for n in range(21))
    assert "precision" not in printed(report(per_class=rows))
    assert "precision" in printed(report(per_class=rows[:20]))


def test_confusions_are_counted_in_full():
    lines = confused(CLASSES, [[0, 5, 4], [3, 0, 2], [1, 1, 9]])
    assert lines[0] == "cracked predicted as fin[red]ger: 5 of 9 items (55.6%)"
    assert lines[-1] == "and 1 other mistake"
    assert confused(CLASSES, [[1, 0, 0], [0, 1, 0], [0, 0, 1]]) == []


def test_an_evaluation():
    said = EvaluationReport(
        model="runs/x",
        dataset="other",
        task="classification",
        classes=CLASSES,
        counts={"measured": 1, "skipped": 1},
        metrics=TEST,
        skipped=(Skipped("a.jpg", "gone"),),
        warnings=("careful",),
        predictions="answers\x1b.csv",
    )
    text = printed(said, show_evaluation)
    assert "answers  in answers\\x1b.csv" in text
    assert "Accuracy 91.2%" in text
    assert "a.jpg: gone" in text
    assert "! careful" in text
    assert "1 item\n" in text.replace(" \n", "\n")


def test_an_embedding():
    said = EmbedReport(
        path="features.npz",
        backbone="b",
        cut="blocks.3",
        rows=1200,
        features=1280,
        store={"hits": 200, "misses": 1000},
        seconds={"total": 75.0},
    )
    text = printed(said, show_embedding)
    assert "1,200, each of 1,280 numbers" in text
    assert "200 of 1,200 found there" in text
    assert "b, cut after blocks.3" in text
    assert "1 min 15 s" in text
