"""The people at the gateway itself: what a guard or an installer wants done, and what they are told."""
