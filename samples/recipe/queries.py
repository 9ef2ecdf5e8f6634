"""Queries with the clips that answer them, each by what is written, what is seen or what is said.

A clip is listed where somebody who typed the query would be content with it, whatever its language. A query's
modality says what it asks for: the clips of the first six classes have it written in them, those of ``seen``
show it, those of ``said`` speak of it and neither show nor write it. Faces without names do not count yet.
What is ``unanswerable`` asks for nothing in particular, and no clip has it: search should say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

QueryClass = Literal[
    "exact", "inflection", "paraphrase", "ru-en", "en-ru", "typo", "seen", "said", "unanswerable"
]
# Of the others: ocr.
MODALITIES: dict[QueryClass, str] = {"seen": "visual", "said": "speech", "unanswerable": ""}

# Files without ".mp4".
BORSCHT = ("borsch_recept", "grandma_borscht")
SYRNIKI = ("сырники на завтрак",)
BIRTHDAY = ("birthday_🎉_mom",)
SPACE = ("zhenshchina_kosmonavt", "shuttle_commander", "rocket_launch")
COLLINS = ("shuttle_commander", "zhenshchina_kosmonavt", "two_pioneers")
HOPPER = ("grace_hopper", "two_pioneers")
CATS = ("kot_i_ogurets", "chelsea_the_cat")
DOGS = ("dressirovka", "puppy_first_walk")

QUERIES: dict[QueryClass, dict[str, Sequence[str]]] = {
    # The words as they are written in a clip.
    "exact": {
        "как варить борщ": BORSCHT,
        "борщ": BORSCHT,
        "сырники на завтрак": SYRNIKI,
        "latte art": ("latte_art",),
        "minecraft": ("minecraft_house",),
        "brawl stars": ("brawl_stars",),
        "с новым годом": ("s_novym_godom",),
        "happy birthday": BIRTHDAY,
        "breaking news": ("breaking_news_train",),
        "free kick": ("free_kick",),
        "байкал": ("baikal",),
        "секретный уровень": ("roblox_secret",),
        "ипотека или аренда": ("ipoteka_ili_arenda",),
        "eileen collins": COLLINS,
        "grace hopper": HOPPER,
        "cobol": ("kto_pridumal_cobol",),
        "кот": CATS,
        "погода на завтра": ("novosti_pogoda",),
        "curly hair": ("curly_hair",),
        "дыхание 4-7-8": ("kak_spravitsya_s_trevogoi",),
    },
    # The same words in another form.
    "inflection": {
        "варим борщи": BORSCHT,
        "огурец": ("kot_i_ogurets",),
        "ракета": ("rocket_launch",),
        "полёт в космос": SPACE,
        "аккорды на гитаре": ("tri_akkorda",),
        "билет на поезд": ("baikal", "breaking_news_train"),
        "команда сидеть собаке": ("dressirovka",),
        "красная кнопка": ("roblox_secret",),
        "лошадиная сила": ("zimniy_drift",),
        "промокоды": ("roblox_secret",),
        "румяна": ("makiyazh",),
        "снегопады": ("novosti_pogoda",),
        "болельщик": ("gol_na_poslednei_minute",),
        "мост в петербурге": ("nochnoy_gorod",),
        "собака": DOGS,
        "pancake": ("pancakes",),
        "compiler": ("grace_hopper",),
        "cats staring": ("chelsea_the_cat",),
        "blowing out a candle": BIRTHDAY,
        "fixing leaky taps": ("leaky_tap",),
    },
    # Other words of the same language.
    "paraphrase": {
        "свекольный суп": BORSCHT,
        "упражнения для живота": ("press_za_5_minut",),
        "оладьи из творога": SYRNIKI,
        "косметика": ("makiyazh",),
        "смешной котик": ("kot_i_ogurets",),
        "дрессировка": ("dressirovka",),
        "кредит на квартиру": ("ipoteka_ili_arenda",),
        "как успокоить нервы": ("kak_spravitsya_s_trevogoi",),
        "прогноз синоптиков": ("novosti_pogoda",),
        "не хочу вставать утром": ("mem_ponedelnik",),
        "фразовые глаголы": ("english_za_minutu",),
        "ремонт в ванной": ("plitka_svoimi_rukami", "leaky_tap"),
        "поздравление с праздником": ("s_novym_godom", *BIRTHDAY),
        "easy breakfast": ("pancakes", *SYRNIKI),
        "plumbing repair": ("leaky_tap",),
        "spend less": ("save_money",),
        "exhausted at work": ("signs_of_burnout",),
        "programmer joke": ("works_on_my_machine",),
        "female astronaut": ("shuttle_commander", "zhenshchina_kosmonavt"),
        "car maintenance": ("oil_change",),
        "trip to turkey": ("istanbul",),
        "soccer training": ("free_kick",),
    },
    # Asked in Russian, written in English.
    "ru-en": {
        "блины": ("pancakes",),
        "тренировка дома": ("home_workout",),
        "стамбул": ("istanbul",),
        "прогулка со щенком": ("puppy_first_walk",),
        "штрафной удар": ("free_kick",),
        "замена масла": ("oil_change",),
        "кудрявые волосы": ("curly_hair",),
        "выгорание": ("signs_of_burnout",),
        "ночной поезд": ("breaking_news_train",),
        "с днём рождения мама": BIRTHDAY,
        "течёт кран": ("leaky_tap",),
        "кофе с молоком": ("latte_art",),
        "майнкрафт дом": ("minecraft_house",),
        "как сэкономить деньги": ("save_money",),
        "почему кошки смотрят": ("chelsea_the_cat",),
        "уроки русского": ("learn_russian",),
        "женщина командир шаттла": ("shuttle_commander",),
        "срочные новости": ("breaking_news_train",),
        "бабушкин борщ": BORSCHT,
    },
    # Asked in English, written in Russian.
    "en-ru": {
        "borscht recipe": BORSCHT,
        "cottage cheese pancakes": SYRNIKI,
        "morning yoga": ("yoga_utro",),
        "makeup in 5 minutes": ("makiyazh",),
        "cat scared of cucumber": ("kot_i_ogurets",),
        "teach a dog to sit": ("dressirovka",),
        "last minute goal": ("gol_na_poslednei_minute",),
        "winter drift": ("zimniy_drift",),
        "mortgage": ("ipoteka_ili_arenda",),
        "garlic": ("chesnok_lifehack",),
        "how to cope with anxiety": ("kak_spravitsya_s_trevogoi",),
        "weather tomorrow": ("novosti_pogoda",),
        "happy new year": ("s_novym_godom",),
        "guitar chords": ("tri_akkorda",),
        "rocket launch": ("rocket_launch",),
        "petersburg at night": ("nochnoy_gorod",),
        "lay tiles": ("plitka_svoimi_rukami",),
        "history of programming": ("kto_pridumal_cobol", "grace_hopper"),
        "alarm clock on monday": ("mem_ponedelnik",),
        "dream": ("mechtai_smelee", "s_novym_godom"),
    },
    # Slips of the finger, spelling by ear, the wrong keyboard layout.
    "typo": {
        "борш": BORSCHT,
        "сырнеки": SYRNIKI,
        "макиаж": ("makiyazh",),
        "тривога": ("kak_spravitsya_s_trevogoi",),
        "ипатека": ("ipoteka_ili_arenda",),
        "байкл зимой": ("baikal",),
        "гитора": ("tri_akkorda",),
        "pankakes": ("pancakes",),
        "istambul": ("istanbul",),
        "hapy birtday": BIRTHDAY,
        "grase hoper": HOPPER,
        "rjn": CATS,
    },
    # What a clip shows.
    "seen": {
        "слон": ("elephant",),
        "big elephant": ("elephant",),
        "пицца": ("pizza",),
        "slice of pizza": ("pizza",),
        "пингвин на снегу": ("penguin",),
        "penguin": ("penguin",),
        "осьминог": ("octopus",),
        "octopus in the ocean": ("octopus",),
        "велосипед": ("bicycle",),
        "bike on the road": ("bicycle",),
        "вертолёт": ("helicopter",),
        "helicopter flight": ("helicopter",),
        "ананас": ("pineapple",),
        "pineapple": ("pineapple",),
        "скрипка": ("violin",),
        "violin": ("violin",),
        "динозавр": ("dinosaur",),
        "dinosaur t-rex": ("dinosaur",),
        "бабочка": ("butterfly",),
        "butterfly": ("butterfly",),
        "трактор": ("tractor",),
        "tractor on a farm": ("tractor",),
        "робот": ("robot",),
        "robot": ("robot",),
        "закат на море": ("sunset_sea", "istanbul"),
        "sunset over the sea": ("sunset_sea", "istanbul"),
        "музыкальный инструмент": ("violin", "tri_akkorda"),
    },
    # What is spoken of in a clip.
    "said": {
        "пчёлы и мёд": ("honey_bees",),
        "bees make honey": ("honey_bees",),
        "помидоры на балконе": ("balcony_tomatoes",),
        "growing tomatoes at home": ("balcony_tomatoes",),
        "старая крепость": ("old_fortress",),
        "fortress by the river": ("old_fortress",),
        "шахматы для детей": ("family_chess",),
        "chess with family": ("family_chess",),
        "чистить зубы": ("brush_your_teeth",),
        "dentist advice": ("brush_your_teeth",),
        "ночная библиотека": ("night_library",),
        "read books for free": ("night_library",),
        "рыбалка с дедушкой": ("fishing_with_grandfather",),
        "big fish in the lake": ("fishing_with_grandfather",),
        "рисовать небо красками": ("watercolour",),
        "draw with a wet brush": ("watercolour",),
        "сказка про лису": ("skazka_na_noch",),
        "fox and a magic lantern": ("skazka_na_noch",),
        "здоровый сон": ("podcast_intro",),
        "healthy habits": ("podcast_intro",),
        "старый базар": ("istanbul",),
        "wrench and bucket": ("oil_change",),
        "деревянная хижина": ("minecraft_house",),
        "расчёска в душе": ("curly_hair",),
        "thirty eight days in orbit": ("shuttle_commander",),
        "мяч влетает в ворота": ("gol_na_poslednei_minute",),
    },
    # Nothing of the kind is in any clip; the topics of some are near.
    "unanswerable": {
        "вязание крючком для начинающих": (),
        "как сшить платье": (),
        "тест-драйв электросамоката": (),
        "ремонт стиральной машины": (),
        "грибы в лесу": (),
        "прогноз курса биткоина": (),
        "самолёт садится в шторм": (),
        "хоккейные драки": (),
        "уход за кактусами": (),
        "медведь зашёл в деревню": (),
        "свадебный танец": (),
        "развод и раздел имущества": (),
        "how to tie a tie": (),
        "skateboard tricks": (),
        "solar panel installation": (),
        "tornado chasing": (),
        "quantum physics explained": (),
        "surfing big waves": (),
        "shark attack": (),
        "tattoo removal": (),
        "horse riding lesson": (),
        "samba carnival": (),
        "wine tasting": (),
        "moving to canada": (),
    },
}


def judged(queries: dict[QueryClass, dict[str, Sequence[str]]], files: Iterable[str]) -> list[dict[str, Any]]:
    """The rows of ``queries.jsonl``.

    Raises:
        ValueError: a query names a clip that is not there, or is asked twice.
    """
    there = set(files)
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    for kind, asked in queries.items():
        for query, answers in asked.items():
            relevant = [f"{name}.mp4" for name in answers]
            missing = set(relevant) - there
            if missing or query in seen:
                raise ValueError(
                    f"{query!r}: {'asked twice' if query in seen else f'no such clip {missing}'}"
                )
            seen.add(query)
            modality = MODALITIES.get(kind, "ocr")
            rows.append({"query": query, "relevant": relevant, "class": kind, "modality": modality})
    return rows
