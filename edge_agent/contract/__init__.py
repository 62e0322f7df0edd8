"""What gateway and city agree on: topics, envelope, signatures, schemas."""
