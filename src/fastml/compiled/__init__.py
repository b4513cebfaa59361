"""A fitted pipeline as the compiled core alone has it: what answers requests, saved as one file.

`describe` makes the form of a pipeline, `form` writes and reads it, `build` makes the compiled
predictor of it. The last two need neither NumPy nor Arrow: a server that answers text starts with
them alone.
"""
