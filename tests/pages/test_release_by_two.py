"""An unscanned file that two persons let through: each another one, within a day, none of an emergency."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from filsluss.models import AuditEntry, Person, TransferFile
from filsluss.rules.permissions import StaffRole
from filsluss.rules.sign_in import LocalSignIn
from tests.pages.cases import INSIDE, open_transfer, received_file
from tests.parts.administrators import sign_in


@pytest.fixture
def by_two(settings):
    settings.POLICY = replace(settings.POLICY, release_persons=2)


@pytest.fixture
def unscanned():
    file = received_file(open_transfer())
    TransferFile.objects.filter(pk=file.pk).update(state="unscanned", scan_trouble="timeout")
    return file


def browser(name, role):
    client = Client(**{"filsluss.client": INSIDE})
    sign_in(client, name, (role, ""))
    return client


def release(client, file):
    answer = client.post(f"/oversee/files/{file.public_id}/release?lang=en", {"reason": "Known sender"})
    file.refresh_from_db()
    return answer


def test_one_person_is_enough_as_long_as_nothing_else_is_set(unscanned):
    answer = release(browser("eva", StaffRole.SECURITY_OFFICER), unscanned)
    assert (answer.status_code, unscanned.state) == (303, "received")
    assert AuditEntry.objects.get(step="released").role == "security-officer"


def test_the_first_leaves_a_mark_and_the_second_releases(by_two, unscanned, read):
    eva, karin = browser("eva", StaffRole.SECURITY_OFFICER), browser("karin", StaffRole.ADMINISTRATOR)
    answer = release(eva, unscanned)
    assert (answer.status_code, unscanned.state, unscanned.released_at) == (303, "unscanned", None)
    page = read(karin.get(answer["Location"]))
    assert "eva wants to let ritning.pdf through without a virus check." in page.text
    assert "Noted. A second person must also let the file through" in page.text
    again = release(eva, unscanned)
    assert (again.status_code, read(again).problems) == (422, [f"reason-release-{unscanned.public_id}"])
    assert "Now another person must do the same." in read(again).text
    answer = release(karin, unscanned)
    assert (answer.status_code, unscanned.state) == (303, "received")
    assert "wants to let" not in read(karin.get(answer["Location"])).text
    steps = AuditEntry.objects.filter(step__startswith="release").values_list("step", "role")
    assert list(steps) == [("release-asked", "security-officer"), ("released", "administrator")]


def test_after_a_day_the_second_is_the_first_again(by_two, unscanned):
    release(browser("eva", StaffRole.ADMINISTRATOR), unscanned)
    AuditEntry.objects.filter(step="release-asked").update(
        at=AuditEntry.objects.get(step="release-asked").at - timedelta(hours=24)
    )
    release(browser("karin", StaffRole.ADMINISTRATOR), unscanned)
    assert unscanned.state == "unscanned"
    assert AuditEntry.objects.filter(step="release-asked").count() == 2


def test_an_emergency_account_is_never_the_second(by_two, unscanned, settings):
    eva, karin = (browser(name, StaffRole.ADMINISTRATOR) for name in ("eva", "karin"))
    release(eva, unscanned)
    settings.POLICY = replace(settings.POLICY, local_sign_in=LocalSignIn.BREAK_GLASS)
    assert (release(karin, unscanned).status_code, unscanned.state) == (422, "unscanned")


@pytest.mark.parametrize("lost", ["role", "shut out", "removed"])
def test_a_mark_ends_with_the_role_of_whoever_made_it(by_two, unscanned, lost):
    eva, karin = (browser(name, StaffRole.ADMINISTRATOR) for name in ("eva", "karin"))
    release(eva, unscanned)
    person = Person.objects.get(user__username="eva")
    if lost == "role":
        person.grants.all().delete()
    elif lost == "shut out":
        Person.objects.filter(pk=person.pk).update(shut_at=timezone.now())
    else:
        person.user.delete()
    assert (release(karin, unscanned).status_code, unscanned.state) == (303, "unscanned")
