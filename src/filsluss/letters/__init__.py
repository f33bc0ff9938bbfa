"""Letters: composed and queued in the transaction of what they tell, then delivered over SMTP."""
