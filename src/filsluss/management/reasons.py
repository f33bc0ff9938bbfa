"""What commands say of a reason that is given on their line."""

NO_PERSONAL_NUMBER = "say that what looks like a personal identity number in the reason is none"
REASON_WORDS = {
    "reason_missing": "the reason must be 1 to 500 characters",
    "personal_number": (
        "the reason seems to contain a personal identity number: remove it, "
        "or say that it is none with --no-personal-number"
    ),
}
