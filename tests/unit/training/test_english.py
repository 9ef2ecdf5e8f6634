"""English endings, and what people do to Russian words."""

from __future__ import annotations

import random

import pytest

from training.demo.marian import english
from training.demo.marian.noise import noisy, spoil
from training.translator.pairs import Pair


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("cat", "cats"), ("box", "boxes"), ("baby", "babies"), ("toy", "toys"), ("woman", "women"),
        ("fireman", "firemen"), ("human", "humans"), ("knife", "knives"), ("cup of tea", "cups of tea"),
        ("punching bag", "punching bags"), ("noodles", "noodles"), ("bus", "buses"),
        ("music", "music"), ("5G", "5G"),
    ],
)  # fmt: skip
def test_plurals(one, many):
    assert english.plural(one) == many


@pytest.mark.parametrize(
    ("verb", "third", "past", "participle", "gerund"),
    [
        ("cook", "cooks", "cooked", "cooked", "cooking"),
        ("take off", "takes off", "took off", "taken off", "taking off"),
        ("stop", "stops", "stopped", "stopped", "stopping"),
        ("visit", "visits", "visited", "visited", "visiting"),
        ("forget", "forgets", "forgot", "forgotten", "forgetting"),
        ("try", "tries", "tried", "tried", "trying"),
        ("play", "plays", "played", "played", "playing"),
        ("watch", "watches", "watched", "watched", "watching"),
        ("make", "makes", "made", "made", "making"),
        ("free", "frees", "freed", "freed", "freeing"),
        ("tie", "ties", "tied", "tied", "tying"),
        ("have", "has", "had", "had", "having"),
        ("fix", "fixes", "fixed", "fixed", "fixing"),
    ],
)
def test_verbs(verb, third, past, participle, gerund):
    assert english.third(verb) == third
    assert english.past(verb) == past
    assert english.participle(verb) == participle
    assert english.gerund(verb) == gerund


def test_a_mistake_is_one_mistake_and_short_words_have_none():
    chance = random.Random(1)
    assert spoil("кот", chance) == "кот"
    spoilt = {spoil("тренировка", chance) for _ in range(200)}
    assert len(spoilt) > 20
    assert all(abs(len(word) - len("тренировка")) <= 2 and word[0] in "тр" for word in spoilt)


def test_noise_leaves_the_english_and_latin_words_as_they_are():
    pair = Pair("ёлка в minecraft", "Christmas tree in minecraft")
    chance = random.Random(2)
    seen = [noisy(pair, chance) for _ in range(500)]
    assert {each.target.rstrip(".!?") for each in seen} == {pair.target}
    assert all("minecraft" in each.source for each in seen)
    assert 0.5 < sum("ё" not in each.source for each in seen) / len(seen) < 0.95
    assert any(each.source.startswith("#") for each in seen)
    together = [noisy(Pair("морской берег", "seashore"), chance).source for _ in range(500)]
    assert "морскойберег" in together
