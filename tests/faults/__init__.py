"""What faults must not do: nothing acknowledged is lost, nothing comes back, nobody is told a lie."""
