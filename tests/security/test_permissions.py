"""Permissions: every address of the administrator's pages asks the table, and nothing else decides."""

import ast
from pathlib import Path

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.test import RequestFactory

import filsluss
from filsluss.pages.oversee import access
from filsluss.rules.permissions import FRESH, PERMISSIONS, Act, StaffRole, Standing, may
from filsluss.urls import urlpatterns

SOURCE = Path(filsluss.__file__).parent
OPEN = {"oversee/sign-in", "oversee/sign-in/code", "oversee/sign-out"}
"""They are for everybody, or nobody could sign in."""
OWN = {"oversee/me/prove", "oversee/me/factors"}
"""They are for whoever is signed in with a local account, and about nobody else."""
WANTED = {
    "oversee": Act.LIST_TRANSFERS,
    "oversee/": Act.LIST_TRANSFERS,
    "oversee/transfers/<id:public_id>": Act.READ_TRANSFER,
    "oversee/persons": Act.READ_PERSONS,
    "oversee/persons/<int:pk>": Act.CHANGE_PERSONS,
    "oversee/session": Act.LIST_TRANSFERS,
    "oversee/security": Act.READ_SECURITY_LOG,
    "oversee/blocked": Act.READ_BLOCK_LIST,
    "oversee/blocked/add": Act.CHANGE_BLOCK_LIST,
    "oversee/blocked/<int:pk>/remove": Act.CHANGE_BLOCK_LIST,
    "oversee/trail.csv": Act.EXPORT_TRAIL,
    "oversee/transfers/<id:public_id>/trail.csv": Act.EXPORT_TRAIL,
    "oversee/transfers/<id:public_id>/close": Act.CLOSE_TRANSFER,
    "oversee/transfers/<id:public_id>/withdraw": Act.WITHDRAW_REQUEST,
    "oversee/files/<id:public_id>/release": Act.RELEASE_FILE,
    "oversee/files/<id:public_id>/remove": Act.REMOVE_FILE,
    "oversee/files/<id:public_id>/give-back": Act.GIVE_BACK_FILE,
    "oversee/transfers/<id:public_id>/extend": Act.EXTEND_TRANSFER,
    "oversee/letters/<row:public_id>/send-again": Act.SEND_AGAIN,
}
WITHOUT_ADDRESS = {
    *(Act.READ_FIGURES, Act.READ_ADDRESSES, Act.READ_BYTES),
}
"""Acts that no address asks for: a part of another page, or of pages to come."""
IDS = {"id": ("public_id", "K7PM-4QXD"), "row": ("public_id", "A" * 22), "int": ("pk", 1)}


def views():
    """Every view below /oversee by its route."""
    routes = {str(each.pattern): each.callback for each in urlpatterns}
    return {route: view for route, view in routes.items() if route.startswith("oversee")}


def arguments(route):
    name, value = IDS.get(route.partition("<")[2].partition(":")[0], ("", ""))
    return {name: value} if name else {}


def asked(route, standing, method="GET"):
    """What the view answers; None if it was let through (and then failed without a database)."""
    request = RequestFactory().generic(method, f"/{route}")
    request.user, request.standing = User(pk=1) if standing.roles else AnonymousUser(), standing
    try:
        return views()[route](request, **arguments(route))
    except RuntimeError as fault:  # pytest-django: a test that is not marked opens no database
        if "Database access not allowed" not in str(fault):
            raise
        return None


def test_the_table_says_who_may_do_what():
    """Each role beside what it may not do."""
    assert set(PERMISSIONS) == set(Act)
    lacks = {role: {act for act in Act if not may([role], act)} for role in StaffRole}
    irreversible = {Act.CLOSE_TRANSFER, Act.WITHDRAW_REQUEST, Act.REMOVE_FILE, Act.CHANGE_PERSONS}
    letters = {Act.SEND_AGAIN, Act.EXTEND_TRANSFER}
    lists = {Act.READ_SECURITY_LOG, Act.READ_BLOCK_LIST, Act.READ_PERSONS}
    release = {Act.RELEASE_FILE, Act.CHANGE_BLOCK_LIST}
    nobodys, undo = {Act.READ_BYTES}, {Act.GIVE_BACK_FILE}
    assert lacks == {
        StaffRole.ADMINISTRATOR: nobodys,
        StaffRole.AUDITOR: nobodys | irreversible | undo | letters | release,
        StaffRole.REGISTRAR: nobodys | irreversible | undo | release | lists,
        StaffRole.HELP_DESK: nobodys
        | irreversible
        | undo
        | release
        | lists
        | {Act.READ_ADDRESSES, Act.EXPORT_TRAIL},
        StaffRole.SECURITY_OFFICER: nobodys | irreversible | undo | letters,
    }
    assert [act for act in Act if may([], act)] == []
    assert irreversible | {Act.RELEASE_FILE} == FRESH


def test_every_address_asks_for_one_act_and_every_act_is_asked_for():
    acts = {route: getattr(view, "act", None) for route, view in views().items()}
    assert acts == {**WANTED, **dict.fromkeys(OPEN | OWN)}
    assert set(WANTED.values()) | WITHOUT_ADDRESS == set(Act)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("route", WANTED)
@pytest.mark.parametrize("role", [None, *StaffRole])
def test_every_address_answers_each_role_as_the_table_says(route, method, role):
    standing = Standing(frozenset({(role, "")} if role else ()))
    try:
        answer = asked(route, standing, method)
    except PermissionDenied:
        assert not may([role], WANTED[route])
        return
    if answer is not None and answer.status_code == 405:
        return
    if role is None:
        assert answer.status_code == 303
    else:
        assert may([role], WANTED[route])


def test_nobody_opens_bytes_and_who_may_not_is_not_led_to_the_sign_in():
    view = access.permitted(Act.READ_BYTES)(lambda request: HttpResponse())
    request = RequestFactory().get("/oversee")
    request.user, request.standing = AnonymousUser(), Standing(frozenset((role, "") for role in StaffRole))
    with pytest.raises(PermissionDenied):
        view(request)


def test_nothing_else_asks_who_is_staff():
    asking = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if getattr(node, "attr", getattr(node, "value", None)) in ("is_staff", "is_superuser")
    }
    assert asking == set()
