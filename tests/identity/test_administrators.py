"""Administrators by their group: what their pages show, and the fresh proof for what cannot be undone."""

from datetime import timedelta

import pytest
from django.utils import timezone

from filsluss.models import AuditEntry, Person, RoleGrant, StaffSession, Transfer
from filsluss.rules.permissions import StaffRole
from filsluss.rules.sign_in import GroupRole
from tests.identity.test_staff_pages import SENDING

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def administrator(visitor, configure):
    configure(of_policy={"role_groups": (GroupRole("fts-admin", StaffRole.ADMINISTRATOR),)})
    visitor.issuer.claims["groups"] = ["fts-admin"]
    visitor.sign_in(next="/oversee")
    return visitor


def test_a_group_opens_the_administrators_pages_and_nothing_else_does(administrator, make_visitor):
    page = administrator.client.get("/oversee/").content.decode()
    assert "Anna Berg" in page
    administrator.issuer.claims |= {"sub": "eva-2", "email": "eva@ltdalarna.se", "groups": []}
    eva = make_visitor()
    eva.sign_in()
    assert eva.client.get("/oversee/").status_code == 303
    for role, scope in (("registrar", "ltdalarna.se"), ("help-desk", "")):
        RoleGrant.objects.create(
            person=Person.objects.get(subject="eva-2"),
            role=role,
            scope=scope,
            by="user:1",
            given_at=timezone.now(),
        )
    assert eva.client.get("/oversee/").status_code == 200
    assert eva.client.get("/oversee/security").status_code == 403
    assert "/staff/sign-in?next=" in eva.client.get("/oversee/sign-in").content.decode()


def test_what_cannot_be_undone_wants_a_fresh_sign_in_and_keeps_what_was_typed(administrator):
    administrator.client.post("/staff/apply", SENDING)
    transfer = Transfer.objects.get()
    case = f"/oversee/transfers/{transfer.public_id}"
    StaffSession.objects.update(proved_at=timezone.now() - timedelta(minutes=11))
    assert administrator.client.get(case).status_code == 200
    answer = administrator.client.post(f"{case}/close", {"reason": "Skickad av misstag"})
    text = answer.content.decode()
    assert (answer.status_code, "fresh=1" in text) == (403, True)
    assert Transfer.objects.get().state == "open"
    administrator.sign_in(fresh="1", next=f"{case}/close")
    assert "Skickad av misstag" in administrator.client.get(f"{case}/close").content.decode()
    assert administrator.client.post(f"{case}/close", {"reason": "Skickad av misstag"}).status_code == 303
    entry = AuditEntry.objects.get(step="closed")
    assert (entry.person, entry.proof) == (Person.objects.get().trail_name, "sign-in")


def test_to_sign_out_there_ends_the_session(administrator):
    administrator.client.post("/oversee/sign-out")
    assert (administrator.is_signed_in, StaffSession.objects.count()) == (False, 0)
