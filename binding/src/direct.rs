//! Functions that every request or command calls, registered with Node-API itself: what `#[napi]` opens and closes around
//! a call costs 0.2 us of it.

use napi::bindgen_prelude::{External, FromNapiRef, FromNapiValue, Object, ToNapiValue, panic_to_error};
use napi::{Env, JsError, JsValue, check_status, sys};
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

/// Defines such functions. What they fail with is thrown, and so is a panic.
macro_rules! direct {
    ($($(#[$about:meta])* fn $name:ident($env:ident; $($argument:ident: $kind:ty),*) -> $answer:ty $body:block)*) => {$(
        $(#[$about])*
        pub unsafe extern "C" fn $name(env: napi::sys::napi_env, info: napi::sys::napi_callback_info) -> napi::sys::napi_value {
            let work = |$env: napi::Env, [$($argument),*]: [napi::sys::napi_value; _]| -> napi::Result<$answer> {
                // SAFETY: these are the environment and arguments of the call that is being served.
                $(let $argument = unsafe { <$kind as napi::bindgen_prelude::FromNapiValue>::from_napi_value($env.raw(), $argument) }?;)*
                $body
            };
            // SAFETY: Node-API calls it, with an environment and a call of its own.
            unsafe { $crate::direct::serve(env, info, work) }
        }
    )*};
}
pub(crate) use direct;

/// Adds a function to the addon's exports.
pub fn export(exports: &Object, env: &Env, name: &str, function: sys::napi_callback) -> napi::Result<()> {
    let key = env.create_string(name)?;
    let mut value = ptr::null_mut();
    // SAFETY: env, exports and key are those of the registration that is under way; no name and no data are given.
    unsafe {
        check_status!(sys::napi_create_function(env.raw(), ptr::null(), 0, function, ptr::null_mut(), &mut value))?;
        check_status!(sys::napi_set_property(env.raw(), exports.raw(), key.raw(), value))
    }
}

/// Does the work of a call with its first `N` arguments; those that are not given are undefined.
///
/// # Safety
/// `env` and `info` must be those that Node-API has called the function with.
pub unsafe fn serve<const N: usize, T: ToNapiValue>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    work: impl FnOnce(Env, [sys::napi_value; N]) -> napi::Result<T>,
) -> sys::napi_value {
    let answer = catch_unwind(AssertUnwindSafe(|| {
        let (mut count, mut arguments) = (N, [ptr::null_mut(); N]);
        // SAFETY: as the caller grants; there is room for `count` arguments, and nothing else is asked for.
        unsafe {
            check_status!(sys::napi_get_cb_info(
                env,
                info,
                &mut count,
                arguments.as_mut_ptr(),
                ptr::null_mut(),
                ptr::null_mut(),
            ))?;
            T::to_napi_value(env, work(Env::from_raw(env), arguments)?)
        }
    }));
    answer.unwrap_or_else(|panic| Err(panic_to_error(panic))).unwrap_or_else(|error| {
        // SAFETY: as the caller grants.
        unsafe { JsError::from(error).throw_into(env) };
        ptr::null_mut()
    })
}

/// What JavaScript holds of Rust's, while a call lasts that it was given to.
pub struct Held<T: 'static>(&'static External<T>);

impl<T: 'static> FromNapiValue for Held<T> {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> napi::Result<Self> {
        // SAFETY: env and value are those of the call that is being served, which keeps the value alive.
        unsafe { External::from_napi_ref(env, value) }.map(Self)
    }
}

impl<T: 'static> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0
    }
}
