"""Where tables live and passes run."""
