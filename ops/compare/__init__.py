"""What a change of the program would do to each stack: the difference of two renders, without any credential."""
