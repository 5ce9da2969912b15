"""Running a job more than once, and comparing all that it leaves."""
