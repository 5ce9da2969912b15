"""Businesses to look at, opened through the services that visitors use; each start makes new links to them.

`opening` is what `./dev run` waits for; `life` goes on in the background. Both do each of their steps once and, killed
in the middle, go on from there at the next start.
"""
