"""What people are told: letters composed, queued and delivered."""
