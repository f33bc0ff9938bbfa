"""What an upgrade from the version before leaves in the tables, against the rows that it found there."""

import json
import subprocess
import sys

import pytest

from filsluss.models import Party, TransferFile
from filsluss.models.party import folded_party
from filsluss.rules.addresses import LONGEST_ADDRESS, canonical, read_address
from filsluss.rules.application import NAME_MAX
from filsluss.rules.filenames import LONGEST_NAME
from filsluss.rules.lifecycle import ErasedBecause
from filsluss.rules.search import fold
from tests.parts.installation_before import OWNERS, all_rows, contents, execute
from tests.parts.schema import schema_of
from tests.parts.storage import rows

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

RENAMED = {
    "gate": "rowlock",
    "holder": "claimed_by",
    "signs": "claim_count",
    "trouble": "last_error",
    "transfer_id_public": "transfer_public_id",
    "file_id_public": "file_public_id",
}
"""Tables and columns whose names changed, and nothing else."""
ROLES = ("sender", "recipient", "approver")
WIDEST = "ﬃ"
"""Of all letters the one that folding makes longest: three of it."""
MODELS_ALONE = """
import django
from django.conf import settings
settings.MIGRATION_MODULES = {"filsluss": None}
django.setup()
from django.core.management import call_command
call_command("migrate", run_syncdb=True, verbosity=0)
"""
"""Makes the tables from the models, without a migration."""


@pytest.fixture(scope="module")
def old(upgraded):
    """The rows of each table as the version before left them."""
    return {name.removeprefix("filsluss_"): found for name, found in upgraded.before.items()}


@pytest.fixture(scope="module")
def new(upgraded):
    return {name.removeprefix("filsluss_"): found for name, found in all_rows(upgraded).items()}


@pytest.fixture(scope="module")
def party_of(new):
    """The party in that role of the transfer of that key."""
    return {(row["transfer_id"], row["role"]): row for row in new["party"]}


def only(row, *columns):
    return tuple(row[column] for column in columns)


def earliest(found, column, **where):
    """The earliest time in that column of the rows that are so; None if there is none."""
    times = [row[column] for row in found if all(row[name] == value for name, value in where.items())]
    return min((time for time in times if time is not None), default=None)


# What was there is there


def test_whatever_both_versions_keep_is_unchanged(old, new, upgraded):
    forgotten = set(upgraded.told["forgotten"].values())
    for table in (
        "gate",
        "heartbeat",
        "attempt",
        "alarm",
        "pause",
        "transfer",
        "transferfile",
        "letter",
        "auditentry",
        "auth_user",
        "django_session",
    ):
        key = next(iter(old[table][0]))
        after = {row[key]: row for row in new[RENAMED.get(table, table)]}
        assert len(after) == len(old[table]) > 0
        for before in old[table]:
            row = {RENAMED.get(column, column): value for column, value in before.items()}
            if row.get("direction") == "outbound":
                row["lapse_by"] = None
            if row.get("transfer_public_id") in forgotten:
                row["reason"] = ""
            found = after[row[key]]
            assert {column: found[column] for column in row if column in found} == {
                column: value for column, value in row.items() if column in found
            }


def test_the_version_before_has_columns_that_went_elsewhere_and_no_others(old, new):
    gone = {
        table: set(old[table][0]) - {RENAMED.get(column, column) for column in new[table][0]} - set(RENAMED)
        for table in ("transfer", "transferfile", "letter", "auditentry")
    }
    assert gone == {
        "transfer": {
            "nonce",
            "language",
            "sender_name",
            "sender_email",
            "recipient_email",
            "approver_email",
            "upload_digest",
            "decide_digest",
            "sender_status_digest",
            "recipient_status_digest",
            "approver_status_digest",
        },
        "transferfile": {
            "nonce",
            "download_digest",
            "pickup_digest",
            "code_digest",
            "sent_until",
            "fetched_at",
            "fetched_last_at",
            "fetches",
        },
        "letter": {"transfer_id", "file_id"},
        "auditentry": {"actor"},
    }


def test_a_case_that_was_not_outbound_was_put_to_its_approver_when_it_was_applied_for(old, new):
    asked = {row["id"]: row["asked_at"] for row in new["transfer"]}
    assert asked == {
        row["id"]: None if row["direction"] == "outbound" else row["applied_at"] for row in old["transfer"]
    }


