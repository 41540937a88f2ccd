//! Values of Terraform, in msgpack and in JSON, of types that the input names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plugin_framework::value::{Type, decode, encode, from_json};

fuzz_target!(|input: (String, Vec<u8>)| {
    let (of, bytes) = input;
    let Some(of) = serde_json::from_str(&of).ok().and_then(|json| Type::from_json(&json)) else {
        return;
    };
    if let Ok(value) = decode(&bytes, &of) {
        let written = encode(&value, &of);
        let again = decode(&written, &of).expect("what we write can be read");
        assert_eq!(encode(&again, &of), written);
    }
    if let Ok(json) = serde_json::from_slice(&bytes) {
        let _ = from_json(&json, &of);
    }
});
