"""Which tests need not run again on PostgreSQL: what they are about lies above the database."""

ONE_DATABASE = {
    "tests/accessibility": "markup, and what a link scanner may ask for: the pages' own",
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
    "tests/operations/test_probes.py": "the Host header",
    "tests/security/test_downloads.py": "response headers, and files on the disk",
    "tests/security/test_headers.py": "response headers",
    "tests/security/test_oversized_requests.py": "requests that are refused before a row is read",
    "tests/streams/test_archive.py": "the bytes of a ZIP file",
    "tests/streams/test_body_headers.py": "headers and queries that are heeded or refused",
    "tests/streams/test_lingering.py": "connections that clients do not close",
    "tests/streams/test_model.py": "bytes and offsets, which lie in the store",
    "tests/streams/test_slow_requests.py": "threads and slow clients",
    "tests/streams/test_smuggling.py": "bytes that two parsers might read differently",
    "tests/streams/test_timeouts.py": "clients that send or read nothing for a time",
    "tests/streams/test_tus.py": "tus, as it is spoken; it runs on PostgreSQL with blobs in a bucket",
    "tests/streams/test_upload_programs.py": "what curl, requests and aiohttp send",
    "tests/test_settings.py": "the environment",
}
"""Path of a file or folder, and what it is about. docs/testing.md has the same table."""


def needs_one(path: str) -> bool:
    """Whether one database is enough for the tests of that file; the path is relative to the root."""
    return any(path == known or path.startswith(f"{known}/") for known in ONE_DATABASE)


if __name__ == "__main__":
    print(*ONE_DATABASE, sep="\n")  # for `bin/test`
