"""The gateway's MQTT: paho is a socket here, the journal is the session."""
