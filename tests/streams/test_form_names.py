"""File names in forms, as each kind of client writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filsluss.streams.form_names import name_in


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('form-data; name="file"', None),
        ('form-data; name="file"; filename=""', ""),
        ('form-data; name="file"; filename="a.txt"', "a.txt"),
        ("form-data; name=file; filename=a.txt", "a.txt"),
        # Browsers (WHATWG): only the quotation mark and line breaks are percent-encoded.
        ('form-data; name="file"; filename="100%.txt"', "100%.txt"),
        ('form-data; name="file"; filename="a%22b.txt"', 'a"b.txt'),
        # curl
        ('form-data; name="file"; filename="a\\"b.txt"', 'a"b.txt'),
        # requests with an old urllib3: the extended form alone
        ("form-data; name=\"file\"; filename*=utf-8''r%C3%A5k.txt", "råk.txt"),
        # aiohttp: both
        ('form-data; name="file"; filename="r%C3%A5k.txt"; filename*=utf-8\'\'r%C3%A5k.txt', "råk.txt"),
        ("form-data; filename*=UTF-8'sv'r%C3%A5k.txt; filename=rak.txt; name=file", "råk.txt"),
        ("form-data; name=file; filename*=iso-8859-1''r%E5k.txt", "råk.txt"),
        # PowerShell: encoded words
        ('form-data; name="file"; filename="=?utf-8?B?csOlay50eHQ=?="', "råk.txt"),
        ('form-data; name="file"; filename="=?utf-8?Q?r=C3=A5k_2.txt?="', "råk 2.txt"),
        ('form-data; name="file"; filename="=?utf-8?B?csOl?= =?utf-8?B?ay50eHQ=?="', "råk.txt"),
        # what cannot be decoded stays as it is
        ("form-data; name=file; filename*=utf-8''r%E5k.txt; filename=rak.txt", "rak.txt"),
        ("form-data; name=file; filename*=utf-16''x; filename=rak.txt", "rak.txt"),
        ('form-data; name="file"; filename="=?nonsense?B?csOl?="', "=?nonsense?B?csOl?="),
        ('form-data; name="file"; filename="=?utf-8?B?5Q==?="', "=?utf-8?B?5Q==?="),
        ('form-data; name="file"; filename="a =?utf-8?B?csOl?="', "a =?utf-8?B?csOl?="),
        # a name that looks like a parameter is a name
        ('form-data; name="file"; filename="x; filename*=utf-8\'\'evil.txt"', "x; filename*=utf-8''evil.txt"),
    ],
)
def test_the_name_is_the_one_that_was_meant(disposition: str, name: str | None) -> None:
    assert name_in(disposition) == name


@pytest.mark.parametrize(
    ("sent", "by_browser", "by_program"),
    [
        ("r%C3%A5k%201.bin", "r%C3%A5k%201.bin", "råk 1.bin"),
        ("min%20fil.txt", "min%20fil.txt", "min fil.txt"),
        ("r%22%C3%A5%5Ck.txt", 'r"%C3%A5%5Ck.txt', 'r"å\\k.txt'),
        ("%0D%0A%20%22.txt", '\r\n%20".txt', '\r\n ".txt'),
        ("100%.txt", "100%.txt", "100%.txt"),
        ("100% av %20.txt", "100% av %20.txt", "100% av %20.txt"),
        ("r%E5k.txt", "r%E5k.txt", "r%E5k.txt"),
        ("plain.txt", "plain.txt", "plain.txt"),
    ],
)
def test_a_program_may_percent_encode_all_of_a_name(sent: str, by_browser: str, by_program: str) -> None:
    disposition = f'form-data; name="file"; filename="{sent}"'
    assert (name_in(disposition), name_in(disposition, by_browser=False)) == (by_browser, by_program)


@given(st.text(st.sampled_from("form-data; name=fil\"*'%=?utf8QB\\\n å\ud800"), max_size=80))
def test_no_header_is_a_fault(disposition: str) -> None:
    assert isinstance(name_in(f"form-data; {disposition}", by_browser=False), str | None)
