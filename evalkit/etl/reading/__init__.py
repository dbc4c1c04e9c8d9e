"""Files of any kind, read whole as text, with the line each row came from."""
