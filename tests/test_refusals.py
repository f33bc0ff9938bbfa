"""Refusals are one family, with documented codes, and pages and byte paths show each in one place."""

import ast
from collections.abc import Iterator
from pathlib import Path

from filsluss.rules.refusals import AT_ONCE_AGAIN, STATUS, Refused
from tests.test_conventions import modules_of, name_of, tree_of

NO_REFUSALS = {
    "actions/local_accounts.py AccountRefused",  # a sentence for an operator
    "actions/passkeys.py PasskeyRefused",  # a sentence for the log
    "actions/apply.py AppliedBefore",  # the answer to a form that is sent twice
    "actions/scan.py ClaimLost",  # another process scans the file
    "models/link.py LinkLost",  # the secret was changed
}
SHOWN_BY = {
    "management/commands/admin.py": {"FormRefused"},
    "management/reasons.py": {"FormRefused", "StepRefused"},
    "pages/form_page.py": {"FormRefused", "LimitReached", "StepRefused"},
    "pages/oversee/acts.py": {"StepRefused"},  # on the case's page
    "pages/oversee/persons.py": {"FormRefused"},  # one page has several forms
    "pages/oversee/sign_in.py": {"LimitReached"},  # beside the field
    "pages/oversee/second_step.py": {"LimitReached"},  # beside the field
    "pages/staff/sign_in.py": {"LimitReached"},  # with the way by the mailbox
    "pages/own_case.py": {"StepRefused"},  # on another page than that of the form
    "streams/form.py": {"Refused"},  # whose files are discarded, and named
    "streams/routes.py": {"Refused"},
    "streams/uploads.py": {"Refused"},  # while bytes come: what has come is kept first
}
"""Where refusals that any page or path may meet are caught."""


def caught(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ExceptHandler) and node.type is not None:
            parts = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            yield from (ast.unparse(part).rpartition(".")[2] for part in parts)


def test_what_actions_refuse_is_of_the_one_family():
    alone = {
        f"{name_of(path)} {node.name}"
        for path in modules_of("actions", "models")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef)
        if {ast.unparse(base) for base in node.bases} & {"Exception", "ValueError", "LookupError"}
    }
    assert alone == NO_REFUSALS


def test_a_refusal_that_any_page_may_meet_is_shown_in_one_place():
    general = {"Refused", "FormRefused", "LimitReached", "StepRefused"}
    found = {
        name_of(path): names
        for path in modules_of("pages", "streams", "management")
        if (names := general & set(caught(path)))
    }
    assert found == SHOWN_BY


def test_every_code_that_a_byte_path_refuses_with_has_its_status():
    raised = {
        node.args[0].value
        for path in modules_of("actions", "streams")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)
        if ast.unparse(node.func) in ("Refusal", "UploadRefused")
    }
    assert len(raised) > 20
    assert raised - set(STATUS) == set()


def test_whoever_is_to_try_again_is_told_when():
    passing = [Refused(code) for code, status in STATUS.items() if status == 503]
    assert len(passing) > 3
    assert {refused.retry_after for refused in passing} == {AT_ONCE_AGAIN}
    assert Refused("busy", retry_after=30).retry_after == 30
    assert Refused("not_found").retry_after is None
