"""The numbers behind the pictures: torch, no drawing. A lesson's module has the lesson's name."""
