//! Façade over the wire codec: messages, headers, limits, record batch view, compression.
