"""What `filsluss check` says of settings that can be read, but may not be meant."""

from dataclasses import replace

import pytest

from filsluss.ops.checks import check_settings

DOUBT = "FILSLUSS_ADMIN_EMAIL names the service's own address: does anybody read it?"


@pytest.mark.parametrize(
    ("administrators", "doubted"),
    [
        ((), False),
        (("drift@ltdalarna.se",), False),
        (("drift@ltdalarna.se", "Filsluss+larm@LTDalarna.se"), True),
    ],
)
def test_an_administrator_who_is_the_service_itself_is_pointed_out(settings, administrators, doubted):
    settings.POLICY = replace(settings.POLICY, admin_emails=administrators)
    assert (DOUBT in check_settings()) == doubted
