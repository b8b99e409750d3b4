from __future__ import annotations

import pytest

from signals.text.language import LanguageGuesser

GUESSER = LanguageGuesser()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Der Konzern hebt die Prognose an", "de"),
        ("Alibaba zahlt 0,95 Dollar Dividende je Aktie", "de"),
        ("Nio: 20 Dollar je Aktie", "de"),
        ("Je to firma na akcie", "cs"),
        ("The company lifts its outlook", "en"),
        ("公司上调全年指引", "zh"),
        ("小米 SU7 Ultra 搭载 HyperOS", "zh"),
        ("Tencent (腾讯) lifts its outlook for the year", "en"),
        ("L'action Xiaomi monte dans les échanges à Paris", "fr"),
        ("Las acciones de Xiaomi suben según el informe", "es"),
        ("テンセントが新作ゲームを発表", "ja"),
        ("텐센트 주가가 올랐다", "ko"),
        ("Акции Xiaomi выросли", "und-Cyrl"),
        ("ارتفعت أسهم الشركة اليوم", "und-Arab"),
        ("หุ้นพุ่งขึ้นในวันนี้", "und-Thai"),
        ("Η μετοχή ανέβηκε σήμερα", "und-Grek"),
        ("ፍተሻ ተጀመረ ዛሬ", "und"),
        ("Xiaomi SU7 Ultra", "und"),
    ],
)
def test_language_by_script_and_telling_words(text: str, language: str) -> None:
    assert GUESSER.guess(text) == language


@pytest.mark.parametrize(
    ("declared", "language"),
    [("de", "de"), ("de-DE", "de"), ("en_US", "en"), ("und", "und"), ("", "und")],
)
def test_a_declared_language_decides_where_words_do_not(declared: str, language: str) -> None:
    assert GUESSER.guess("Xiaomi SU7 Ultra", declared) == language


def test_a_declared_language_names_what_the_script_leaves_open() -> None:
    assert GUESSER.guess("Акции Xiaomi выросли", "ru-RU") == "ru"
    assert GUESSER.guess("Акции Xiaomi выросли", "de") == "und-Cyrl"


def test_script_overrules_a_wrong_declaration() -> None:
    assert GUESSER.guess("腾讯宣布回购股份", "en") == "zh"


def test_clear_words_overrule_a_wrong_declaration() -> None:
    text = "Der Konzern und die Tochter haben nach dem Quartal für die Anleger keine Prognose"
    assert GUESSER.guess(text, "en") == "de"


def test_another_declared_language_stays_unread() -> None:
    assert GUESSER.guess("Xiaomi presenta SU7 Ultra", "it") == "it"


def test_cue_words_help_to_tell() -> None:
    guesser = LanguageGuesser({"de": ["gewinnwarnung"], "en": ["warning"]})
    assert guesser.guess("Nio: Gewinnwarnung") == "de"
