//! How the I/O thread wakes an environment's event loop: a thread-safe function of Node-API.
//!
//! Not napi's own: called while its environment ends, that one reports the call that was refused as an uncaught
//! exception.

use napi::bindgen_prelude::{Function, JsValue};
use napi::{Env, Unknown, check_status, sys};
use std::ffi::c_void;
use std::ptr;

/// Good from any thread until it is released.
#[derive(Clone, Copy)]
pub struct Wake(pub sys::napi_threadsafe_function);

// SAFETY: Node-API lets any thread call a thread-safe function; all else here is for its own thread, and says so.
unsafe impl Send for Wake {}
// SAFETY: as above.
unsafe impl Sync for Wake {}

impl Wake {
    /// One that keeps no event loop alive.
    pub fn new(env: &Env, on_wake: &Function<(), Unknown<'static>>) -> napi::Result<Self> {
        let name = env.create_string("session-io")?;
        let (env, none, mut raw) = (env.raw(), ptr::null_mut(), ptr::null_mut());
        // SAFETY: env and values are those of the call that is being served; the strings, data and finalizer that are
        // null may be.
        unsafe {
            check_status!(sys::napi_create_threadsafe_function(
                env,
                on_wake.raw(),
                none,
                name.raw(),
                0,
                1,
                none.cast(),
                None,
                none.cast(),
                Some(call),
                &mut raw,
            ))?;
            check_status!(sys::napi_unref_threadsafe_function(env, raw))?;
        }
        Ok(Self(raw))
    }

    /// Has the function called soon, on its own thread.
    pub fn call(self) {
        // SAFETY: it is not released yet: the port that calls it is closed before. What is refused, a closing
        // environment does not miss.
        unsafe {
            sys::napi_call_threadsafe_function(self.0, ptr::null_mut(), sys::ThreadsafeFunctionCallMode::nonblocking)
        };
    }

    /// Lets it go; it must not be called from here on.
    pub fn release(self) {
        // SAFETY: called once, on the function's own thread, before its environment frees it.
        unsafe { sys::napi_release_threadsafe_function(self.0, sys::ThreadsafeFunctionReleaseMode::release) };
    }
}

/// Called by Node on the environment's thread.
unsafe extern "C" fn call(env: sys::napi_env, on_wake: sys::napi_value, _: *mut c_void, _: *mut c_void) {
    if env.is_null() || on_wake.is_null() {
        return; // it is ending
    }
    let (mut this, mut result, mut thrown, mut is_thrown) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), false);
    // SAFETY: env and function are what Node hands over for this call.
    unsafe {
        sys::napi_get_undefined(env, &mut this);
        sys::napi_call_function(env, this, on_wake, 0, ptr::null(), &mut result);
        // A call that is refused has thrown nothing.
        sys::napi_is_exception_pending(env, &mut is_thrown);
        if is_thrown {
            sys::napi_get_and_clear_last_exception(env, &mut thrown);
            sys::napi_fatal_exception(env, thrown);
        }
    }
}
