import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.preprocessing import (
    LEAST_PART,
    WAYS,
    WHOLE,
    ImagePreprocessing,
    TextPreprocessing,
    View,
    fixed_views,
    preprocessing_from_json,
    random_view,
)
from headstart.spec.fit import FLIPS

SEEDS = st.integers(0, 2**32 - 1)


@settings(deadline=None)
@given(SEEDS)
def test_a_random_view_is_a_part_of_the_picture(seed):
    view = random_view(np.random.default_rng(seed))
    assert LEAST_PART <= view.scale <= 1
    assert 0 <= view.x <= 1
    assert 0 <= view.y <= 1
    assert view == random_view(np.random.default_rng(seed))


def test_random_views_are_mirrored_about_half_the_time():
    random = np.random.default_rng(0)
    mirrored = sum(random_view(random).flip for _ in range(1000))
    assert 420 < mirrored < 580


@settings(deadline=None)
@given(few=st.integers(0, 12), many=st.integers(0, 12), seed=SEEDS)
def test_more_views_keep_the_first(few, many, seed):
    few, many = sorted((few, many))
    assert len(fixed_views(many, seed)) == many
    assert fixed_views(many, seed)[:few] == fixed_views(few, seed)


def test_the_first_views_are_the_whole_and_the_whole_mirrored():
    assert fixed_views(8, 3)[:2] == (WHOLE, View(flip=True))
    assert fixed_views(8, 3) == fixed_views(8, 3)
    assert fixed_views(8, 3)[2:] != fixed_views(8, 4)[2:]


def test_flips_are_those_of_the_option():
    assert tuple(WAYS) == FLIPS


@pytest.mark.parametrize(("flips", "ways"), [("horizontal", 2), ("any", 8), ("none", 1)])
def test_views_are_turned_as_the_option_allows(flips, ways):
    random = np.random.default_rng(0)
    drawn = Counter(
        (view.flip, view.turns) for view in (random_view(random, flips) for _ in range(1000))
    )
    assert len(drawn) == ways
    assert min(drawn.values()) > 1000 / ways * 0.7
    first = fixed_views(8, 0, flips)
    assert {(view.flip, view.turns) for view in first} == set(drawn)
    assert first[0] == WHOLE
    assert len(set(first)) == 8
    assert fixed_views(5, 0, flips) == first[:5]


def test_few_views_are_turned_too():
    assert [view.turns for view in fixed_views(4, 0, "any")] == [0, 2, 1, 3]
    assert {view.flip for view in fixed_views(4, 0, "any")} == {False, True}


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_different_views_have_different_names(seed):
    views = {*fixed_views(40, seed), *fixed_views(40, seed + 1), View(1.0), View(1.0, flip=True)}
    views |= {*fixed_views(40, seed, "any"), *fixed_views(40, seed, "none")}
    assert len({view.name for view in views}) == len(views)


def test_the_name_of_the_view_that_stores_had_before_there_were_views():
    assert WHOLE.name == "whole"


@pytest.mark.parametrize(
    "preprocessing",
    [
        ImagePreprocessing(32, 64, 0.875, "bicubic", (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)),
        TextPreprocessing(tokenizer="{}", max_tokens=12, pad_id=3),
    ],
)
def test_preprocessing_comes_back_from_json(preprocessing):
    saved = json.loads(json.dumps(preprocessing.to_json()))
    tokenizer = getattr(preprocessing, "tokenizer", None)
    assert preprocessing_from_json(saved, tokenizer) == preprocessing


def test_what_an_older_model_calls_squash_is_read():
    form = ImagePreprocessing(
        height=8,
        width=8,
        crop_fraction=1.0,
        interpolation="bilinear",
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        keep_aspect_ratio=False,
    )
    saved = form.to_json()
    del saved["keep_aspect_ratio"]
    assert preprocessing_from_json(saved | {"squash": True}, None) == form
    assert preprocessing_from_json(saved | {"squash": False}, None) == replace(
        form, keep_aspect_ratio=True
    )
