"""What proves a running system: real phones, real calls, audio compared by content."""
