"""What is done around a translation model: terms, refusals, sentences, the cache."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from kadr.adapters.glossary_translator import GlossaryTranslator
from kadr.adapters.translation import NeuralTranslator
from kadr.core.glossary import Entry, Glossary, parse
from tests.lemmatizers import TableLemmatizer

LINES = (
    "роблокс\troblox",
    "кринж\tcringe",
    "# dictionary",
    "кот\tcat",
    "играть\tplay",
    "в\tin",
    "как\thow to",
)


class Answers:
    """A model that knows some sentences by heart, and writes down what it was asked."""

    model_version = "by-heart@1"

    def __init__(self, answers: dict[str, str]) -> None:
        self.answers = answers
        self.asked: list[list[str]] = []

    def translate(self, sentences: Sequence[str]) -> list[str]:
        self.asked.append(list(sentences))
        return [self.answers.get(sentence, "") for sentence in sentences]


def glossary(*extra: Entry) -> Glossary:
    entries = (*parse("\n".join(LINES), terms={""}), *extra)
    return Glossary({entry.source: entry for entry in entries}.values(), TableLemmatizer().lemmas)


def translator(answers: dict[str, str], **options: int) -> tuple[NeuralTranslator, Answers]:
    model = Answers(answers)
    return NeuralTranslator(model, glossary(), **options), model


def test_the_model_is_asked_with_the_terms_in_place() -> None:
    neural, model = translator({"играть в roblox": "to play Roblox"})
    (translated,) = neural.explain(["играть в роблоксе"])
    assert model.asked == [["играть в roblox"]]
    assert translated.text == "to play Roblox"
    assert translated.kind == "neural"
    assert translated.parts[0].kept == ("roblox",)


def test_a_term_that_the_model_loses_is_put_between_the_translated_parts() -> None:
    answers = {
        "играть в roblox с котом": "play games with a cat",
        "играть в": "to play",
        "с котом": "with a cat",
    }
    neural, model = translator(answers)
    (translated,) = neural.explain(["играть в роблоксе с котом"])
    assert translated.text == "to play roblox with a cat"
    assert translated.kind == "neural"
    assert model.asked[1] == ["играть в", "с котом"]


def test_terms_alone_need_no_model() -> None:
    neural, model = translator({})
    (translated,) = neural.explain(["Роблокс, кринж!"])
    assert translated.text == "Roblox, cringe!"
    assert translated.kind == "glossary"
    assert model.asked == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [("", "empty"), ("cat cat cat", "repetition"), ("кот", "not English"), ("word " * 40, "too long")],
)
def test_a_degenerate_answer_is_replaced_by_the_dictionary(answer: str, reason: str) -> None:
    neural, _ = translator({"как играть": answer})
    (translated,) = neural.explain(["как играть"])
    assert translated.text == "how to play"
    assert translated.kind == "dictionary"
    assert translated.refused == (reason,)


def test_a_degenerate_part_between_terms_makes_the_dictionary_answer() -> None:
    neural, _ = translator({"играть в": "to to to"})
    (translated,) = neural.explain(["играть в роблоксе"])
    assert translated.text == "play in roblox"
    assert translated.refused == ("repetition",)


@pytest.mark.parametrize(
    ("answer", "text", "kind"),
    [
        ("how to play with the cats", "how to play with the cats", "neural"),  # endings, order, little words
        ("how to play with the hedgehog", "how to play cat", "dictionary"),
        ("how to play", "how to play cat", "dictionary"),
        ("how to play cat and mouse", "how to play cat", "dictionary"),
    ],
)
def test_a_model_that_may_not_choose_words_says_the_dictionarys(answer: str, text: str, kind: str) -> None:
    model = Answers({"как играть котами": answer})
    neural = NeuralTranslator(model, glossary(), choose_words=False)
    (translated,) = neural.explain(["как играть котами"])
    assert (translated.text, translated.kind) == (text, kind)
    assert translated.refused == (() if kind == "neural" else ("other words",))
    assert neural.model_version != NeuralTranslator(model, glossary()).model_version


def test_every_sentence_goes_its_own_way() -> None:
    neural, model = translator({"Кот играет.": "The cat is playing.", "Как играть?": ""})
    (translated,) = neural.explain(["Кот играет. Как играть? Hello there. Роблокс."])
    assert translated.text == "The cat is playing. How to play? Hello there. Roblox."
    assert [part.way for part in translated.parts] == ["neural", "dictionary", "kept", "glossary"]
    assert translated.kind == "mixed"
    assert len(model.asked) == 1


def test_english_is_left_alone() -> None:
    neural, model = translator({})
    assert neural.translate("how to play.  Now") == "how to play.  Now"
    assert neural.explain(["hello"])[0].kind == "kept"
    assert model.asked == []


def test_a_full_stop_that_nobody_asked_for_is_taken_away() -> None:
    neural, _ = translator({"кот играет": "The cat is playing.", "кот играет?": "Is the cat playing?"})
    assert neural.translate("кот играет") == "The cat is playing"
    assert neural.translate("кот играет?") == "Is the cat playing?"


def test_what_was_translated_is_remembered_and_the_oldest_forgotten() -> None:
    neural, model = translator({"кот": "a cat", "кот играет": "cat plays", "в": "in"}, cache_size=2)
    neural.translate("кот")
    neural.translate("кот играет")
    neural.translate("кот")
    assert len(model.asked) == 2
    neural.translate("в")  # one too many: "кот играет" has not been asked for the longest time
    neural.translate("кот")
    assert len(model.asked) == 3
    neural.translate("кот играет")
    assert len(model.asked) == 4


def test_another_glossary_is_another_answer() -> None:
    neural, _ = translator({"кот": "a cat"})
    assert neural.translate("кот") == "a cat"
    assert neural.translate("кот", glossary=glossary(Entry("кот", ("Pussy Cat",)))) == "Pussy Cat"
    assert neural.translate("кот") == "a cat"


def test_the_version_names_the_model_and_the_glossary() -> None:
    neural, _ = translator({})
    assert neural.model_version.startswith("by-heart@1+glossary-")
    other = NeuralTranslator(Answers({}), glossary(Entry("кот", ("tomcat",))))
    assert other.model_version != neural.model_version


def test_a_sentence_that_occurs_often_is_translated_once() -> None:
    neural, model = translator({"кот": "a cat", "кот играет": "a cat plays"})
    found = neural.explain(["кот", "кот играет", "кот"])
    assert [each.text for each in found] == ["a cat", "a cat plays", "a cat"]
    assert model.asked == [["кот", "кот играет"]]


def test_threads_share_the_cache() -> None:
    neural, _ = translator({f"кот {number}": f"cat {number}" for number in range(50)}, cache_size=10)
    wrong: list[str] = []

    def work() -> None:
        found = [neural.translate(f"кот {number}") for number in range(50)]
        wrong.extend(set(found) ^ {f"cat {number}" for number in range(50)})

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_glossary_alone_says_so() -> None:
    plain = GlossaryTranslator(glossary())
    russian, english = plain.explain(["как играть в роблоксе", "hello"])
    assert (russian.text, russian.kind) == ("how to play in roblox", "dictionary")
    assert (english.text, english.kind) == ("hello", "kept")
    assert plain.translate("кот", glossary=glossary(Entry("кот", ("tomcat",)))) == "tomcat"
