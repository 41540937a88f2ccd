//! Compiles our `.proto` files with a compiler in Rust, so that nobody has to install `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    // What a provider does not implement answers UNIMPLEMENTED.
    let provider = protox::compile(["proto/tfplugin6.proto"], ["proto"])?;
    tonic_prost_build::configure()
        .build_transport(false)
        .generate_default_stubs(true)
        .compile_fds(provider)?;
    let host = protox::compile(["proto/plugin_host.proto"], ["proto"])?;
    tonic_prost_build::configure()
        .build_transport(false)
        .compile_fds(host)?;
    Ok(())
}
