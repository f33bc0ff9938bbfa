"""A reference model of the service in some hundred lines, and a state machine that runs both side by side."""
