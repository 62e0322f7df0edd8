"""Frames to detections. Runs only in child processes: a decoder that aborts costs a camera, never a gate."""
