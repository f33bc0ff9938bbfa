"""A house that people have used, for those who mean it harm; all of them work on the same one."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from filsluss.models.transfer import STATUS_PURPOSE
from filsluss.rules.tokens import Purpose, keys_for, link_token
from tests.parts.house import House
from tests.parts.post import Post
from tests.parts.rooms import LivedIn
from tests.parts.rows import rows
from tests.parts.world import settle


@dataclass
class Case:
    """One transfer with one ready file: every secret that stands in a letter about it."""

    tokens: dict[str, str]
    transfer: str
    file: str
    upload_id: str
    name: str


class Target:
    """The house, its letters, and whoever has read all of them."""

    def __init__(self, lived: LivedIn) -> None:
        self.lived, self.house, self.post = lived, lived.house, lived.post

    def case(self, transfer: str) -> Case:
        """The secrets of a transfer, derived as the house derives them."""
        keys = keys_for("link", [(self.house.data_dir / "secret_key").read_text().strip()])
        ((pk, nonce),) = rows(
            self.house, f"SELECT id, nonce FROM filsluss_transfer WHERE public_id = '{transfer}'"
        )
        (file, file_nonce, upload_id, name) = rows(
            self.house,
            "SELECT public_id, nonce, upload_id, name FROM filsluss_transferfile "
            f"WHERE transfer_id = {pk} AND state = 'ready' ORDER BY id",
        )[0]
        of_file = (Purpose.DOWNLOAD, Purpose.PICKUP)
        tokens = {
            purpose.value: link_token(
                keys[0],
                purpose=purpose,
                row=file if purpose in of_file else transfer,
                nonce=file_nonce if purpose in of_file else nonce,
            )
            for purpose in (*of_file, Purpose.UPLOAD, Purpose.DECIDE, *STATUS_PURPOSE.values())
        }
        return Case(tokens, transfer, file, upload_id, name)


@pytest.fixture(scope="session")
def target(tmp_path_factory, database_server) -> Iterator[Target]:
    post = Post()
    post.open()
    own = {"SMTP_URL": post.url}
    database = database_server.database("malice") if database_server else None
    if database:
        own["DATABASE_URL"] = database.__enter__()
    house = House(tmp_path_factory.mktemp("malice") / "house", **own).start()
    lived = LivedIn(house, post)
    # The last to live in it took the virus check away, without which nothing would arrive any more.
    del house.env["FILSLUSS_CLAMD"]
    house.stop()
    house.start()
    settle(house)
    yield Target(lived)
    house.leave()
    post.shut()
    if database:
        database.__exit__(None, None, None)


@pytest.fixture
def victim(target) -> Case:
    """The busy account of the house."""
    return target.case(target.lived.transfer)
