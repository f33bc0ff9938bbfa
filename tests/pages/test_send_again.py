"""The administrator's button for a letter that was given up."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from filsluss.models import AuditEntry, Letter, LetterCase
from tests.pages.cases import pending


@pytest.fixture
def letter(db):
    transfer = pending()
    letter = Letter.objects.about(transfer).get(kind="approval-requested")
    Letter.objects.filter(pk=letter.pk).update(
        delivery="given_up", given_up_at=timezone.now(), last_error="550 5.1.1 no such user"
    )
    return letter


def page_of(letter):
    return f"/oversee/transfers/{letter.cases.get().transfer.public_id}"


def address_of(letter):
    return f"/oversee/letters/{letter.public_id}/send-again"


def test_the_page_has_the_button_and_the_server_s_answer_and_pressing_twice_sends_once(admin, letter):
    shown = admin.get(page_of(letter)).content.decode()
    assert (address_of(letter) in shown, "550 5.1.1 no such user" in shown) == (True, True)
    for _ in range(2):
        answer = admin.post(address_of(letter))
        assert (answer.status_code, answer["Location"]) == (303, f"{page_of(letter)}?lang=sv&done=sent-again")
    assert Letter.objects.filter(again_of=letter, delivery="queued").count() == 1
    entry = AuditEntry.objects.get(step="letter-sent-again")
    assert entry.person == f"user:{User.objects.get().pk}"
    shown = admin.get(page_of(letter)).content.decode()
    assert (address_of(letter) in shown, "ett mejl skickat igen" in shown) == (False, True)


def test_what_cannot_be_sent_again_says_why_on_the_page(admin, letter):
    Letter.objects.filter(pk=letter.pk).update(delivery="sent")
    answer = admin.post(address_of(letter))
    assert (answer.status_code, "Mejlet är inte uppgivet" in answer.content.decode()) == (409, True)
    Letter.objects.filter(pk=letter.pk).update(delivery="given_up")
    letter.cases.get().transfer.__class__.objects.update(state="rejected")
    answer = admin.post(address_of(letter))
    assert (answer.status_code, "Mejlet stämmer inte längre" in answer.content.decode()) == (409, True)
    assert not Letter.objects.filter(again_of=letter).exists()


def test_nobody_else_and_nothing_else_sends_it(admin, inside, letter):
    assert admin.get(address_of(letter)).status_code == 405
    assert admin.post(f"/oversee/letters/{'x' * 22}/send-again").status_code == 404
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = admin.cookies
    assert strict.post(address_of(letter), headers={"origin": "https://evil.example"}).status_code == 403
    inside.logout()
    answer = inside.post(address_of(letter))
    assert (answer.status_code, "/oversee/sign-in" in answer["Location"]) == (303, True)
    assert not Letter.objects.filter(again_of=letter).exists()


def test_of_a_letter_about_several_cases_the_page_of_the_one_where_it_was_pressed_comes_back(admin, letter):
    other = pending()
    LetterCase.objects.create(letter=letter, transfer=other)
    shown = admin.get(f"/oversee/transfers/{other.public_id}").content.decode()
    assert f'name="case" value="{other.public_id}"' in shown
    answer = admin.post(address_of(letter), {"case": other.public_id})
    assert answer["Location"] == f"/oversee/transfers/{other.public_id}?lang=sv&done=sent-again"
