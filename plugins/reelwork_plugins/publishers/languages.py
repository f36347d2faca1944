"""Languages as networks name them: with a country, and by their own names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_USUAL = """
ar_AR العربية|bg_BG Български|bn_IN বাংলা|ca_ES Català|cs_CZ Čeština|cy_GB Cymraeg|da_DK Dansk|
de_DE Deutsch|el_GR Ελληνικά|en_US English|es_ES Español|et_EE Eesti|eu_ES Euskara|fa_IR فارسی|
fi_FI Suomi|fr_FR Français|ga_IE Gaeilge|gl_ES Galego|he_IL עברית|hi_IN हिन्दी|hr_HR Hrvatski|
hu_HU Magyar|hy_AM Հայերեն|id_ID Indonesia|is_IS Íslenska|it_IT Italiano|ja_JP 日本語|ka_GE ქართული|
ko_KR 한국어|lt_LT Lietuvių|lv_LV Latviešu|mk_MK Македонски|ms_MY Melayu|nb_NO Norsk bokmål|
nl_NL Nederlands|nn_NO Norsk nynorsk|pl_PL Polski|pt_PT Português|ro_RO Română|ru_RU Русский|
sk_SK Slovenčina|sl_SI Slovenščina|sq_AL Shqip|sr_RS Српски|sv_SE Svenska|sw_KE Kiswahili|
ta_IN தமிழ்|te_IN తెలుగు|th_TH ไทย|tr_TR Türkçe|uk_UA Українська|ur_PK اردو|vi_VN Tiếng Việt|
zh_CN 中文
"""


def _read() -> Iterator[tuple[str, tuple[str, str]]]:
    for entry in _USUAL.replace("\n", "").split("|"):
        locale, _, name = entry.partition(" ")
        yield locale[:2], (locale, name)


_KNOWN: Mapping[str, tuple[str, str]] = dict(_read())


def locale_of(language: str) -> str:
    """Return a language with a country: `pt_BR` for `pt-BR`, `en_US` for `en`; empty if none is known."""
    code, *rest = language.split("-")
    country = next((part.upper() for part in rest if len(part) == 2 and part.isalpha()), "")
    if country and len(code) == 2:
        return f"{code.lower()}_{country}"
    return _KNOWN.get(code.lower(), ("", ""))[0] if not rest else ""


def name_of(language: str) -> str:
    """Return a language's own name; the language as it is written if that is not known."""
    return _KNOWN.get(language.partition("-")[0].lower(), ("", language))[1]
