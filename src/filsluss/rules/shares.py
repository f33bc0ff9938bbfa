"""Who may have how many of the threads that move bytes, so that no link and no network takes all of them."""

CROWDED_HEADER, CROWDED_KEY = "X-FILSLUSS-CROWDED", "HTTP_X_FILSLUSS_CROWDED"
"""A header, and its name in a WSGI environ, of a request whose link has as many as it may have.

The web process and deploy/nginx.conf set it.
A client that sets it is refused itself, and nobody else.
"""
DOWNLOADS_PER_LINK = 8
"""Downloads at once for one link and network; programs that fetch in segments use four or five."""
FEWEST_PER_PROCESS = 4
FEWEST_PER_NETWORK = 8


def share_of(threads: int) -> int:
    """Of a process's `threads` for bytes uploads have one half and downloads the other."""
    return max(1, threads // 2)


def may_have_more(own: int, *, taken: int, size: int, least: int) -> bool:
    """Whether somebody who has `own` of `size` places may have one more: while they have fewer than are free.

    So one greedy link gets half of the places, ten get an eleventh each, and as many are left for the next
    (Choudhury and Hahne, "Dynamic queue length thresholds", 1998). `least` are never refused.
    """
    return own < max(least, size - taken)


def downloads_per_link(processes: int) -> int:
    """The limit in each of so many processes, which do not know of each other's downloads."""
    return max(FEWEST_PER_PROCESS, DOWNLOADS_PER_LINK // processes)


def downloads_per_network(size: int) -> int:
    """Of `size` places at once, over all links; an office behind one address is one network."""
    return max(FEWEST_PER_NETWORK, size * 7 // 8)
