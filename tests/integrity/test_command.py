"""`filsluss reconcile` on a house that people have used, and the world as the tests of faults look at it."""

import pytest

from tests.parts import people
from tests.parts.people import BO, FORM
from tests.parts.rows import blobs
from tests.parts.world import Told, settle, verify_world


@pytest.fixture
def told(post):
    return Told(post=post)


def use(house, post, told):
    """Two files fetched, one half uploaded; what was told of them is written down."""
    upload = people.apply(house, FORM).location
    for number in (1, 2):
        content = b"ritning %d" % number * 1000
        created = people.announce(house, upload, len(content), filename="ritning.pdf", with_code="1")
        people.append(house, created.location, 0, content)
        told.finished(created.location, content)
    half = people.announce(house, upload, 4000, filename="film.mov")
    people.append(house, half.location, 0, b"x" * 3000)
    told.offset(half.location, 3000)
    letters = post.wait_for("file-ready", to=BO, count=2)
    settle(house)
    return upload, letters


def test_a_house_holds_what_it_told_also_after_it_was_killed_and_started_again(house, post, told):
    upload, _ = use(house, post, told)
    verify_world(house, told)
    house.kill()
    house.start()
    assert house.get(upload).status == 200
    settle(house)
    verify_world(house, told)


def test_a_lost_byte_and_a_spilt_secret_are_seen(house, post, told):
    """By the house, and by whoever was told of the byte: a test that cannot fail holds nothing."""
    use(house, post, told)
    house.stop()
    half = next(path for path in blobs(house).values() if path.stat().st_size == 3000)
    half.write_bytes(b"x" * 2999)
    told.secrets.append("kanariefågel")
    with house.log.open("a") as log:
        log.write("kanariefågel\n")
    with pytest.raises(AssertionError) as broken:
        verify_world(house, told)
    by_the_house, by_the_told, by_the_log = str(broken.value).splitlines()[:3]
    assert by_the_house.startswith("found  I1 file ")
    assert by_the_told.strip().startswith(f"I1 {half.name} (uploading): 3000 bytes")
    assert by_the_log.strip().startswith("I14 the log holds kanari")


def test_it_says_what_it_found_and_mends_it(house, post, told):
    use(house, post, told)
    assert house.run("reconcile").stdout == "Everything fits: store and database say the same.\n"
    house.stop()
    whole = next(path for path in blobs(house).values() if path.stat().st_size > 3000)
    whole.unlink()

    dry = house.run("reconcile", "--dry-run", check=False)
    assert (dry.returncode, dry.stdout.split(":")[0][:14]) == (1, "found  I7 file")
    mended = house.run("reconcile")
    assert mended.stdout == dry.stdout.replace("found ", "mended")
    house.work()
    assert house.run("reconcile").stdout == "Everything fits: store and database say the same.\n"

    # Only a person can say what became of a letter that is not there.
    house.run("shell", "--no-imports", "-c", "from filsluss.models import Letter; "
              "Letter.objects.filter(kind='file-ready', file__state='ready').delete()")  # fmt: skip
    left = house.run("reconcile", check=False)
    assert (left.returncode, left.stdout[:10]) == (1, "left   I3 ")
