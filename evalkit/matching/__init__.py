"""One file per matching method."""
