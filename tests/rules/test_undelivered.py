"""One word for why a mail server refused a letter, by the codes of its answer and never by its words."""

import pytest

from filsluss.rules.undelivered import reason_of

ANSWERS = {
    "552 5.2.2 Mailbox full": "full",
    "452 4.2.2 The email account that you tried to reach is over quota": "full",
    "552 Requested mail action aborted: exceeded storage allocation": "full",
    "552-5.2.2 The recipient's inbox is out of storage": "full",
    "452 4.3.1 Insufficient system storage": "full",
    "550 5.1.1 <bo@rontgen.example>: Recipient address rejected: User unknown": "unknown",
    "550-5.1.1 The email account that you tried to reach does not exist": "unknown",
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound": "unknown",
    "556 5.1.10 Recipient address has null MX": "unknown",
    "550 5.4.4 Host not found": "unknown",
    "550 No such user here": "unknown",
    "553 sorry, that domain isn't in my list": "unknown",
    "550 5.7.1 Access denied: mailbox full of spam from you": "refused",
    "554 5.7.1 Relay access denied": "refused",
    "550 5.2.1 The email account that you tried to reach is disabled": "refused",
    "552 5.3.4 Message size exceeds fixed limit": "refused",
    "554 no": "refused",
    "SMTPServerDisconnected: 550 5.1.1 unknown": "refused",
    "5505.1.1": "unknown",
    "": "refused",
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_is_one_of_three_words_by_its_codes(answer):
    assert reason_of(answer) == ANSWERS[answer]
