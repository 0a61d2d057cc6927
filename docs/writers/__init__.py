"""Pages of the reference, written from the dataclasses that the program itself reads."""
