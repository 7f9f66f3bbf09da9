"""The command line around the program, and the engines that carry its plan out."""
