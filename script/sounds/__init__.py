"""The makers of the recorded sounds, run by script/prompts in its own environment; the server never imports them."""
