"""The rules of video search. Pure: no I/O, no AWS, no torch."""
