"""Each job beside its peers, in one run: see README.md of this folder."""
