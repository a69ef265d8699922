fn main() {
    napi_build::setup();
    // A worker thread that ends unloads what only it had loaded. The I/O thread, the sweeper and the destructors of
    // thread-locals still run our code then, so the image stays for the life of the process.
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo:rustc-link-arg-cdylib=-Wl,-z,nodelete");
    }
}
