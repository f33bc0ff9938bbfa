"""Fault injection: nothing acknowledged is lost, nothing erased comes back, nobody is told what is not so."""
