"""What strangers typed, written so that no mail program finds a link in it: by rule, not by a list."""

import re
from importlib.resources import files

import pytest

from filsluss.letters import sanitize
from filsluss.rules.mail_links import FILE_TYPES, defused, defused_address, holds_address

TOP_LEVEL_DOMAINS = [
    line.lower()
    for line in (files("hypothesis") / "vendor" / "tlds-alpha-by-domain.txt").read_text().splitlines()
    if not line.startswith("#")
]
LIKE_A_LINK = re.compile(
    r"[^\s\[][.\u2024\u3002\ufe52\uff0e\uff61][\u0300-\u036f\u200c\u200d]*[^\W\d_]{2}"  # a host
    r"|\d[.\u3002]\d+[.\u3002]\d+[.\u3002]\d"  # an IP address
    r"|[a-z][:\uff1a][^\s\])]|[^\s\[][@\uff20]\S|\\\\\w|www\.",  # a scheme, an address, a share, a site
    re.IGNORECASE,
)
LINKS = [
    "https://evil.com/x",
    "HTTP://EVIL.COM",
    "www.evil",
    "WWW.x",
    "ftp.x/y",
    "evil.live",
    'evil.help (evil.one) <evil.icu> "evil.cloud"',
    "evil.zip",
    "login.evil.com.",
    "evil\u200c.com",
    "evil.\u200dcom",
    "evil.c\u200com",
    "evil\u00ad.com",
    "evil.\u034fcom",
    "evil\u3164.com",
    "evil。com",
    "evil．com",
    "evil｡com",
    "evil․com",
    "例.中国",
    "例。中国",
    "भारत.भारत",
    "пример.рф",
    "xn--e1afmkfd.xn--p1ai",
    "198.51.100.7/login",
    "198.51.100.7",
    "１９８．５１．１００．７",
    "onenote:https",
    "onenote:x",
    "search-ms:query=x&crumb=location:x",
    "ms-msdt:/id",
    "mailto:bo@evil.example",
    "mailto:bo",
    "tel:0701234567",
    "sms:123",
    "skype:bob?call",
    "javascript:alert(1)",
    "data:text/html,x",
    "file:///c:/x",
    "localhost:8000/x",
    "http://localhost",
    "http：//localhost",
    "1http://x",
    "åhttp://x",
    "bo@evil.example",
    "bo@localhost",
    "bo＠evil",
    r"\\evil\share",
    "t.ex.evil.com",
    "evil[.com",
    "evil.com.pdf",
    "www.pdf",
    "(evil.com)",
    "se:evil.com",
    "slut.Evil",
]
READABLE = [
    "Ritningar till den nya mottagningen, t.ex. sidan 2, m.fl. o.s.v.",
    "Vi ses kl. 14.30–15.00, eller 14:30. Rum 3.14 (bl.a. EU:s regler)!",
    "Bra :) eller hej:) … Priset är 1.234.567 kr; 2.5/3.",
    "Anledning: provsvar. Nästa mening",
    "Anna-Karin O'Neill, f.d. Å",
    "خطاب إلى المريض",
    "کتاب\u200cها",
    "👩\u200d⚕️ och 🏳️\u200d🌈",
]
NAMES = [
    "ritning.pdf",
    "Ritning åäö (2).PDF",
    "arkiv.tar.gz",
    "plan v1.2.docx",
    "IMG_0001.jpeg",
    ".htaccess",
    "utan ändelse",
    "film.mp4",
    "کتاب\u200cها.pdf",
]


@pytest.mark.parametrize("text", LINKS)
def test_nothing_that_a_mail_program_may_link_is_left(text):
    for shown in (sanitize.quoted(text)[2:], sanitize.person(text), sanitize.file_name(text)):
        assert LIKE_A_LINK.findall(re.sub(r"\.pdf\Z|\bt\.ex", "", shown)) == []
    assert "www.pdf" not in sanitize.file_name(text)


@pytest.mark.parametrize("text", LINKS)
def test_what_is_defused_is_not_changed_again(text):
    once = defused(sanitize.one_line(text))
    assert defused(once) == once


@pytest.mark.parametrize("text", READABLE)
def test_ordinary_words_stay_as_they_were_typed(text):
    assert sanitize.quoted(text) == f"> {text}"


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_common_type_of_file_stays_as_it_is(name):
    assert sanitize.file_name(name) == name


def test_no_top_level_domain_stays_linkable_at_the_end_of_a_files_name():
    assert len(TOP_LEVEL_DOMAINS) > 1000
    assert [top for top in TOP_LEVEL_DOMAINS if sanitize.file_name(f"evil.{top}") != f"evil[.]{top}"] == []
    assert FILE_TYPES & set(TOP_LEVEL_DOMAINS) == set()


def test_an_address_is_shown_as_it_is_unless_it_begins_like_a_site():
    assert defused_address("bo.ek@rontgen.example") == "bo.ek@rontgen.example"
    assert defused_address("www.evil.com@rontgen.example") == "www[.]evil[.]com[@]rontgen[.]example"


@pytest.mark.parametrize("name", ["Anna (anna@inne.example)", "anna＠inne", "anna﹫inne.example", "a @ b"])
def test_a_name_holds_an_address_whatever_at_sign_it_has(name):
    assert holds_address(name)


@pytest.mark.parametrize("name", ["Anna Chef", "Bo at Röntgen", "Anna (at) inne", "Ö"])
def test_a_name_without_an_at_sign_holds_none(name):
    assert not holds_address(name)
