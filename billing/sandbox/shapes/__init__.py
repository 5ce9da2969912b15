"""The objects of the API, in the shape of the version that the installed stripe package speaks."""
