"""Which tests need not run again on PostgreSQL: what they are about lies above the database, or beside it."""

ONE_DATABASE = {
    "tests/accessibility": "markup, and what a link scanner may ask for: the pages' own",
    "tests/database/test_postgresql_pool.py": "connections to a PostgreSQL of its own",
    "tests/deploy/test_check.py": "what a proxy does to requests and responses",
    "tests/deploy/test_proxies.py": "what a proxy does to uploads and downloads, and without the service",
    "tests/downloads/test_names.py": "the names of files in headers, and on the disk of who saves them",
    "tests/downloads/test_programs.py": "what curl, wget and aria2c make of a response",
    "tests/downloads/test_ranges.py": "ranges and fetches; it runs on PostgreSQL with blobs in a bucket",
    "tests/foreign": "what upload clients of others send",
    "tests/identity/test_attacks.py": "what a provider says of a person",
    "tests/identity/test_real_provider.py": "the pages of a provider",
    "tests/identity/test_settings.py": "the environment",
    "tests/languages": "languages of letters and pages, which follow from values in memory",
    "tests/letters/test_arrived.py": "what a letter carries, made of values in memory",
    "tests/letters/test_headers.py": "the header of a letter, made of values in memory",
    "tests/letters/test_texts.py": "the words of a letter, made of values in memory",
    "tests/letters/test_words.py": "which words a letter may carry",
    "tests/nodes": "two machines, which have a PostgreSQL of their own",
    "tests/operations/test_forwarding.py": "forwarded headers",
    "tests/operations/test_mail_check.py": "what a mail server answers to a trial",
    "tests/operations/test_outages.py": "outages of a PostgreSQL of its own",
    "tests/operations/test_probes.py": "the Host header",
    "tests/pages/test_branding.py": "a colour, a logo and the start with them",
    "tests/pages/test_demo.py": "the mailbox and the sign-in of a demo, which lie in files",
    "tests/pages/test_errors.py": "the words of pages of errors",
    "tests/pages/test_look.py": "the style sheet",
    "tests/pages/test_one_or_several.py": "words that count",
    "tests/pages/test_script_messages.py": "words of the script",
    "tests/pages/test_security_txt.py": "a file made of settings",
    "tests/pages/test_statements.py": "pages made of settings",
    "tests/pages/test_steps.py": "how many pages and clicks a way takes",
    "tests/pages/test_translations.py": "the catalogue of words",
    "tests/pages/test_untranslated.py": "marks in pages and scripts",
    "tests/scan/test_end_to_end.py": "clamd; `tests/scan/test_verdicts.py` has what becomes of files",
    "tests/security/test_access.py": "which link opens which address",
    "tests/security/test_downloads.py": "response headers, and files on the disk",
    "tests/security/test_headers.py": "response headers",
    "tests/security/test_oversized_requests.py": "requests that are refused before a row is read",
    "tests/streams/test_archive.py": "the bytes of a ZIP file",
    "tests/streams/test_body_headers.py": "headers and queries that are heeded or refused",
    "tests/streams/test_full_disk.py": "a disk of blobs that is full",
    "tests/streams/test_lingering.py": "connections that clients do not close",
    "tests/streams/test_model.py": "bytes and offsets, which lie in the store",
    "tests/streams/test_room.py": "bytes that are counted as they come, and a disk that is nearly full",
    "tests/streams/test_slow_requests.py": "threads and slow clients",
    "tests/streams/test_smuggling.py": "bytes that two parsers might read differently",
    "tests/streams/test_timeouts.py": "clients that send or read nothing for a time",
    "tests/streams/test_tus.py": "tus, as it is spoken; it runs on PostgreSQL with blobs in a bucket",
    "tests/streams/test_upload_programs.py": "what curl, requests and aiohttp send",
    "tests/test_settings.py": "the environment",
}
"""Path of a file or folder, and what it is about. docs/testing.md has the same table."""

IN_PART = {
    "tests/database/test_many_names.py": "how many names a statement may hold in any build of SQLite",
    "tests/database/test_notices.py": "processes with a PostgreSQL of their own",
    "tests/database/test_upgrade_interrupted.py": "moments at random; the chosen statements are on both",
    "tests/faults/test_crash_points.py": "steps on the disk of blobs",
    "tests/faults/test_full_disk.py": "the disk of SQLite, and a PostgreSQL of its own",
    "tests/faults/test_io_errors.py": "a disk that fails, and one that is full",
    "tests/faults/test_kills.py": "kills; `tests/nodes/test_kills.py` kills on PostgreSQL",
    "tests/identity/test_back_channel.py": "what a provider's token says",
    "tests/identity/test_faults.py": "what a provider answers",
    "tests/identity/test_staff_pages.py": "cookies",
    "tests/integrity/test_command.py": "whether the check of other tests finds what is wrong",
    "tests/letters/test_connections.py": "connections to a mail server, and the sign-in there",
    "tests/letters/test_refusals.py": "what a relay's answers mean",
    "tests/letters/test_request_lists.py": "a day of requests, and how often lists are sent in it",
    "tests/operations/test_backup.py": "folders, keys and manifests of a backup",
    "tests/operations/test_json.py": "the form of a log",
    "tests/operations/test_metrics.py": "who may read the metrics, and a full disk",
    "tests/operations/test_security_log.py": "whether the inventory is that of the code",
    "tests/operations/test_security_log_service.py": "the ids of requests",
    "tests/operations/test_sign_in_accounts.py": "how long whom a crowd of guesses makes wait",
    "tests/operations/test_starting.py": "systemd, and files that are read or locked at the start",
    "tests/operations/test_tables.py": "commands that refuse, whatever the tables are",
    "tests/pages/test_block_list.py": "words typed into the form",
    "tests/pages/test_every_page.py": "markup and words; each page is opened once on PostgreSQL, too",
    "tests/pages/test_forms.py": "words typed into forms",
    "tests/pages/test_links.py": "what mail programs add to links",
    "tests/pages/test_oversee.py": "forms that come back after the sign-in or in another language",
    "tests/scan/test_verdicts.py": "the bytes that a scanner gets",
    "tests/security/test_exports.py": "formulas in cells",
    "tests/security/test_injection.py": "letters, pages, headers and lines of the log",
    "tests/stories/test_inbound.py": "forms that decide nothing",
    "tests/stories/test_reminders.py": "who is not reminded; `tests/actions/test_reminding.py` is on both",
    "tests/test_commands.py": "processes, signals, files and settings",
    "tests/test_jobs.py": "clocks, a mail server that is away, and two workers where three run on both",
}
"""Path of a file of which some tests are marked, and what these are about.

With `one_database` they never run on PostgreSQL again, with `postgresql_if_full` only if `--full` is given.
"""


def needs_one(path: str) -> bool:
    """Whether one database is enough for the tests of that file; the path is relative to the root."""
    return any(path == known or path.startswith(f"{known}/") for known in ONE_DATABASE)


if __name__ == "__main__":
    print(*ONE_DATABASE, sep="\n")  # for `bin/test`
