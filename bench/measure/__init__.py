"""What bench/regress and bench/suite share: running loads on allocators, comparing runs, and writing it up."""
