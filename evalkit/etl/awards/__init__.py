"""Award events, netted into awards; each firm's first award."""