def test_a_case_from_before_is_told_of_as_before(new):
    """A letter for each file, and one for the first fetch."""
    told = {only(row, "one_letter", "receipts", "reason_code", "form_key") for row in new["transfer"]}
    assert {(bool(one), *rest) for one, *rest in told} == {(False, "first", "", None)}


# Parties, links, pickups


def test_every_address_is_a_party_with_the_proof_that_was_seen(old, new):
    wanted = []
    for case in old["transfer"]:
        files = [file for file in old["transferfile"] if file["transfer_id"] == case["id"]]
        trail = [row for row in old["auditentry"] if row["transfer_id_public"] == case["public_id"]]
        decided = [row for row in trail if row["step"] in ("approved", "rejected")]
        proved = {
            "sender": earliest(files, "received_at"),
            "recipient": earliest(files, "fetched_at"),
            "approver": earliest(decided, "at", role="approver"),
        }
        wanted += [
            (
                case["id"],
                role,
                case["sender_name"] if role == "sender" else "",
                case[f"{role}_email"],
                case["language"],
                "mailbox" if proved[role] else "none",
                proved[role],
            )
            for role in ROLES
            if case[f"{role}_email"]
        ]
    columns = ("transfer_id", "role", "name", "address", "language", "proof", "proved_at")
    assert sorted((only(row, *columns) for row in new["party"]), key=str) == sorted(wanted, key=str)
    assert {proof for *_, proof, _ in wanted} == {"mailbox", "none"}


def test_what_search_and_limits_look_for_is_what_the_program_itself_would_write(new):
    assert {only(row, "canonical", "folded") for row in new["party"]} == {
        (canonical(row["address"]), folded_party(row["name"], row["address"])) for row in new["party"]
    }
    assert {only(row, "name", "folded") for row in new["transferfile"]} == {
        (row["name"], fold(row["name"])) for row in new["transferfile"]
    }


def test_a_file_keeps_the_name_that_its_sender_gave_it(new, upgraded):
    told = {file["public_id"]: file["sent_name"] for _, _, file in upgraded.files()}
    assert {row["public_id"]: row["sent_name"] for row in new["transferfile"]} == told


def test_every_link_that_may_be_out_has_a_row_that_derives_it(new, party_of, upgraded):
    def times(link):
        return link.file["ready_at"] if link.file else link.transfer["applied_at"]

    wanted = [
        (
            link.digest,
            link.purpose.value,
            link.transfer["id"],
            party_of[link.transfer["id"], OWNERS[link.purpose]]["id"],
            link.file and link.file["id"],
            (link.file or link.transfer)["public_id"],
            (link.file or link.transfer)["nonce"],
            times(link),
            None,
        )
        for link in upgraded.derived_links()
        if link.was_sent
    ]
    columns = (
        "digest",
        "purpose",
        "transfer_id",
        "party_id",
        "file_id",
        "derived_from",
        "nonce",
        "made_at",
        "revoked_at",
    )
    assert sorted(only(row, *columns) for row in new["link"]) == sorted(wanted)


def test_every_file_that_was_ready_waits_for_its_recipient_with_its_code_and_what_was_fetched(
    old, new, party_of
):
    def spans(value):
        return json.loads(value) if isinstance(value, str) else value

    kept = ("code_digest", "fetched_at", "fetched_last_at", "fetches")
    wanted = {
        row["id"]: (
            party_of[row["transfer_id"], "recipient"]["id"],
            *only(row, *kept),
            "",
            None,
            [[0, row["sent_until"]]] if row["sent_until"] else [],
        )
        for row in old["transferfile"]
        if row["ready_at"]
    }
    assert {
        row["file_id"]: (*only(row, "party_id", *kept, "code_sealed", "partly_at"), spans(row["spans"]))
        for row in new["pickup"]
    } == wanted
    assert len(new["pickup"]) == len(wanted)
    assert [spans for *_, spans in wanted.values() if spans] == [[[0, 2000]]]


# Letters and the trail


def test_every_letter_is_about_the_case_file_and_party_it_was_about(old, new, party_of):
    wanted = [
        (
            row["id"],
            row["transfer_id"],
            row["file_id"],
            party_of[row["transfer_id"], row["role"]]["id"] if row["role"] in ROLES else None,
        )
        for row in old["letter"]
        if row["transfer_id"]
    ]
    found = [only(row, "letter_id", "transfer_id", "file_id", "party_id") for row in new["lettercase"]]
    assert sorted(found, key=str) == sorted(wanted, key=str)
    assert None in {party for *_, party in wanted}


