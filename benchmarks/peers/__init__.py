"""Others that do what we do, each in an environment of its own; they take their turns with us."""
