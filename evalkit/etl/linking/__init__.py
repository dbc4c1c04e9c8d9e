"""Link awards without a firm id to a register by name and address."""
