"""What every service shares: settings, the home's layout, the run loop, the supervisor, recovery."""
