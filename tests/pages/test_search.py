"""Cases are found by reference, address, name and file, however many there are, and shown in pages."""

from datetime import timedelta
from itertools import product

import pytest
from django.utils import timezone

from filsluss.models import Transfer
from filsluss.models.party import folded_party
from filsluss.pages.oversee import found
from tests.pages.cases import BO, EVA, applied, open_transfer, pending, ready_file


def shown(page):
    """The references in the list."""
    return [a["href"].rpartition("/")[2] for a in page.all("a") if "/transfers/" in (a["href"] or "")]


def test_a_transfer_is_found_by_its_number_an_address_or_a_file(admin, read):
    transfer = open_transfer()
    applied("erik@ltdalarna.se", "eva@konsult.example")
    ready_file(transfer, "Ritning åäö.pdf")
    for asked in (transfer.public_id, transfer.public_id.lower(), BO, "anna.berg", "ritning", "ning åäö"):
        assert shown(read(admin.get("/oversee", {"q": asked}))) == [transfer.public_id]
    for asked in ("nobody", "\0", "%", "'; --"):
        assert shown(read(admin.get("/oversee", {"q": asked, "state": "closed"}))) == []


def test_a_state_narrows_the_search(admin, read):
    waiting = pending()
    open_transfer()
    assert shown(read(admin.get("/oversee", {"state": "pending"}))) == [waiting.public_id]


def test_fifty_are_shown_at_a_time(admin, read):
    for _ in range(51):
        applied()
    first = read(admin.get("/oversee"))
    (older,) = first.all("a", rel="next")
    second = read(admin.get(f"/oversee{older['href']}"))
    (newer,) = second.all("a", rel="prev")
    again = read(admin.get(f"/oversee{newer['href']}"))
    assert [len(shown(page)) for page in (first, second, again)] == [50, 1, 50]
    assert (shown(again), {*shown(first), *shown(second)}) == (
        shown(first),
        set(Transfer.objects.values_list("public_id", flat=True)),
    )
    assert (first.all("a", rel="prev"), second.all("a", rel="next")) == ([], [])
    for odd in ("x", "-1.1", "1." + "9" * 30, "9" * 30 + ".1", "\0", "1.", ".1"):
        assert len(shown(read(admin.get("/oversee", {"before": odd, "after": odd})))) == 50


def test_a_name_is_found_in_any_case_and_any_unicode_form(admin, read):
    transfer = open_transfer()
    ready_file(transfer, "Översikt ÅÄÖ.pdf")
    sender = transfer.sender
    sender.name, sender.folded = "Åsa Öman", folded_party("Åsa Öman", sender.address)
    sender.save()
    for asked in ("åsa", "ÅSA", "A\u030asa", "öman", "O\u0308MAN", "översikt", "ÖVERSIKT ÅÄ", "sikt åäö"):
        assert shown(read(admin.get("/oversee", {"q": asked}))) == [transfer.public_id]


def test_an_exact_reference_is_shown_and_nothing_else(admin, read):
    transfer = open_transfer()
    other = open_transfer()
    file = ready_file(transfer, f"om {other.public_id}.pdf")
    for asked in (other.public_id, other.public_id.replace("-", "").lower()):
        assert shown(read(admin.get("/oversee", {"q": asked}))) == [other.public_id]
    assert shown(read(admin.get("/oversee", {"q": file.public_id}))) == [transfer.public_id]


def test_text_within_a_name_is_found_in_cases_of_ninety_days_and_its_beginning_in_all(admin, read):
    transfer = open_transfer()
    ready_file(transfer, "Ritning plan 2.pdf")
    Transfer.objects.update(applied_at=timezone.now() - timedelta(days=91))
    assert shown(read(admin.get("/oversee", {"q": "plan"}))) == []
    for asked in ("ritning pl", "anna.b", "bo <ek", BO[:5]):
        assert shown(read(admin.get("/oversee", {"q": asked}))) == [transfer.public_id]


