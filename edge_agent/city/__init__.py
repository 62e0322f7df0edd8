"""The city's side of the contract: ingest worker and command signer."""
