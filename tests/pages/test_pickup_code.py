"""The sender sees the code of a file again; one that cannot be shown is replaced if they ask for that."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from filsluss.models import AuditEntry, Link, Pickup, Transfer
from filsluss.rules.spelling import spelt
from filsluss.rules.tokens import CODE_ALPHABET, Purpose, code_digest, show_code
from tests.pages.cases import code_link, link, open_transfer, ready_file, received_file

pytestmark = pytest.mark.django_db


def code_page(transfer):
    return f"{link(transfer, Purpose.UPLOAD)}/code"


@pytest.fixture
def file():
    return ready_file(open_transfer(), with_code=True)


def test_the_code_is_shown_in_groups_spelt_and_as_a_picture(inside, read, file):
    pickup = file.pickups.get()
    answer = inside.post(code_page(file.transfer), {"file": file.public_id})
    page = read(answer)
    shown = re.sub(r"\s", "", re.search('class="code"[^>]*>(.*?)</p>', page.source)[1])
    assert re.sub("<[^>]+>", "", shown) == show_code(pickup.code_sealed)
    assert ", ".join(spelt(pickup.code_sealed, "sv")).split()[0] in page.text
    assert page.source.count("<svg viewBox") == 1
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert "style=" not in page.source


def test_the_picture_leads_to_the_code_page_with_the_code_where_no_server_sees_it(inside, monkeypatch, file):
    drawn = []
    monkeypatch.setattr(
        "filsluss.pages.pickup_code.segno.make", lambda text, **_: drawn.append(text) or Square()
    )
    inside.post(code_page(file.transfer), {"file": file.public_id})
    assert drawn == [f"{settings.POLICY.base_url}/code#{show_code(file.pickups.get().code_sealed)}"]


class Square:
    def svg_inline(self, **_):
        return "<svg></svg>"


def test_a_link_that_is_followed_shows_no_code(inside, file):
    page = inside.get(link(file.transfer, Purpose.UPLOAD)).content.decode()
    answer = inside.get(code_page(file.transfer))
    code = file.pickups.get().code_sealed
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (
        303,
        link(file.transfer, Purpose.UPLOAD),
    )
    assert code not in page.replace("-", "")
    assert "/code" in page


def test_only_a_ready_file_of_ones_own_with_a_code_has_one_to_show(inside, file):
    own = file.transfer
    others = [
        ready_file(own, "utan.pdf"),
        received_file(own, "snart.pdf", with_code=True),
        ready_file(open_transfer(), with_code=True),
    ]
    asked = [each.public_id for each in others] + ["", "x", "K7PM-4QXD"]
    assert [inside.post(code_page(own), {"file": each}).status_code for each in asked] == [404] * 6
    assert inside.post(f"{code_link(file)}/code", {"file": file.public_id}).status_code == 404
    Transfer.objects.filter(pk=own.pk).update(open_until=timezone.now() - timedelta(seconds=1))
    assert inside.post(code_page(own), {"file": file.public_id}).status_code == 410


@pytest.mark.parametrize("stored", ["", "fernet:nobody can read this"])
def test_of_a_code_that_cannot_be_shown_a_new_one_is_offered_and_the_old_one_ends(inside, read, file, stored):
    pickup = file.pickups.get()
    old = pickup.code_digest
    Pickup.objects.filter(pk=pickup.pk).update(code_sealed=stored)
    page = read(inside.post(code_page(file.transfer), {"file": file.public_id}))
    assert "kan inte visas" in page.text
    assert page.all("input", name="renew") == [{"type": "hidden", "name": "renew", "value": "1"}]
    assert file.pickups.get().code_digest == old
    renew = {"file": file.public_id, "renew": "1"}
    assert "kan inte visas" not in read(inside.post(code_page(file.transfer), renew)).text
    drawn = file.pickups.get()
    assert drawn.code_digest == code_digest(settings.POLICY.code_keys[0], drawn.code_sealed) != old
    assert inside.post(code_page(file.transfer), renew).status_code == 200  # once more changes nothing
    assert file.pickups.get().code_sealed == drawn.code_sealed
    entry = AuditEntry.objects.get(step="code-drawn-again")
    assert (entry.role, entry.file_public_id) == ("sender", file.public_id)
    assert inside.post("/code", {"code": drawn.code_sealed}).status_code == 303
    assert Link.objects.filter(file=file, purpose=Purpose.DOWNLOAD, revoked_at=None).exists()


def test_a_code_that_can_be_shown_is_never_replaced(inside, file):
    before = file.pickups.get().code_sealed
    inside.post(code_page(file.transfer), {"file": file.public_id, "renew": "1"})
    assert file.pickups.get().code_sealed == before


@pytest.mark.parametrize("language", ["sv", "en"])
def test_every_character_of_a_code_has_a_word_or_is_a_digit(language):
    words = " ".join(spelt(CODE_ALPHABET, language)).split()
    assert [word[0] for word in words] == list(CODE_ALPHABET)
    assert [word for word in words if len(word) < 3 and not word.isdigit()] == []