def test_letters_that_somebody_waits_for_leave_first(new):
    first = {row["kind"] for row in new["letter"] if row["priority"] == 0}
    assert first == {"approval-requested", "approved", "file-ready"}
    assert {row["kind"] for row in new["letter"] if row["priority"] == 1} & first == set()
    assert {only(row, "again_of_id", "collects") for row in new["letter"]} == {(None, "")}


def test_every_party_and_letter_has_a_public_id_of_128_bits(new):
    for table in ("party", "letter"):
        drawn = {row["public_id"] for row in new[table]}
        assert (len(drawn), {len(name) for name in drawn}) == (len(new[table]), {22})


def test_the_trail_names_the_party_or_the_person_who_acted(old, new, party_of):
    keys = {row["public_id"]: row["id"] for row in old["transfer"]}
    (eva,) = (row["id"] for row in old["auth_user"])
    people = {contents()["administrator"]["username"]: f"user:{eva}", contents()["operator"]: "os:drift"}
    coded = {f"file-{because}": because for because in ErasedBecause}
    wanted = {}
    for row in old["auditentry"]:
        party = party_of.get((keys.get(row["transfer_id_public"]), row["role"]))
        person = people.get(row["actor"], "") if row["role"] == "administrator" else ""
        wanted[row["id"]] = (party["public_id"] if party else "", person, coded.get(row["step"], ""))
    assert {
        row["id"]: only(row, "party_public_id", "person", "reason_code") for row in new["auditentry"]
    } == wanted
    assert {person for _, person, _ in wanted.values()} == {"", f"user:{eva}", "os:drift"}


def test_of_a_case_that_was_forgotten_the_trail_keeps_no_typed_word(old, new, upgraded):
    (forgotten,) = upgraded.told["forgotten"].values()
    mine = [row for row in new["auditentry"] if row["transfer_public_id"] == forgotten]
    assert {only(row, "person", "party_public_id", "reason", "about") for row in mine} == {("", "", "", "")}
    assert [
        row for row in old["auditentry"] if row["transfer_id_public"] == forgotten and row["reason"]
    ] != []


def test_the_installation_names_the_oldest_program_that_may_run_on_its_tables(new):
    assert {"name": "oldest-program", "value": "0.2.0"} in new["installation"]


# The tables themselves


def test_the_upgraded_tables_are_those_that_the_models_describe(upgraded, make_service):
    fresh = make_service()
    fresh.data_dir.mkdir()
    env = {**fresh.env, "DJANGO_SETTINGS_MODULE": "filsluss.settings"}
    subprocess.run([sys.executable, "-c", MODELS_ALONE], env=env, check=True)
    assert schema_of(upgraded) == schema_of(fresh)


def test_a_prefix_is_found_by_an_index_of_code_points(upgraded, database_server):
    if not database_server:
        pytest.skip("SQLite compares so by itself")
    assert rows(
        upgraded,
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_name LIKE 'filsluss_%' AND collation_name = 'C' ORDER BY 1, 2",
    ) == [
        ("filsluss_party", "canonical"),
        ("filsluss_party", "folded"),
        ("filsluss_transferfile", "folded"),
    ]


def test_the_longest_name_and_address_that_were_ever_accepted_are_upgraded(load_before):
    service, case = load_before(), "pending"
    name = WIDEST * NAME_MAX
    address = f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 53}.example"
    assert read_address(address) == address
    assert len(address) == LONGEST_ADDRESS
    execute(
        service,
        f"UPDATE filsluss_transfer SET sender_name = '{name}', sender_email = '{address}'"
        f" WHERE public_id = '{service.cases[case]['public_id']}'",
    )
    service.run("migrate", "--verbosity", "0")
    found = rows(service, f"SELECT name, address, folded FROM filsluss_party WHERE address = '{address}'")
    assert found == [(name, address, f"{'ffi' * NAME_MAX} {address}")]


def test_no_accepted_name_is_longer_than_its_column_when_it_is_folded():
    most = max(len(fold(chr(sign))) for sign in range(0x110000) if not 0xD800 <= sign < 0xE000)
    assert most == len(fold(WIDEST)) == 3
    assert most * NAME_MAX + 1 + LONGEST_ADDRESS <= Party._meta.get_field("folded").max_length
    assert most * LONGEST_NAME <= TransferFile._meta.get_field("folded").max_length