@pytest.mark.parametrize("query", [f"Bo Ek <{BO}>", f"mailto:{BO}", "bo\u200b@rontgen.example", f"'{BO}'"])
def test_a_case_is_found_by_an_address_as_it_is_pasted(admin, read, query):
    row = open_transfer()
    page = read(admin.get("/oversee", {"q": query}))
    assert [a for a in page.all("a") if row.public_id in (a["href"] or "")] != []


def links_to_parts(page):
    links = [a["href"] for a in page.all("a") if not a.get("hreflang")]
    return [href for href in links if href and "parts=1" in href]


def test_what_begins_so_comes_first_and_what_contains_it_is_one_click_away(admin, read):
    begins, contains = applied("berg.anna@ltdalarna.se"), applied("anna.berg@ltdalarna.se")
    Transfer.objects.filter(pk=begins.pk).update(applied_at=timezone.now() - timedelta(days=91))
    sender = begins.sender
    sender.name, sender.folded = "", sender.address
    sender.save()
    first = read(admin.get("/oversee", {"q": "berg"}))
    assert shown(first) == [begins.public_id]
    (more,) = links_to_parts(first)
    inside = "inuti namn och adresser, i ärenden från de senaste 90 dagarna."
    assert inside not in first.text
    both = read(admin.get(f"/oversee{more}"))
    assert shown(both) == [contains.public_id, begins.public_id]
    assert links_to_parts(both) == []
    assert inside in both.text
    none = read(admin.get("/oversee", {"q": "erg.anna", "parts": "1"}))
    assert (shown(none), inside in none.text, "Alla ärenden" in none.text) == ([], True, True)


def through_all(admin, read, **asked):
    """The references on each page of a list, and on each page of the way back."""
    page, pages, back = read(admin.get("/oversee", asked)), [], []
    while older := page.all("a", rel="next"):
        pages.append(shown(page))
        page = read(admin.get(f"/oversee{older[0]['href']}"))
    pages.append(shown(page))
    while newer := page.all("a", rel="prev"):
        page = read(admin.get(f"/oversee{newer[0]['href']}"))
        back.append(shown(page))
    return pages, back


WALKS = ((0, 1), (4, 1), (1000, 3))
"""How many cases are looked through at most, and how many at first: none, a few, all."""


def test_of_many_that_match_the_same_are_shown_in_the_same_pages(admin, read, monkeypatch):
    """However they are looked for: by the lists of what matches, or by looking through the newest first."""
    monkeypatch.setattr(found, "PER_PAGE", 2)
    for number in range(3):
        applied()
        applied(EVA, "karin.lund@ltdalarna.se")
        ready_file(open_transfer(), f"plan {number}.pdf")
    Transfer.objects.filter(pk__in=Transfer.objects.order_by("pk")[:2].values_list("pk", flat=True)).update(
        applied_at=timezone.now() - timedelta(days=91)
    )
    differing = []
    for asked, state in product(("anna", "erg", "karin", "bo@", "plan", "nobody"), ("", "open", "pending")):
        by_lists = through_all(admin, read, q=asked, state=state)
        for walked, step in WALKS:
            with monkeypatch.context() as walking:
                for name, value in (("MANY", 0), ("MOST_WALKED", walked), ("FIRST_STEP", step)):
                    walking.setattr(found, name, value)
                walk = through_all(admin, read, q=asked, state=state)
            differing += [(asked, state, walked, walk, by_lists)] if walk != by_lists else []
    assert differing == []


def test_the_number_of_many_is_a_bound(admin, read, monkeypatch):
    for name, value in (("PER_PAGE", 2), ("MOST_COUNTED", 3), ("MANY", 2), ("FIRST_STEP", 1)):
        monkeypatch.setattr(found, name, value)
    for _ in range(3):
        applied()
    assert "3 cases" in read(admin.get("/oversee?lang=en")).text
    assert "More than 2 cases" in read(admin.get("/oversee?lang=en&q=anna")).text
    applied()
    assert "More than 3 cases" in read(admin.get("/oversee?lang=en")).text
