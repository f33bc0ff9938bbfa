"""A stronger proof is never replaced by a weaker."""

from filsluss.rules.directions import Proof


def test_each_proof_may_replace_those_before_it_and_no_other():
    assert [proof.weaker() for proof in Proof] == [
        (),
        (Proof.NONE,),
        (Proof.NONE, Proof.MAILBOX),
        (Proof.NONE, Proof.MAILBOX, Proof.NETWORK),
    ]
