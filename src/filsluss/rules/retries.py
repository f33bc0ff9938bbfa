"""How long what failed waits for its next try: a letter, a scan, or a row of a job."""

from datetime import timedelta

PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=60))
LONGEST_PAUSE = timedelta(hours=3)


def pause_after(tries: int) -> timedelta:
    """The pause after so many failed tries: one of PAUSES, and then LONGEST_PAUSE each time."""
    return PAUSES[tries - 1] if tries <= len(PAUSES) else LONGEST_PAUSE
