"""A small part of the ModelArts SDK, enough for scripts that move their data with it."""
