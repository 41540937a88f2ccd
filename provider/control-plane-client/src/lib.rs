//! One method per control-plane endpoint, named as in the API; signing, retries, waiting.
